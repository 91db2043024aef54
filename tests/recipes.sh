#!/bin/bash
# The recipes of etc/reflectors for raw relays, each the very file; those for
# proxies are in socks.sh, http.sh and chains.sh.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_proxies.sh
. "$tests/lib_proxies.sh"
need jq
[ -n "${E2E_ISOLATED:-}" ] || skip "needs namespaces of its own"

missing=()
begin_ends
far_port=${port[listener]}

# have PROGRAM...: or note that a recipe is not shown.
have() {
	local program

	for program in "$@"; do
		command -v "$program" >/dev/null && continue
		note "not shown: there is no $program"
		missing+=("$program")
		return 1
	done
}

# daemon NAME FILE COMMAND...: a tunnel through it
daemon() {
	local name=$1

	recipe "$name" "$2" 127.0.0.1 "$far_port"
	shift 2
	start_on_port "$name" "$@"
	add_proxy "$name" "$v4" "tcp://127.0.0.1:${port[$name]}"
}

# setting FILE KEY: of a systemd unit in which placeholders are filled in.
setting() {
	sed -n "s/^$2=//p" "$work/$1.conf"
}

if have xinetd; then
	daemon xinetd xinetd.conf xinetd -dontfork -f "$work/xinetd.conf" \
	    -pidfile "$work/xinetd.pid" -filelog "$work/xinetd.xinetd.log"
fi
if have haproxy; then
	daemon haproxy haproxy.cfg haproxy -db -f "$work/haproxy.conf"
fi
if have nginx; then
	daemon nginx nginx.conf nginx -c "$work/nginx.conf" -g 'daemon off;'
fi
if have systemd-socket-activate /lib/systemd/systemd-socket-proxyd; then
	recipe unit socket-proxyd.service 127.0.0.1 "$far_port"
	recipe socket socket-proxyd.socket 127.0.0.1 "$far_port"
	read -ra command <<<"$(setting unit ExecStart)"
	start_on_port systemd systemd-socket-activate \
	    -l "$(setting socket ListenStream)" "${command[@]}"
	add_proxy systemd "$v4" "tcp://127.0.0.1:${port[systemd]}"
fi
[ "$tunnel_count" -gt 0 ] || skip "there is no relay at all"
begin_connector
await_paths connector "$tunnel_count"
for name in "${!tuple[@]}"; do
	carries "$name"
done
stop connector
stop listener

# Address rewriting, between hosts which are namespaces here:
# con 10.81.1.2 -- 10.81.1.1 mid 10.81.2.1 -- 10.81.2.2 lis
make_hosts() {
	local name link

	for name in con mid lis; do
		ip netns add "$name" && ip -n "$name" link set lo up || return
	done
	ip link add eth0 netns con type veth peer name left netns mid || return
	ip link add eth0 netns lis type veth peer name right netns mid || return
	ip -n con addr add 10.81.1.2/24 dev eth0
	ip -n mid addr add 10.81.1.1/24 dev left
	ip -n mid addr add 10.81.2.1/24 dev right
	ip -n lis addr add 10.81.2.2/24 dev eth0
	for link in con/eth0 mid/left mid/right lis/eth0; do
		ip -n "${link%/*}" link set "${link#*/}" up
	done
	ip netns exec mid sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# rewrites NAME FILE COMMAND...: which reads the rules.
rewrites() {
	local name=$1

	recipe "$name" "$2" 10.81.2.2 23461
	sed -i "s/PORT/$((++rewritten))/" "$work/$name.conf"
	shift 2
	ip netns exec mid "$@" <"$work/$name.conf" || {
		note "not shown: $name is not possible here"
		missing+=("$name")
		return
	}
	start_connector "$name-connector" 5000:1234 1235:1236 \
	    "tcp://10.81.1.1:$rewritten"
	start "$name.echo" ip netns exec lis "$dgram" echo -a 127.0.0.1 -p 1236
	await_line 5 "$name.echo" '^port='
	start "$name.ping" ip netns exec con "$dgram" ping -a 127.0.0.1 -p 1234 \
	    -n 50 -s 0,1,1400,65507 -r 500 127.0.0.1 5000
	finish "$name.ping"
	expect "$name.ping" received 50
	expect "$name.ping" corrupt 0
	stop "$name.echo"
	stop "$name-connector"
	note "$name: datagrams arrived both ways"
}

if have ip nft && make_hosts; then
	rewritten=23470
	# shellcheck disable=SC2034 # of lib.sh
	wrap=(ip netns exec lis)
	start_listener inner '[::]:23461'
	# shellcheck disable=SC2034
	wrap=(ip netns exec con)
	rewrites nftables nftables.nft nft -f -
	if have iptables-restore; then
		rewrites iptables iptables.rules iptables-restore -n
	fi
fi
[ ${#missing[@]} = 0 ] || skip "of the recipes: ${missing[*]}"
