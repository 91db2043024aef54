#!/bin/bash
# socktopusctl why: of four paths, each through a relay of its own, two have
# one bottleneck: it names that pair, and never one of the others.
# shellcheck disable=SC2154 # of lib_links.sh
LINKS_WARM_S=1
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"
need_links

pair='  These paths share a bottleneck: tcp://10\.1\.1\.2:7000, tcp://10\.1\.3\.2:7000:'

# tells HOW: it does so now, and tells of no other paths.
tells() {
	inside near "$build/socktopusctl" -s "${control[connector]}" why -t 1 \
	    >"$work/why.log" 2>&1 || fail "why: $(cat "$work/why.log")"
	! grep 'share a bottleneck' "$work/why.log" | grep -v "^$pair" ||
	    fail "it names others"
	grep "^$pair $1" "$work/why.log"
}

# The bottleneck becomes another one, the others stay what they are.
tells_of_changes() {
	for _ in 1 2 3; do
		change_link w1 "rate=$((14 + RANDOM % 26))Mbit"
		sleep 0.8
	done
	tells "$1"
}

make_links 'delay=10ms rate=30Mbit' 'delay=25ms rate=15Mbit' \
    'delay=15ms line=w1' 'delay=12ms rate=20Mbit'
start_tunnel ''
await_paths connector 4
begin_load 120 120
await 50 "bottleneck" tells 'what one gains the others lose\.'
tells_json() {
	inside near "$build/socktopusctl" -s "${control[connector]}" why -j \
	    -t 1 >"$work/why.json" || fail "why -j"
	jq -e '.tunnels[0].bottlenecks == [{ tie: "against", paths:
	    [.tunnels[0].paths[0, 2] | { uri, pid: .worker.pid }] }]' \
	    "$work/why.json" >"$work/jq.log"
}
await 50 "bottleneck in JSON" tells_json
if [ -n "${TEST_LONG:-}" ]; then
	RANDOM=${SEED:-7}
	await 60 "changing bottleneck" tells_of_changes \
	    'their delay and rate move together\.'
else
	note "left for make check-long: a bottleneck that changes"
fi
stop "$sender"
stop "$sink"
