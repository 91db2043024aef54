#!/bin/bash
# The books close: whatever happens to a tunnel under load, every datagram that
# came in is counted once, at one of the two ends, both ends tell the same, and
# what they tell is what the generator sent and the sink got.
. "$(dirname "$0")/lib.sh"
need socat jq

make_key near
make_key far
port[listener]=$(free_ports 1)
begin_file listener far <<END
listen = ( "127.0.0.1:${port[listener]}" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
start_file listener
await_listening listener
relay_socat relay 127.0.0.1 "${port[listener]}"
relay_faulty freezer 127.0.0.1 "${port[listener]}"
relay_faulty slow 127.0.0.1 "${port[listener]}" -r 100000
expect_problem "$log_path_down"

# connect NAME KEYS [PATHS]: three paths, unless others are named.
connect() {
	local paths='{ uri = "tcp://127.0.0.1:'${port[relay]}'"; },
	    { uri = "tcp://127.0.0.1:'${port[freezer]}'"; }'

	pick_tuple
	begin_file "$1" near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "$1"; peer = "listener"; $2
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem"; direct = ${4:-true};
    paths = ( ${3:-$paths} ); } );
END
	start_file "$1"
	await_paths "$1" "${5:-3}"
}

# begin_load NAME RATE COUNT [OPTION...]: from the connector's side.
begin_load() {
	local name=$1 rate=$2 count=$3

	shift 3
	backlog=$(backlog_drops)
	start "$name.sink" "$dgram" sink -a 127.0.0.1 -p "$far" -i 600 \
	    -b 33554432 "$@"
	await_line 5 "$name.sink" '^port='
	start "$name.send" "$dgram" send -a 127.0.0.1 -p "$near" \
	    -n "$count" -r "$rate" -s 200-1400 127.0.0.1 "$local"
}

# ledger NODE NAME DIRECTION: one direction of the tunnel, in one line.
ledger() {
	query "$1" "(.tunnels[] | select(.name == \"$2\")).ledger.$3 |
	    del(.direction) | tojson"
}

# The reader's own sum, not what the programs say of themselves. With back, of
# what the listener's application sent.
is_closed() {
	local near_view far_view there=out back=in

	[ -z "${2:-}" ] || there=in back=out
	near_view=$(ledger "$1" "$1" "$there")
	far_view=$(ledger listener "$1" "$back")
	[ -n "$near_view" ] && [ "$near_view" = "$far_view" ] &&
	    jq -e '.state == "settled" and .came_in == .kernel + .no_room +
		.too_large + .too_old + .stranger + .lost_with_path + .late +
		.delivered + .refused + .nobody and .waiting + .under_way + .held == 0 and
		.arrived == .duplicates + .delivered + .refused + .nobody' \
		>/dev/null <<<"$near_view"
}

# What did not close is shown.
await_closed() {
	local deadline=$(($(now_ms) + 15000 * ${E2E_PATIENCE:-1}))

	until is_closed "$@"; do
		[ "$(now_ms)" -lt "$deadline" ] ||
		    fail "$1: the books do not close:
$(query "$1" ".tunnels[].ledger | tojson")
$(query listener ".tunnels[].ledger | tojson")"
		sleep 0.1
	done
}

# of NAME KEY: of what the connector's application sent.
of() {
	ledger "$1" "$1" out | jq -r ".$2"
}

# same COUNT COUNT: but for what was lost on the loopback device between the two.
same() {
	[ "$1" -ge "$2" ] && [ $(($1 - $2)) -le $(($(backlog_drops) - backlog)) ]
}

# end_load NAME: against what the two applications counted.
end_load() {
	finish "$1.send" 60
	await_closed "$1"
	stop "$1.sink" INT
	same "$(value "$1.send" sent)" "$(of "$1" came_in)" ||
	    fail "$1: $(of "$1" came_in) came in," \
	    "of $(value "$1.send" sent) that were sent"
	got=$(($(value "$1.sink" distinct) + $(value "$1.sink" kernel_drops)))
	same "$(of "$1" delivered)" "$got" ||
	    fail "$1: $(of "$1" delivered) delivered, $got arrived"
	expect "$1.sink" duplicates 0
	note "$1: $(ledger "$1" "$1" out |
	    jq -r 'to_entries | map(select(.value != 0 and
		.key != "tunnel") |
		"\(.key) \(.value)") | join(", ")')"
}

torture() {
	local path

	for path in 0 1 2; do
		kill_worker_of "$1" ".tunnels[0].paths[$path]"
	done
	kill_worker_of listener "(.tunnels[] | select(.name == \"$1\")).paths[0]"
	await_paths "$1" 3
	kill -USR1 "${pid[freezer]}"
}

came_in_at_least() {
	[ "$(of "$1" came_in)" -ge "$2" ] 2>/dev/null
}

connect safe ""
begin_load safe 10k 20000
torture safe
end_load safe
kill -USR2 "${pid[freezer]}"
[ $(($(of safe delivered) + $(of safe kernel) + $(of safe no_room))) = \
    "$(of safe came_in)" ] ||
    fail "resend, and not all that could be read were delivered"
[ "$(of safe duplicates)" -gt 0 ] || note "(nothing came twice)"
stop safe

connect careless "resend = false;"
begin_load careless 10k 20000
torture careless
end_load careless
kill -USR2 "${pid[freezer]}"
stop careless

connect redundant 'scheduler = "redundant"; copies = 2; reorder = 50;'
begin_load redundant 10k 20000
torture redundant
end_load redundant
kill -USR2 "${pid[freezer]}"
[ "$(of redundant duplicates)" -gt 10000 ] || fail "there were no copies"
stop redundant

# More than the one path carries, for a while: most has no room, or grows old.
connect aged "max_age = 40;" "{ uri = \"tcp://127.0.0.1:${port[slow]}\"; }" \
    false 1
begin_load aged 2000 5000
end_load aged
[ "$(of aged no_room)" -gt 100 ] || fail "aged: there was room"
[ "$(of aged too_old)" -gt 0 ] || fail "aged: nothing was too old"
stop aged

# An engine that stands still cannot be blamed on the paths.
connect stopped ""
engine=$(engine_of stopped)
[ -n "$engine" ] || fail "no engine"
kill -STOP "$engine"
begin_load stopped 0 40000
await_line 10 stopped.send '^sent='
kill -CONT "$engine"
end_load stopped
[ "$(of stopped kernel)" -gt 1000 ] || fail "stopped: the buffer was enough"

# The other direction has books of its own.
one_way back "$far" "$bound" "$near" -n 1000 -r 5k
await_closed stopped back
[ "$(ledger stopped stopped in | jq .delivered)" = 1000 ] ||
    fail "back: not all were delivered"
stop stopped

# What a listener had that is killed nobody can tell: the count begins anew.
expect_problem "$log_supervisor_gone" 'supervisor is gone'
connect anew ""
begin_load anew 10k 0
await 10 "datagrams" came_in_at_least anew 5000
crash listener
start_file listener
await_listening listener
await_paths anew 3 30
has_more_delivered() {
	[ "$(ledger listener anew in | jq .delivered)" -gt 1000 ] 2>/dev/null
}
await 10 "datagrams since" has_more_delivered
stop anew.send
await_closed anew
counted=$(of anew came_in)
sent=$(value anew.send sent)
{ [ "$counted" -gt 0 ] && [ "$counted" -lt "$sent" ]; } ||
    fail "anew: $counted of $sent came in since"
grep -q 'the far end has begun anew' "$work/anew.log" ||
    fail "nothing was said of it"
note "anew: $(of anew delivered) of $counted delivered since"
stop anew
