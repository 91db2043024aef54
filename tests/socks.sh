#!/bin/bash
# SOCKS proxies: Dante with and without passwords, microsocks and ssh -D, asked
# in every version for IPv4, IPv6 and names.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_proxies.sh
. "$tests/lib_proxies.sh"
need danted microsocks sshd ssh openssl jq
[ -n "${E2E_ISOLATED:-}" ] || skip "needs namespaces of its own"

user=tester
password=Correct.Horse
echo '127.0.0.1 localhost far.test' >"$work/hosts"
echo '::1 localhost six.test' >>"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
# Dante asks for the users of the system.
echo "$user:x:61009:61009::/nonexistent:/usr/sbin/nologin" >>"$work/passwd"
echo "$user:$(openssl passwd -6 "$password"):19000:0:99999:7:::" >"$work/shadow"
chmod 600 "$work/shadow"
mount --bind "$work/shadow" /etc/shadow

begin_ends
far_port=${port[listener]}
proxy_danted dante 127.0.0.1 "$far_port"
proxy_danted_six six ::1 "$far_port"
proxy_danted_password strict 127.0.0.1 "$far_port"
proxy_microsocks micro "$user" "$password"
proxy_ssh ssh "$user"

# at NAME: host and port of a proxy
at() {
	echo "127.0.0.1:${port[$1]}"
}

for version in socks socks5 socks5h socks4 socks4a; do
	add_proxy "dante-$version" "$v4" "$version://$(at dante)"
	add_proxy "ssh-$version" "$v4" "$version://$(at ssh)"
	add_proxy "name-$version" "tcp://far.test:$far_port" \
	    "$version://$(at ssh)"
done
add_proxy dante-six "$v6" "socks://$(at six)"
# Of names in SOCKS4a it knows nothing.
add_proxy dante-name "tcp://far.test:$far_port" "socks://$(at dante)"
echo "$user:$password" >"$work/auth"
chmod 600 "$work/auth"
add_proxy strict "$v4" "socks://$user:$password@$(at strict)"
add_proxy micro "$v4" "socks://$(at micro)" "auth = \"$work/auth\";"
add_proxy micro-six "$v6" "socks://$(at micro)" "auth = \"$work/auth\";"
add_proxy micro-name "tcp://six.test:$far_port" "socks5://$(at micro)" \
    "auth = \"$work/auth\";"
add_proxy ssh-six "$v6" "socks://$(at ssh)"
begin_connector
await_paths connector "$tunnel_count" 20
for name in "${!tuple[@]}"; do
	carries "$name"
done
[ "$(query connector '[.tunnels[].paths[].restarts] | add')" = 0 ] ||
    fail "a path was restarted"
