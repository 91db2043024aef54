#!/bin/bash
# iperf3 -u by the recipe, both ways, at more than one path alone can carry. What it
# misses is accounted for.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"
# shellcheck source-path=SCRIPTDIR source=lib_apps.sh
. "$tests/lib_apps.sh"
need_links
need iperf3 socat bc

seconds=${TEST_LONG:+30}
seconds=${seconds:-4}
rate=20   # Mbit/s of each of the four
offered=50 # Mbit/s
make_links 'delay=3ms rate=20Mbit queue=50ms' 'delay=4ms rate=20Mbit queue=50ms' \
    'delay=5ms rate=20Mbit queue=50ms' 'delay=6ms rate=20Mbit queue=50ms'
start_app_tunnel iperf3.sh
forward_tcp 5201
start server nsenter --net=/run/netns/far iperf3 -s -B 127.0.0.1
await 5 "iperf3's server" has_port far 5201

# What was lost so far before the tunnel, and in iperf3's own buffer.
count_drops() {
	local host

	dropped=$(unread app) own=0
	for host in near far; do
		own=$((own + $(inside "$host" sed -n 's/^Udp: [0-9]/&/p' \
		    /proc/net/snmp | cut -d ' ' -f 6)))
	done
}

all_delivered() {
	[ "$(query connector '.tunnels[0].delivered')" = \
	    "$(query listener '.tunnels[0].sent')" ] &&
	    [ "$(query listener '.tunnels[0].delivered')" = \
	    "$(query connector '.tunnels[0].sent')" ]
}

carries_more() {
	local mbit lost

	count_drops
	dropped_before=$dropped own_before=$own
	start client nsenter --net=/run/netns/near sh "$recipes/iperf3.sh" \
	    "$seconds" "${offered}M"
	finish client $((seconds * 2 + 30))
	[ "$status" = 0 ] || fail "iperf3: $(cat "$work/client.log")"
	await 5 "delivery of all that was sent" all_delivered

	# Two reports: of each the receiver's line, with rate and losses.
	grep receiver "$work/client.log" >"$work/receiver"
	[ "$(wc -l <"$work/receiver")" = 2 ] || fail "not two reports"
	while read -r mbit lost; do
		note "iperf3 -u: $mbit of $offered Mbit/s, $lost lost"
		awk -v is="$mbit" -v least="$rate" \
		    'BEGIN { exit !(is > least) }' ||
		    miss "no more than one path's $rate Mbit/s"
	done < <(sed -n 's/.* \([0-9.]*\) Mbits.sec.* \(-*[0-9]*\/[0-9]* ([^)]*)\).*/\1 \2/p' \
	    "$work/receiver")
}
thrice carries_more
expect_all_paths

# Where they ended: before the tunnel, or in iperf3's own buffer. Of what is under
# way when it stops it may miss a few.
count_drops
dropped=$((dropped - dropped_before)) own=$((own - own_before))
lost=$(sed -n 's/.* \(-*[0-9]*\)\/[0-9]* ([^)]*).*/\1/p' "$work/receiver" |
    paste -sd+ | bc)
total=$(sed -n 's/.* -*[0-9]*\/\([0-9]*\) ([^)]*).*/\1/p' "$work/receiver" |
    paste -sd+ | bc)
note "all that came into the tunnel was delivered; $dropped found no room" \
    "before it, $own none in iperf3's own buffer"
[ "$lost" -le $((dropped + own + total / 100)) ] ||
    fail "$lost of $total lost, and only $((dropped + own)) accounted for"
