#!/bin/bash
# Over emulated links, in little time and with wide bounds (bench_links.sh has
# the narrow ones): the emulator does what it is asked for, two unequal paths
# carry their sum, a path that falls silent costs neither a datagram nor a long
# pause, and a far host that stands still for a moment none either.
# shellcheck disable=SC2154 # of lib_links.sh
LINKS_WARM_S=1 LINKS_SECONDS=2
patience=${E2E_PATIENCE:-1}
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"
need_links

# within WHAT VALUE LEAST MOST
within() {
	awk -v v="${2:-none}" -v a="$3" -v b="$4" \
	    'BEGIN { exit !(v ~ /[0-9]/ && v + 0 >= a && v + 0 <= b) }' ||
	    miss "$1 is ${2:-not known}, not $3 to $4"
	note "$1: $2"
}

make_links 'delay=10ms rate=30Mbit' 'delay=25ms jitter=2ms rate=15Mbit'

# --- the emulator -------------------------------------------------------------

# ping_link HOST: 1000 a second for 0.4 s
ping_link() {
	inside near "$dgram" ping -r 1000 -t 0.4 -s 100 -i 0.5 "$1" 7002 \
	    >"$work/ping.log"
}

delays() {
	ping_link 10.1.1.2
	within 'round trip over 2 x 10 ms' "$(value ping rtt_p50_ms)" 20 \
	    $((20 + 2 * patience))
	ping_link 10.1.2.2
	within 'round trip over 2 x 25 ms' "$(value ping rtt_p50_ms)" 46 \
	    $((50 + 5 * patience))
	within 'lost' "$(value ping lost)" 0 0
	within 'reordered' "$(value ping reordered)" 0 0
}

losses() {
	change_link w1 loss=50%
	ping_link 10.1.1.2
	within 'lost at 50 % there and back' "$(value ping loss_percent)" 60 90
	change_link w1 loss=0% up.hole=on
	ping_link 10.1.1.2
	within 'lost in a hole' "$(value ping loss_percent)" 100 100
	change_link all hole=off
}

plain() {
	measure_plain 1
	within 'plain TCP over 30 and 15 Mbit/s' "$sum" 34 45
}

for i in 1 2; do
	start "echo$i" nsenter --net="/run/netns/relay$i" "$dgram" echo \
	    -a "10.1.$i.2" -p 7002 -i 600
	await_line 5 "echo$i" '^port='
done
thrice delays
thrice losses
stop echo1
stop echo2
thrice plain

# --- the tunnel ---------------------------------------------------------------

too_much() {
	load "$(times "$sum" 1.1)"
	within 'of the sum, at 110 %' \
	    "$(ratio "$(value "$sink" mbit_per_s)" "$sum")" 0.8 1.1
	within 'p50 one-way' "$(value "$sink" delay_p50_ms)" 10 \
	    $((300 * patience))
}

half() {
	load "$(times "$sum" 0.5)"
	within 'lost at half of the sum' "$total_lost" 0 0
	within 'p50 one-way' "$(value "$sink" delay_p50_ms)" 10 \
	    $((40 * patience))
}

frozen() {
	local frozen_ms

	begin_load "$(times "$sum" 0.25)" 4
	sleep 2
	frozen_ms=$(now_ms)
	change_link w1 hole=on
	end_load
	within 'lost with a frozen path' "$total_lost" 0 0
	within 'longest delay with a frozen path' \
	    "$(delay_from "$frozen_ms")" 10 $((1000 * patience))
	within 'back to the rate' \
	    "$(recovery_ms "$frozen_ms" "$(times "$sum" 0.2)")" 0 \
	    $((1500 * patience))
	expect "$sink" duplicates 0
	change_link w1 hole=off
	await_paths connector 2 30
	note "and the path is back"
}

start_tunnel 'dead = 2;'
await_paths connector 2
thrice too_much
thrice half
expect_problem "$log_path_down"
thrice frozen

# --- a far host that stands still ---------------------------------------------

stalled() {
	links_warm_s=0
	begin_load 0.4 3
	sleep 2.5
	engine=$(engine_of listener)
	kill -STOP "$engine"
	sleep 0.3
	kill -CONT "$engine"
	finish "$sender" 10
	stop "$sink"
	begin_load 2 1
	end_load
	within 'lost behind a stall of the far host' "$total_lost" 0 0
	within 'p50 one-way' "$(value "$sink" delay_p50_ms)" 54 120
}

stop_tunnel
end_links
make_links 'delay=55ms rate=30Mbit'
start_tunnel
await_paths connector 1
thrice stalled
