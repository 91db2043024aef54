#!/bin/bash
# Chains of proxies of both kinds, up to three hops; which hop is named when one
# says no; a proxy that ends and comes back under load.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_proxies.sh
. "$tests/lib_proxies.sh"
need danted microsocks tinyproxy haproxy jq
[ -n "${E2E_ISOLATED:-}" ] || skip "needs namespaces of its own"

user=tester
password=Correct.Horse
begin_ends
far_port=${port[listener]}
proxy_microsocks micro "$user" "$password"
proxy_tinyproxy tiny - "$far_port"
proxy_tinyproxy picky - 9
# These lead to another proxy.
proxy_danted dante-tiny 127.0.0.1 "${port[tiny]}"
proxy_danted dante-picky 127.0.0.1 "${port[picky]}"
proxy_tinyproxy tiny-micro - "${port[micro]}"
proxy_tinyproxy tiny-dante - "${port[dante-tiny]}"
relay_haproxy haproxy 127.0.0.1 "${port[tiny-micro]}"

# Settings of a path through proxies: through SCHEME NAME...
through() {
	local uris=

	while [ $# -gt 0 ]; do
		uris+="${uris:+, }\"$1://127.0.0.1:${port[$2]}\""
		shift 2
	done
	echo "uri = ( $uris );"
}

printf '\n%s:%s\n' "$user" "$password" >"$work/second"
printf '\n%s:wrong\n' "$user" >"$work/wrong"
chmod 600 "$work/second" "$work/wrong"
second="auth = \"$work/second\";"
add_tunnel socks-http "$v4" "$(through socks dante-tiny http tiny)"
add_tunnel socks4-http "$v6" "$(through socks4 dante-tiny http tiny)"
add_tunnel http-socks "$v4" "$(through http tiny-micro socks micro) $second"
add_tunnel http-socks-six "$v6" "$(through http tiny-micro socks5 micro) $second"
add_tunnel three "$v4" \
    "$(through http tiny-dante socks dante-tiny http tiny)"
# The raw relay leads to the first proxy; each proxy has a line of the file.
add_tunnel raw-http-socks "$v4" \
    "$(through tcp haproxy http tiny-micro socks micro) $second"
works=("${!tuple[@]}")
add_tunnel wrong "$v4" "$(through http tiny-micro socks micro)
    auth = \"$work/wrong\";"
add_tunnel refused "$v4" "$(through socks dante-picky http picky)"
add_tunnel blocked "$v4" "$(through socks dante-tiny http picky)"
expect_problem 'wrong/.*: authentication rejected' 'refused/.*: 403 ' \
    'blocked/.*: SOCKS: '
begin_connector
await_paths connector "${#works[@]}" 20
for name in "${works[@]}"; do
	carries "$name"
done
fails_with wrong \
    "hop 2 socks://127\.0\.0\.1:${port[micro]}: authentication rejected"
fails_with refused "hop 2 http://127\.0\.0\.1:${port[picky]}: 403 .+"
fails_with blocked "hop 1 socks://127\.0\.0\.1:${port[dante-tiny]}: SOCKS: .+"
stop connector

# As arguments, over a listener of quick mode: one chain, and one path that
# loses its proxy for a while.
start_listener quick
proxy_tinyproxy last - "${port[quick]}"
proxy_danted first 127.0.0.1 "${port[last]}"
proxy_tinyproxy mortal - "${port[quick]}"
pick_tuple
start_connector lively "$loc" "$rem" "tcp://127.0.0.1:${port[quick]}" \
    "socks://127.0.0.1:${port[first]},http://127.0.0.1:${port[last]}" \
    "http://127.0.0.1:${port[mortal]}"
expect_problem "$log_path_down"
start sink "$dgram" sink -a 127.0.0.1 -p "$far" -i 600
await_line 5 sink '^port='
start send "$dgram" send -a 127.0.0.1 -p "$near" -r 20k 127.0.0.1 "$local"
await 10 'load' has_delivered quick 2000
stop mortal KILL
await 5 'end of the path' has_paths_up lively 2
await 10 'load on the other paths' has_delivered quick \
    $(($(query quick '.tunnels[0].delivered') + 2000))
await_line 10 lively 'down: connect: Connection refused'
start mortal tinyproxy -d -c "$work/mortal.conf"
await_paths lively 3 15
stop send
await 20 'end of what is under way' has_settled tunnel lively
stop sink INT
expect sink corrupt 0
expect sink duplicates 0
gap=$(gap_ms sink send)
[ "$gap" -lt $((2000 * ${E2E_PATIENCE:-1})) ] || fail "nothing arrived for $gap ms"
note "a proxy ended and came back: longest gap $gap ms," \
    "$(value sink lost) of $(value send sent) lost"
both_ways after -n 500 -s 1400 -r 5k
