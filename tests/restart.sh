#!/bin/bash
# Listener or connector killed outright: the tunnel comes back by itself; a new
# session replaces the old one at once.
. "$(dirname "$0")/lib.sh"
need jq

expect_problem "$log_path_down" "$log_supervisor_gone"
start_listener listener
service=127.0.0.1:${port[listener]}
pick_tuple
start_connector connector "$loc" "$rem" "tcp://$service"
both_ways first -n 100 -s 1400 -r 5k

# No process of a killed socktopus may live on.
children_of() {
	ps -o pid= --ppid "$1"
}

none_alive() {
	local child

	for child in "$@"; do
		[ ! -e "/proc/$child" ] || grep -q '^State:.Z' \
		    "/proc/$child/status" 2>/dev/null || return 1
	done
}

kill_outright() {
	local children

	children=$(children_of "${pid[$1]}")
	[ -n "$children" ] || fail "$1 has no children"
	stop "$1" KILL
	# shellcheck disable=SC2086
	await 5 "end of the children of $1" none_alive $children
}

kill_outright listener
await_line 10 connector "$log_path_down"
start_listener listener2 "$service"
await_paths connector 1 10
both_ways second -n 100 -s 1400 -r 5k
note "the listener was killed and started: the tunnel is back"

kill_outright connector
began=$(now_ms)
start_connector connector2 "$loc" "$rem" "tcp://$service"
note "the connector was killed and started: up after" \
    "$(($(now_ms) - began)) ms"
both_ways third -n 100 -s 1400 -r 5k

# The old session still stands when the new one comes: no FIN, no RST.
kill -STOP "${pid[connector2]}"
# shellcheck disable=SC2046
kill -STOP $(children_of "${pid[connector2]}")
stopped=$(children_of "${pid[connector2]}")
mv "$work/connector2.log" "$work/connector2.old.log"
# Its sockets hold the local UDP port, so the new session takes another one.
other=$(free_ports 1)
start_connector connector3 "127.0.0.1:$other:127.0.0.1:$near" "$rem" \
    "tcp://$service"
local=$other
both_ways fourth -n 100 -s 1400 -r 5k
[ "$(query listener2 '.tunnels | length')" = 1 ] ||
    fail "the old session is still there"
# shellcheck disable=SC2086
kill -CONT $stopped "${pid[connector2]}"
mv "$work/connector2.old.log" "$work/connector2.log"
stop connector2
[ "$status" = 0 ] || fail "connector2 ended with $status"
note "a new session replaced one that still stood"
