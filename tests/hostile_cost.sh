#!/bin/bash
# What a worker that was taken over costs the engine of an otherwise idle
# service: the engine's time on the processor, from the attack's first begin
# until after it came again, and again. It is little, whatever the worker does.
. "$(dirname "$0")/lib.sh"
need jq pgrep socat
# shellcheck source-path=SCRIPTDIR source=lib_hostile.sh
. "$tests/lib_hostile.sh"

limit=$((5 * ${E2E_PATIENCE:-1})) # percent of a core
seconds=${HOSTILE_SECONDS:-5}

cpu_ms() {
	awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"
}

# cost SIDE ATTACK...: all at once, the attack that comes with the path's
# second worker. In thousandths of a core, in $cost.
cost() {
	local side=$1 engine before began

	: >"$hostile/attacks"
	start_nodes "$side" $(($# - 1))
	engine=$(engine_of "$side")
	before=$(cpu_ms "$engine") began=$(now_ms)
	go_bad "$@"
	sleep "$seconds"
	cost=$((($(cpu_ms "$engine") - before) * 1000 / ($(now_ms) - began)))
	[ "$(engine_of "$side")" = "$engine" ] || fail "$*: the engine died"
	stop connector
	stop listener
}

# A slow machine has the engine work for longer; no attack costs so much that
# one more try would hide it.
attacks() {
	local ends

	cost "$@"
	[ "$cost" -le $((limit * 10)) ] || cost "$@"
	ends=$(grep -Eo "/(tcp://)?127\.0\.1\..* down( again)?: .*" \
	    "$work/$1.log" | sed 's/.* down[^:]*: //' |
	    grep -Ev 'SIGKILL|shutting down' | sort | uniq -c | sort -rn |
	    head -n 2 | tr -s ' \n' ' ')
	note "$1: ${*:2}: $((cost / 10)).$((cost % 10)) % of a core;$ends"
	[ "$cost" -le $((limit * 10)) ] || fail "$*: it costs the engine too much"
}

# A first message in pieces: of a connection that the worker has by then, and
# does not read, the engine must not hear any more.
pieces() {
	local engine worker before began

	start_listener listener
	start relay socat -d -d -b 1 TCP-LISTEN:0,bind=127.0.0.1,fork,nodelay \
	    "TCP:127.0.0.1:${port[listener]},nodelay"
	await_line 10 relay 'listening on AF='
	port[relay]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
	    "$work/relay.log")
	start_connector connector "$loc" "$rem" "tcp://127.0.0.1:${port[relay]}"
	await_paths listener 1
	engine=$(engine_of listener)
	await 10 "worker of the path" find_worker listener \
	    '.tunnels[0].paths[0]'
	kill -STOP "$worker"
	start send "$dgram" send -a 127.0.0.1 -p "$near" -n 20 -r 100 \
	    127.0.0.1 "$local"
	finish send
	before=$(cpu_ms "$engine") began=$(now_ms)
	sleep 2
	cost=$((($(cpu_ms "$engine") - before) * 1000 / ($(now_ms) - began)))
	kill -KILL "$worker"
	note "a first message in pieces: $((cost / 10)).$((cost % 10)) % of a core"
	[ "$cost" -le $((limit * 10)) ] || fail "the engine hears of a connection" \
	    "that is its worker's"
	stop connector
	stop listener
	stop relay
}

# A worker that does its duty, and uses the processor besides.
spins() {
	: >"$hostile/attacks"
	start_nodes "$1" 1
	go_bad "$1" busy
	await_line 30 "$1" "127\.0\.1\.1:.* down( again)?: .*$burns"
	note "$1: busy: $burns"
	stop connector
	stop listener
}
burns='worker burns the processor for nothing'

# One trial can be asked for: SIDE ATTACK...
if [ $# -gt 0 ]; then
	attacks "$@"
	exit
fi
pieces
spins connector
[ -z "${TEST_LONG:-}" ] || spins listener
every='honest head_random tail_random length_zero length_most garbage replay
    flip punch punch_words memfds crash leave message_random
    message_descriptors never_drain fill close_channel close_bell_in
    close_bell_out close_regions close_socket stop'
storms='bell_storm bell_polite bell_patient drip spin dribble event_flood
    up_flood'
for side in connector listener; do
	# shellcheck disable=SC2086 # lists
	attacks "$side" $storms
	[ -n "${TEST_LONG:-}" ] || continue
	for attack in $every $storms; do
		attacks "$side" "$attack"
	done
done
