#!/bin/bash
# HTTP proxies: tinyproxy, and Squid with Basic authentication, asked for IPv4,
# IPv6 and a name; and what they say when they refuse.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_proxies.sh
. "$tests/lib_proxies.sh"
need tinyproxy squid openssl jq
[ -n "${E2E_ISOLATED:-}" ] || skip "needs namespaces of its own"

user=tester
password='p@ss: w%rd'
encoded='p%40ss%3A%20w%25rd'

begin_ends
far_port=${port[listener]}
proxy_tinyproxy tiny - "$far_port"
proxy_tinyproxy picky - 9
proxy_squid squid '127.0.0.1 ::1' "$far_port" "$user" "$password"
tiny=http://127.0.0.1:${port[tiny]}
squid=127.0.0.1:${port[squid]}
echo "$user:$password" >"$work/right"
# Squid mixes up several passwords of one user at the same time.
echo "stranger:wrong" >"$work/wrong"
chmod 600 "$work/right" "$work/wrong"

add_proxy tiny "$v4" "$tiny"
add_proxy tiny-six "$v6" "$tiny"
add_proxy tiny-name "tcp://localhost:$far_port" "$tiny"
add_proxy squid "$v4" "http://$user:$encoded@$squid"
add_proxy squid-file "$v4" "http://$squid" "auth = \"$work/right\";"
add_proxy squid-six "$v6" "http://$squid" "auth = \"$work/right\";"
works=("${!tuple[@]}")
add_proxy refused "$v4" "http://127.0.0.1:${port[picky]}"
add_proxy denied "$v4" "http://$squid" "auth = \"$work/wrong\";"
add_proxy anonymous "$v4" "http://$squid"
add_proxy nobody "$v4" "http://127.0.0.1:1"
expect_problem 'refused/.*: 403 ' 'denied/.*: authentication rejected' \
    'anonymous/.*: authentication wanted' 'nobody/.*: connect: '
began=$SECONDS
begin_connector
await_paths connector "${#works[@]}" 20
for name in "${works[@]}"; do
	carries "$name"
done

fails_with refused "hop 1 http://127\.0\.0\.1:${port[picky]}: 403 .+"
fails_with denied "hop 1 http://$squid: authentication rejected: 407 .+"
fails_with anonymous "hop 1 http://$squid: authentication wanted, .*: 407 .+"
fails_with nobody 'connect: Connection refused'

# What is wrong for good is not tried again and again, but every 30 s.
for name in denied anonymous; do
	[ "$(query connector ".tunnels[] | select(.name == \"$name\")
	    .paths[0].restarts")" -le $((1 + (SECONDS - began) / 29)) ] ||
	    fail "$name was dialled again"
done
[ "$(query connector '[.tunnels[].paths[] | select(.state == "up")
    .restarts] | add')" = 0 ] || fail "a path was restarted"
