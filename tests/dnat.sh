#!/bin/bash
# An nftables DNAT reflector between two hosts, which are namespaces here, for
# IPv4 and for IPv6.
. "$(dirname "$0")/lib.sh"
need nft ip jq
[ -n "${E2E_ISOLATED:-}" ] || skip "needs namespaces of its own"

for name in con mid lis; do
	ip netns add "$name" || skip "no network namespaces"
	ip -n "$name" link set lo up
done
# The reflector: con 10.81.1.2 -- 10.81.1.1 mid 10.81.2.1 -- 10.81.2.2 lis
ip link add eth0 netns con type veth peer name left netns mid || skip "no veth"
ip link add eth0 netns lis type veth peer name right netns mid
ip -n con addr add 10.81.1.2/24 dev eth0
ip -n mid addr add 10.81.1.1/24 dev left
ip -n mid addr add 10.81.2.1/24 dev right
ip -n lis addr add 10.81.2.2/24 dev eth0
for address in con/eth0/1::2 mid/left/1::1 mid/right/2::1 lis/eth0/2::2; do
	IFS=/ read -r name link number <<<"$address"
	ip -n "$name" addr add "fd81:$number/64" dev "$link" nodad ||
	    skip "no IPv6"
done
for link in con/eth0 mid/left mid/right lis/eth0; do
	ip -n "${link%/*}" link set "${link#*/}" up
done
ip netns exec mid sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' ||
    skip "no forwarding"
ip netns exec mid sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding' ||
    skip "no forwarding"
ip netns exec mid nft -f - <<'END' || skip "no nftables NAT"
table ip reflector {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 23461 dnat to 10.81.2.2:23461
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip daddr 10.81.2.2 tcp dport 23461 masquerade
	}
}
table ip6 reflector {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 23461 dnat to fd81:2::2
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip6 daddr fd81:2::2 tcp dport 23461 masquerade
	}
}
END

wrap=(ip netns exec lis)
start_listener listener '[::]:23461'
# shellcheck disable=SC2034 # of lib.sh
wrap=(ip netns exec con)
start_connector connector 5000:1234 1235:1236 tcp://10.81.1.1 \
    'tcp://[fd81:1::1]'
has_line listener 'from 10\.81\.2\.1|/10\.81\.2\.1:|\[::ffff:10\.81\.2\.1\]' ||
    fail "the connection did not come through the reflector"
has_line listener '/\[fd81:2::1\]:' ||
    fail "the one over IPv6 did not come through the reflector"

sizes=0,1,1400,9000,65507
start echo ip netns exec lis "$dgram" echo -a 127.0.0.1 -p 1236
await_line 5 echo '^port='
before=$(excused)
start ping ip netns exec con "$dgram" ping -a 127.0.0.1 -p 1234 -n 200 \
    -s "$sizes" -r 500 -i 10 127.0.0.1 5000
finish ping 30
lost_only_excused ping "$before"
expect ping sent 200
expect ping corrupt 0
stop echo
note "datagrams of $sizes bytes through nftables DNATs and back:" \
    "p50 $(value ping rtt_p50_ms) ms"
