#!/bin/bash
# Paths fail under load and no datagram is lost or comes twice: workers of both
# ends are killed, a relay is frozen, every path is replaced in good time. With
# re-sending off, the same costs what was in flight, and that is counted.
. "$(dirname "$0")/lib.sh"
need socat jq

listen_for near
relay_socat relay 127.0.0.1 "${port[listener]}"
relay_faulty freezer 127.0.0.1 "${port[listener]}"
expect_problem "$log_path_down"

# connect NAME KEYS: a connector with three paths and these keys.
connect() {
	pick_tuple
	begin_file "$1" near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "$1"; peer = "listener"; $2
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem";
    paths = ( { uri = "tcp://127.0.0.1:${port[relay]}"; },
	{ uri = "tcp://127.0.0.1:${port[freezer]}"; } ); } );
END
	start_file "$1"
	await_paths "$1" 3
}

# It lasts until it is ended: whatever is done under it may take its time.
begin_load() {
	start "$1.sink" "$dgram" sink -a 127.0.0.1 -p "$far" -i 10 -t 120
	await_line 5 "$1.sink" '^port='
	start "$1.send" "$dgram" send -a 127.0.0.1 -p "$near" -t 100 \
	    -r 10k -s 200-1400 127.0.0.1 "$local"
}

has_sent() {
	[ "$(query "$1" '.tunnels[0].sent')" -ge "$2" ] 2>/dev/null
}

# When 40000 have been sent, and what is under way has come.
end_load() {
	await 60 "40000 datagrams" has_sent "$1" 40000
	stop "$1.send" INT
	await 20 "arrival of what was sent" stands_still listener \
	    "[.tunnels[] | select(.name == \"$1\").delivered] | add"
	stop "$1.sink" INT
	expect "$1.sink" corrupt 0
	expect "$1.sink" duplicates 0
}

# A plain user's receive buffer does not last until a path has room again; what
# the kernel dropped for that was never ours to lose.
all_is_there() {
	local drops

	drops=$(query "$1" '.tunnels[0].dropped | .kernel + .no_room')
	drops=$((drops + $(value "$1.sink" kernel_drops)))
	[ "$(value "$1.sink" lost)" -le "$drops" ] ||
	    fail "lost $(value "$1.sink" lost), and the kernel dropped $drops"
}

has_resent() {
	resent=$(query "$1" '.tunnels[0].resent')
	[ "${resent:-0}" -gt 0 ]
}

has_restarted() {
	[ "$(query "$1" '[.tunnels[].paths[].restarts] | add')" -ge "$2" ]
}

torture() {
	local path

	begin_load "$1"
	for path in 0 1 2; do
		kill_worker_of "$1" ".tunnels[0].paths[$path]"
		await 5 "respawn" has_restarted "$1" $((path + 1))
	done
	kill_worker_of listener "(.tunnels[] | select(.name == \"$1\")).paths[0]"
	await_paths "$1" 3
}

connect safe ""
torture safe
kill -USR1 "${pid[freezer]}"
await 20 "something that is sent again" has_resent safe
end_load safe
kill -USR2 "${pid[freezer]}"
all_is_there safe
note "resend: $(value safe.sink distinct) of $(value safe.send sent) arrived" \
    "once, longest gap $(value safe.sink gap_max_ms) ms; $resent and more" \
    "went out again"
stop safe

connect careless "resend = false;"
torture careless
end_load careless
lost=$(value careless.sink lost)
counted=$(query careless '.tunnels[0].dropped.lost_with_path')
note "resend = false: $lost lost, $counted counted as lost with a path"
[ "$lost" -gt 0 ] || note "(nothing was in flight when they died)"
stop careless

connect rotating "rotate = 1;"
begin_load rotating
await_line 20 rotating 'rotated'
end_load rotating
all_is_there rotating
note "rotate: longest gap $(value rotating.sink gap_max_ms) ms"
stop rotating

# Copies on two paths: neither a freeze nor a kill makes a gap.
connect redundant 'scheduler = "redundant"; copies = 2;'
torture redundant
end_load redundant
all_is_there redundant
[ "$(query listener '(.tunnels[] | select(.name == "redundant")).duplicates')" \
    -gt $(($(value redundant.send sent) * 3 / 4)) ] ||
    fail "there were no copies"
note "redundant: longest gap $(value redundant.sink gap_max_ms) ms"
stop redundant

# What is lost for good is known to be: nothing waits for it.
connect known "resend = false; reorder = 5000;"
torture known
end_load known
missing=$(($(query known '.tunnels[0].sent') - $(value known.sink distinct)))
counted=$(query known '.tunnels[0].dropped.lost_with_path')
[ "$missing" -le $((counted + $(value known.sink kernel_drops))) ] ||
    fail "$missing did not come, and $counted were lost with a path"
note "reorder: $(value known.sink lost) lost, longest delay" \
    "$(value known.sink delay_max_ms) ms"
awk -v is="$(value known.sink delay_max_ms)" \
    -v most=$((2500 * ${E2E_PATIENCE:-1})) 'BEGIN { exit is > most }' ||
    fail "datagrams that were given up were waited for"
stop known

connect ordered "reorder = 1000;"
begin_load ordered
end_load ordered
all_is_there ordered
expect ordered.sink reordered 0
note "reorder: p99 delay $(value ordered.sink delay_p99_ms) ms"
stop ordered
