#!/bin/bash
# What can be set for a path: count, source, interface, congestion, rate_limit
# and mptcp, seen from outside.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_proxies.sh
. "$tests/lib_proxies.sh"
need socat ip ss jq
[ -n "${E2E_ISOLATED:-}" ] || skip "needs namespaces of its own"

begin_ends
relay_socat relay 127.0.0.1 "${port[listener]}"
limit=1000000
add_tunnel three "$v4" \
    "uri = \"tcp://127.0.0.1:${port[relay]}\"; count = 3;"
add_proxy source "$v4" "$v4" 'source = "127.0.0.7";'
add_proxy congestion "$v4" "$v4" 'source = "127.0.0.8"; congestion = "reno";'
add_proxy slow "$v4" "$v4" "source = \"127.0.0.9\"; rate_limit = $limit;"
add_proxy device "$v4" "$v4" 'interface = "lo";'
add_proxy mptcp "$v4" "$v4" 'mptcp = true;'
add_proxy no-device "$v4" "$v4" 'interface = "none";'
add_proxy no-source "$v4" "$v4" 'source = "192.0.2.1";'
add_proxy no-algorithm "$v4" "$v4" 'congestion = "none";'
expect_problem 'no-[a-z]*/.*: down: '
begin_connector
await_paths connector 8

[ "$(query connector '[.tunnels[] | select(.name == "three").paths[].pid] |
    unique | length')" = 3 ] || fail "not three workers through one relay"
for name in three source congestion slow device mptcp; do
	carries "$name"
done

# socket ADDRESS: what is known of the connection from there
socket() {
	ss -Htni "src $1 and dst 127.0.0.1:${port[listener]}"
}

[ -n "$(socket 127.0.0.7)" ] || fail "source has no effect"
socket 127.0.0.8 | grep -qw reno || fail "congestion has no effect"
has_line connector 'mptcp/.*: worker: (connected with MPTCP|plain TCP: )' ||
    fail "not a word on MPTCP"
query connector '.tunnels[] | select(.name == "mptcp").paths[0].note' |
    grep -q TCP || fail "no note in the status"
fails_with no-device '.*interface none: No such device'
fails_with no-source '.*source 192\.0\.2\.1: Cannot assign requested address'
fails_with no-algorithm '.*congestion none: .+'

read -r near local bound far <<<"${tuple[slow]}"
start sink "$dgram" sink -a "$host" -p "$far" -t 20
await_line 5 sink '^port='
start send "$dgram" send -a "$host" -p "$near" -t 3 -r 40Mbit "$host" "$local"
finish send
stop sink INT
rate=$(value sink mbit_per_s)
if [ "${rate%.*}" -lt 4 ] || [ "${rate%.*}" -gt 12 ]; then
	fail "$rate Mbit/s, and not $((limit * 8 / 1000000))"
fi
note "rate_limit = $limit: $rate Mbit/s of 40"
