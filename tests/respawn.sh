#!/bin/bash
# A worker is killed under load: its path is back in service well under a
# second, with a new process, and the other path carries on meanwhile.
. "$(dirname "$0")/lib.sh"
need socat jq

most_ms=$((1000 * ${E2E_PATIENCE:-1}))
start_listener listener
relay_socat relay 127.0.0.1 "${port[listener]}"
pick_tuple
start_connector connector "$loc" "$rem" "tcp://127.0.0.1:${port[listener]}" \
    "tcp://127.0.0.1:${port[relay]}"
expect_problem "$log_path_down"

start sink "$dgram" sink -a 127.0.0.1 -p "$far" -t 30
start send "$dgram" send -a 127.0.0.1 -p "$near" -t 20 -r 20k 127.0.0.1 \
    "$local"

worker_is_new() {
	local now

	now=$(query "$1" ".tunnels[0].paths[$2] | select(.state == \"up\").pid")
	[ -n "$now" ] && [ "$now" != "$3" ]
}

# kill_worker NODE PATH: prints how long it took, seen from outside.
kill_worker() {
	local victim began took

	victim=$(query "$1" ".tunnels[0].paths[$2].pid")
	began=$(now_ms)
	kill -KILL "$victim" || fail "no worker $victim"
	await 5 "new worker" worker_is_new "$1" "$2" "$victim"
	took=$(($(now_ms) - began))
	[ "$took" -lt "$most_ms" ] || fail "path $2 of $1 was away for $took ms"
	note "path $2 of $1: back after $took ms"
}

sleep 0.3 # let the load flow
kill_worker connector 0
kill_worker connector 1
kill_worker connector 0
stop send
stop sink INT
# The far end's worker: the connector sees the connection close.
victim=$(query listener '.tunnels[0].paths[0].pid')
restarts=$(query connector '[.tunnels[].paths[].restarts] | add')
began=$(now_ms)
kill -RTMIN "$victim"
has_restarted() {
	[ "$(query connector '[.tunnels[].paths[].restarts] | add')" \
	    -gt "$restarts" ] && has_paths_up connector 2
}
await 5 "new connection" has_restarted
has_line listener "worker killed by signal $(kill -l RTMIN)" ||
    fail "the log does not name the signal"
note "worker of the listener: back after $(($(now_ms) - began)) ms"
expect sink corrupt 0
expect sink duplicates 0
gap=$(value sink gap_max_ms)
[ "${gap%.*}" -lt "$most_ms" ] || fail "nothing arrived for $gap ms"
note "$(value sink received) datagrams arrived, $(value sink lost) were in" \
    "killed workers' rings; longest gap $gap ms"
both_ways after -n 1000 -s 1400 -r 10k
