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

start sink "$dgram" sink -a 127.0.0.1 -p "$far" -i 10 -t 60
await_line 5 sink '^port='
start send "$dgram" send -a 127.0.0.1 -p "$near" -t 50 -r 20k 127.0.0.1 \
    "$local"

worker_is_new() {
	find_worker "$1" "$2" && [ "$worker" != "$3" ]
}

# kill_worker NODE PATH: prints how long it took, seen from outside. Of several
# times the machine may spoil some, but not all.
quickest_ms=$most_ms
kill_worker() {
	local path=".tunnels[0].paths[$2]" victim began took

	kill_worker_of "$1" "$path"
	victim=$worker
	began=$(now_ms)
	await 5 "new worker" worker_is_new "$1" "$path" "$victim"
	took=$(($(now_ms) - began))
	[ "$took" -ge "$quickest_ms" ] || quickest_ms=$took
	note "path $2 of $1: back after $took ms"
}

sleep 0.3 # let the load flow
kill_worker connector 0
kill_worker connector 1
kill_worker connector 0
[ "$quickest_ms" -lt 1000 ] || fail "no path was back within a second"
stop send
stop sink INT
# The far end's worker: the connector sees the connection close.
await 5 "a worker of the listener" find_worker listener '.tunnels[0].paths[0]'
restarts=$(query connector '[.tunnels[].paths[].restarts] | add')
began=$(now_ms)
kill -RTMIN "$worker"
has_restarted() {
	[ "$(query connector '[.tunnels[].paths[].restarts] | add')" \
	    -gt "$restarts" ] && has_paths_up connector 2
}
await 5 "new connection" has_restarted
await_line 5 listener "worker killed by signal $(kill -l RTMIN)"
note "worker of the listener: back after $(($(now_ms) - began)) ms"
expect sink corrupt 0
expect sink duplicates 0
gap=$(gap_ms sink send)
[ "$gap" -lt "$most_ms" ] || fail "nothing arrived for $gap ms"
note "$(value sink received) datagrams arrived, $(value sink lost) were in" \
    "killed workers' rings; longest gap $gap ms"
both_ways after -n 1000 -s 1400 -r 10k
