#!/bin/bash
# A constant stream as of RTP, 1316 bytes at a steady pace, over four paths.
# One of them is cut off, and then a relay is killed: the longest gap and what
# is lost. With copies of each datagram on two paths, nothing is missed.
. "$(dirname "$0")/lib.sh"
LINKS_WARM_S=0
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"
need_links

rate=400 # datagrams a second: 4.2 Mbit/s
half_s=${TEST_LONG:+30}
half_s=${half_s:-2}
expect_problem "$log_path_down"
make_links 'delay=10ms rate=10Mbit queue=50ms' 'delay=15ms rate=10Mbit queue=50ms' \
    'delay=20ms rate=10Mbit queue=50ms' 'delay=25ms rate=10Mbit queue=50ms'

# stream NAME: the first path is cut half-way, and a bit later another relay
# killed.
stream() {
	start "$1.sink" nsenter --net=/run/netns/far "$dgram" sink \
	    -a 127.0.0.1 -p 5143 -i 3 -t 120
	await_line 5 "$1.sink" '^port='
	start "$1" nsenter --net=/run/netns/near "$dgram" send -a 127.0.0.1 \
	    -p 5141 -s 1316 -r "$rate" -t $((half_s * 3)) 127.0.0.1 5140
	sleep "$half_s"
	change_link w1 hole=on
	sleep "$half_s"
	kill -KILL "${pid[relay2]}"
	finish relay2
	finish "$1" 120
	finish "$1.sink" 30
	note "$1: $(value "$1" sent) sent, $(value "$1.sink" lost) lost," \
	    "longest gap $(value "$1.sink" gap_max_ms) ms, delay" \
	    "$(value "$1.sink" delay_p50_ms) ms (median)," \
	    "$(value "$1.sink" delay_max_ms) ms (most)"
	expect "$1.sink" duplicates 0
	expect "$1.sink" corrupt 0
	change_link w1 hole=off
	start_relay 2
}

# holds NAME MS KEYS: in a tunnel with them nothing is lost, and there is no gap
# above that.
holds() {
	[ -z "${pid[connector]:-}" ] || stop_tunnel
	start_tunnel "$3"
	await_paths connector "$relays"
	before=$(excused)
	stream "$1"
	lost_only_excused "$1.sink" "$before"
	awk -v is="$(value "$1.sink" gap_max_ms)" \
	    -v most=$(($2 * ${E2E_PATIENCE:-1})) \
	    'BEGIN { exit !(is <= most) }' || miss "$1: a gap above $2 ms"
}

thrice holds earliest 1000 ''
thrice holds redundant 500 'scheduler = "redundant"; copies = 2;'
