#!/bin/bash
# Ten thousand connections of strangers while a tunnel runs: what it costs the
# tunnel, how many processes it makes, that nobody is answered, that a peer
# still gets in during it, and that nothing is left of it.
. "$(dirname "$0")/lib.sh"
need jq pgrep

patience=${E2E_PATIENCE:-1}
strangers=${FLOOD_COUNT:-10000}
seconds=6
start_listener listener "0.0.0.0:0"
pick_tuple
start_connector connector "$loc" "$rem" "tcp://127.0.0.1:${port[listener]}"

engine=$(engine_of listener)

descriptors() {
	find "/proc/$engine/fd" -mindepth 1 2>/dev/null | wc -l
}

processes() {
	pgrep -c -P "${pid[listener]}" ''
}

log_lines() {
	wc -l <"$work/listener.log"
}

cpu_ms() {
	awk '{ print ($14 + $15) * 10 }' "/proc/$engine/stat"
}

traffic calm tunnel
traffic_came calm
calm=$came
fds_before=$(descriptors) processes_before=$(processes) lines=$(log_lines)
cpu=$(cpu_ms)

traffic storm tunnel
start flood "$build/tests/flood" -n "$strangers" -t "$seconds" \
    "${port[listener]}"
processes_peak=0 fds_peak=0
watch_peaks() {
	local now

	now=$(processes)
	[ "$now" -le "$processes_peak" ] || processes_peak=$now
	now=$(descriptors)
	[ "$now" -le "$fds_peak" ] || fds_peak=$now
	is_gone flood
}
sleep 0.5 # let it grow
first_tuple=("$near" "$local" "$bound" "$far")
pick_tuple
began=$(now_ms)
# A second peer process, in the middle of it.
expect_problem "$log_path_down" 'more lines .*were left out'
socktopus late UDPLOC="$loc" UDPREM="$rem" -- \
    "tcp://127.0.0.1:${port[listener]}"
await 10 "late peer" has_paths_up late 1
late=$(($(now_ms) - began))
await 60 "end of the flood" watch_peaks
stop flood
traffic_came storm
near=${first_tuple[0]} local=${first_tuple[1]}
bound=${first_tuple[2]} far=${first_tuple[3]}

is_calm_again() {
	[ "$(descriptors)" -le $((fds_before + 12)) ]
}
began=$(now_ms)
await 15 "recovery" is_calm_again
note "flood: $(tr '\n' ' ' <"$work/flood.log")"
note "goodput: $came of $calm datagrams," \
    "$((came * 1000 / calm))/1000 of the calm; longest gap" \
    "$(value storm.sink gap_max_ms) ms, $(value calm.sink gap_max_ms) before"
note "processes: $processes_before before, $processes_peak at the peak" \
    "(one is the late peer's)"
note "descriptors of the engine: $fds_before before, $fds_peak at the peak," \
    "$(descriptors) after $(($(now_ms) - began)) ms"
note "late peer: up after $late ms; CPU of the engine" \
    "$(($(cpu_ms) - cpu)) ms; log lines $(($(log_lines) - lines))"

expect flood answered_bytes 0
[ "$(value flood connected)" -gt $((strangers / 4)) ] ||
    fail "it was no flood"
[ $((came + missing)) -ge $((calm * 9 / 10)) ] || fail "the tunnel was slowed"
[ "$processes_peak" -le $((processes_before + 2)) ] ||
    fail "strangers made processes"
[ "$fds_peak" -le $((fds_before + 64 + 16)) ] ||
    fail "strangers took descriptors"
[ $(($(log_lines) - lines)) -le 200 ] || fail "strangers fill the log"
[ "$late" -lt $((2000 * patience)) ] ||
    fail "a peer was kept out for $late ms"
keeps_paths connector 1 || fail "the tunnel is down"
[ "$(query connector '.tunnels[0].paths[0].restarts')" = 0 ] ||
    fail "the tunnel was interrupted"
both_ways after -n 500 -s 1400 -r 5k

# A first message that was recorded can be said again, and is answered: each
# time a worker is started for it. OPEN it cannot say.
start relay socat -d -d -r "$work/asked" TCP-LISTEN:0,bind=127.0.0.1,fork \
    "TCP:127.0.0.1:${port[listener]}"
await_line 10 relay 'listening on AF='
port[relay]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
    "$work/relay.log")
stop late
pick_tuple
start_connector late "$loc" "$rem" "tcp://127.0.0.1:${port[relay]}"
stop late
near=${first_tuple[0]} local=${first_tuple[1]} far=${first_tuple[3]}
traffic again tunnel
start flood "$build/tests/flood" -n 100000 -w 300 -t "$seconds" -f "$work/asked" \
    "${port[listener]}"
processes_peak=0 lines=$(log_lines)
sleep 2 # to let it grow
pick_tuple
began=$(now_ms)
socktopus late UDPLOC="$loc" UDPREM="$rem" -- \
    "tcp://127.0.0.1:${port[listener]}"
await 20 "late peer" has_paths_up late 1
late=$(($(now_ms) - began))
await 60 "end of the replays" watch_peaks
stop flood
traffic_came again
note "replays: $(tr '\n' ' ' <"$work/flood.log")"
note "replays: goodput $came of $calm, longest gap" \
    "$(value again.sink gap_max_ms) ms, $processes_peak processes at the" \
    "peak, late peer up after $late ms, log lines" \
    "$(grep -Evc ' debug ' "$work/listener.log")"
# Here a worker's start is what costs, and more so with a sanitizer.
[ $((came + missing)) -ge $((calm * 9 / 10 / patience)) ] ||
    fail "the tunnel was slowed"
[ "$processes_peak" -le 80 ] || fail "replays made too many processes"
[ "$late" -lt $((5000 * patience)) ] ||
    fail "a peer was kept out for $late ms"
has_only_the_late_one() {
	[ "$(processes)" -le $((processes_before + 1)) ]
}
await 15 "end of the workers" has_only_the_late_one
