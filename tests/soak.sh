#!/bin/bash
# Relays are frozen, killed and cut off at random, for TEST_SECONDS (in
# `make check-long` ten minutes) under a little load: every path is back each
# time, and in the end there are as many descriptors and processes as before,
# and no more memory.
# shellcheck disable=SC2154 # of lib_links.sh
LINKS_WARM_S=0
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"
need_links
need pgrep

seconds=${TEST_SECONDS:-$([ -n "${TEST_LONG:-}" ] && echo 600 || echo 10)}
RANDOM=${TEST_SEED:=$RANDOM}
note "TEST_SEED=$TEST_SEED"
expect_problem "$log_path_down" "$log_tunnel_down" "$log_handshake_failed"
memory_slack_kb=32768

# --- what must not grow -------------------------------------------------------

family() {
	echo "${pid[$1]}"
	pgrep -P "${pid[$1]}"
}

count_processes() {
	family "$1" | wc -l
}

count_descriptors() {
	local process

	for process in $(family "$1"); do
		ls "/proc/$process/fd" 2>/dev/null
	done | wc -l
}

# Of supervisor and engine; a worker's memory ends with it.
count_kb() {
	local process

	for process in $(family "$1" | head -n 2); do
		sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' \
		    "/proc/$process/status"
	done | awk '{ s += $1 } END { print s }'
}

take_stock() {
	local name

	for name in connector listener; do
		processes[$name]=$(count_processes "$name")
		descriptors[$name]=$(count_descriptors "$name")
		kb[$name]=$(count_kb "$name")
	done
}

# Old workers may still be on their way out.
is_as_before() {
	[ "$(count_processes "$1")" = "${processes[$1]}" ] &&
	    [ "$(count_descriptors "$1")" = "${descriptors[$1]}" ]
}

# What was there for a moment is no stock.
is_steady() {
	take_stock
	sleep 0.5
	is_as_before connector && is_as_before listener
}

compare_stock() {
	local name now

	for name in connector listener; do
		await 40 "return of $name to ${processes[$name]} processes and \
${descriptors[$name]} descriptors" is_as_before "$name"
		now=$(count_kb "$name")
		note "$name: ${kb[$name]} kB before, $now kB after"
		[ "$now" -le $((kb[$name] + memory_slack_kb)) ] ||
		    fail "$name has grown"
	done
}

# --- what is done to a relay ----------------------------------------------------

freeze() {
	kill -STOP "${pid[relay$1]}"
	sleep "$2"
	kill -CONT "${pid[relay$1]}"
}

cut() {
	change_link "w$1" hole=on
	sleep "$2"
	change_link "w$1" hole=off
}

restart() {
	kill -KILL "${pid[relay$1]}"
	finish "relay$1"
	sleep "$2"
	start_relay "$1"
}

flap() {
	restart "$1" 0
	sleep "0.$((RANDOM % 10))"
	restart "$1" 0
}

harms=(freeze cut restart flap)
declare -A processes descriptors kb
make_links 'delay=2ms rate=20Mbit' 'delay=5ms rate=20Mbit' \
    'delay=10ms rate=20Mbit'
# Links and relays that get no processor for a moment fill a short queue.
start_tunnel 'dead = 2; max_queue = 10000;'
await_paths connector "$relays"
load 2 # so that what is allocated on use is there
links_idle_s=60 # it is ended when everything has come
begin_load 2 100000
await_paths listener "$relays"
await 20 "steady state" is_steady
rounds=0
end_ms=$(($(now_ms) + seconds * 1000))
while [ "$(now_ms)" -lt "$end_ms" ]; do
	harm=${harms[RANDOM % ${#harms[@]}]}
	relay=$((RANDOM % relays + 1))
	"$harm" "$relay" "$((RANDOM % 4)).$((RANDOM % 10))"
	await_paths connector "$relays" 60
	rounds=$((rounds + 1))
done
stop "$sender" INT
sent=$(value "$sender" sent)
await 20 "arrival of what was sent" has_settled bench
stop "$sink" INT
total_lost=$((sent - $(value "$sink" distinct)))
expect "$sink" duplicates 0
await_paths listener "$relays" 40
compare_stock
note "$rounds times all $relays paths were back;" \
    "$total_lost of $sent datagrams lost, longest gap" \
    "$(value "$sink" gap_max_ms) ms"
[ "$total_lost" -le 0 ] || fail "lost: $(query connector \
    '.tunnels[0].ledger.out | tostring')"
