#!/bin/bash
# A peer whose key is good, and who asks for one address and port after the
# other: what its permit does not name is refused, in the same words whether
# anybody is there or not; nothing is bound for it, the log does not fill, and
# another peer's tunnel and another peer who comes meanwhile do not notice.
. "$(dirname "$0")/lib.sh"
need jq pgrep ss

impostor=$build/tests/impostor
for name in near late guest far; do
	make_key "$name"
done
# shellcheck disable=SC2046 # two ports
set -- $(free_ports 2)
mine=$1 theirs=$2
begin_file listener far <<END
listen = ( "0.0.0.0:0" );
peers = ( { name = "near"; key = "$(public_key near)"; },
	{ name = "late"; key = "$(public_key late)"; },
	{ name = "guest"; key = "$(public_key guest)";
	    permit = ( "127.0.0.1:$mine", "127.0.0.1:$theirs" ); } );
END
start_file listener
await_listening listener
engine=$(engine_of listener)
expect_problem "$log_path_down" 'refused: ' 'more lines .*were left out'
ask=("$impostor" -i "$work/guest.key" -R "$(public_key far)"
    dial "${port[listener]}")

# --- what is refused, and how -------------------------------------------------

# Somebody is at one port and at one path, and nobody at the other.
start somebody "$dgram" sink -a 127.0.0.1
await_line 5 somebody '^port='
taken=$(value somebody port)
vacant=$(free_ports 1)
: >"$work/there"

ask_for() {
	start asked "${ask[@]}" "$@"
	finish asked 60
	[ "$status" = 0 ] || fail "impostor: $(cat "$work/asked.log")"
}

is_refused_alike() {
	local number=$1 words

	shift
	ask_for "$@"
	grep -v ' refused: .*: not permitted$' "$work/asked.log" &&
	    fail "that is no refusal"
	words=$(sed 's/.* refused: .*: /refused: /' "$work/asked.log" |
	    sort | uniq -c | tr -s ' ')
	[ "$words" = " $number refused: not permitted" ] || fail "$words"
}

is_refused_alike 4 "127.0.0.1:$taken:127.0.0.1:$theirs" \
    "127.0.0.1:$vacant:127.0.0.1:$theirs" \
    "127.0.0.1:$mine:127.0.0.1:$taken" "127.0.0.1:$mine:127.0.0.1:$vacant"
is_refused_alike 8 "0.0.0.0:$mine:127.0.0.1:$theirs" \
    "127.0.0.2:$mine:127.0.0.1:$theirs" "[::1]:$mine:[::1]:$theirs" \
    "[::ffff:127.0.0.2]:$mine:[::ffff:127.0.0.1]:$theirs" \
    "127.0.0.1:$mine:255.255.255.255:$theirs" \
    "127.0.0.1:$mine:224.0.0.1:$theirs" \
    "127.0.0.1:$mine:192.0.2.1:$theirs" "127.0.0.1:$mine:0.0.0.0:$theirs"
is_refused_alike 4 "unix:$work/there" "unix:$work/none" \
    "unix-seqpacket:$work/there" "tun:lo"
[ -e "$work/there" ] || fail "the file is gone"
ask_for "127.0.0.1:$mine:127.0.0.1:$theirs"
grep -q ' accepted$' "$work/asked.log" || fail "what is permitted: $(cat \
    "$work/asked.log")"
note "refused alike: taken and vacant, near and far, names of files"

# --- a scan ---------------------------------------------------------------------

seconds=6
pick_tuple
start_side() { # NAME KEY
	begin_file "$1" "$2" <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "$1"; peer = "listener"; local = "$loc"; remote = "$rem";
    destination = "tcp://127.0.0.1:${port[listener]}"; } );
END
	start_file "$1"
}
start_side connector near
await_paths connector 1

cpu_ms() {
	awk '{ print ($14 + $15) * 10 }' "/proc/$engine/stat"
}

descriptors() {
	find "/proc/$engine/fd" -mindepth 1 2>/dev/null | wc -l
}

udp_sockets() {
	ss -Hlun | wc -l
}

cpu=$(cpu_ms)
traffic calm connector
traffic_came calm
calm=$came calm_ms=$(($(cpu_ms) - cpu))
fds=$(descriptors) sockets=$(udp_sockets) lines=$(wc -l <"$work/listener.log")

cpu=$(cpu_ms)
traffic storm connector
for scanner in 1 2 3 4; do
	mapfile -t tuples < <(seq -f "127.0.0.1:%.0f:127.0.0.1:$theirs" \
	    $((scanner * 10000)) $((scanner * 10000 + 4999)))
	start "scan$scanner" "${ask[@]}" "${tuples[@]}"
done
sleep 1 # let it get going
during=$(udp_sockets)
calm_tuple=("$near" "$local" "$bound" "$far")
pick_tuple
began=$(now_ms)
start_side latecomer late
await_paths latecomer 1 20
late=$(($(now_ms) - began))
near=${calm_tuple[0]} local=${calm_tuple[1]} bound=${calm_tuple[2]}
far=${calm_tuple[3]}
traffic_came storm
storm_ms=$(($(cpu_ms) - cpu))
for scanner in 1 2 3 4; do
	stop "scan$scanner"
done
asked=$(cat "$work"/scan?.log | wc -l)
log_lines=$(tail -n +"$lines" "$work/listener.log" | grep -vc ' debug ')
note "scan: $asked answers in $seconds s, $((storm_ms - calm_ms)) ms of CPU" \
    "of the engine, that is" \
    "$(((storm_ms - calm_ms) / (seconds * 10))) % of a core"
note "goodput $came of $calm, a latecomer in after $late ms," \
    "$log_lines lines logged"
[ "$asked" -ge 100 ] || fail "it was no scan"
! grep -hvE ' (refused: .*: not permitted|unanswered|closed)$' \
    "$work"/scan?.log || fail "that is no refusal"
[ "$during" -le $((sockets + 1)) ] || fail "it had sockets bound"
[ $((came + missing)) -ge $((calm * 9 / 10)) ] || fail "another tunnel was slowed"
[ "$late" -lt $((5000 * ${E2E_PATIENCE:-1})) ] ||
    fail "another peer was kept out for $late ms"
[ "$log_lines" -le $((260 * ${E2E_PATIENCE:-1})) ] || fail "it fills the log"
[ "$(query connector '.tunnels[0].paths[0].restarts')" = 0 ] ||
    fail "another tunnel was interrupted"
is_calm_again() {
	[ "$(descriptors)" -le $((fds + 16)) ]
}
await 15 "recovery" is_calm_again
both_ways after -n 200 -s 1400 -r 5k
