#!/bin/bash
# Several listeners that share a key, on hosts of their own: the tunnel is
# with the first, all paths with it; when that is killed, and later frozen,
# the next one carries on within seconds, and everything comes with it. By a
# list, and by SRV records from a real name server.
. "$(dirname "$0")/lib.sh"
need jq dnsmasq microsocks
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"
ip netns add probe 2>/dev/null || skip "ip netns does not work"
ip netns del probe

expect_problem "$log_path_down" "$log_supervisor_gone"
make_key near
make_key far
near=10000 local=11000 bound=12000 far=13000
# Seconds: a machine that stands still for so long is not to be taken for a
# listener that does.
failover=$((2 * ${E2E_PATIENCE:-1}))

inside() {
	local namespace=$1

	shift
	nsenter --net="/run/netns/$namespace" "$@"
}

# make_host NAME NUMBER: 10.3.NUMBER.2, reached from here.
make_host() {
	ip netns add "$1"
	ip link add "$1" type veth peer name out netns "$1" ||
	    skip "there is no veth"
	ip addr add "10.3.$2.1/24" dev "$1"
	ip link set "$1" up
	ip -n "$1" addr add "10.3.$2.2/24" dev out
	ip -n "$1" link set lo up
	ip -n "$1" link set out up
	ip -n "$1" route add default via "10.3.$2.1"
}

begin_listener() {
	begin_file "$1" far <<-END
	listen = ( "0.0.0.0:7000" );
	peers = ( { name = "near"; key = "$(public_key near)"; } );
	END
	wrap=(nsenter "--net=/run/netns/$1")
	start_file "$1"
	wrap=()
	await_listening "$1"
}

raw_path=', { uri = "tcp://10.3.9.2:7100"; }'
# begin_connector NAME DESTINATION
begin_connector() {
	begin_file "$1" near <<-END
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "t"; peer = "far"; destination = $2;
	    local = "$local:$near"; remote = "$bound:$far"; failover = $failover;
	    paths = ( { uri = "socks5://10.3.9.2:1080"; }$raw_path ); } );
	END
	start_file "$1"
}

# stream_begins HOST: numbered datagrams to it, and what arrives there.
stream_begins() {
	local host

	for host in "$@"; do
		start "sink.$host" nsenter "--net=/run/netns/$host" \
		    "$dgram" sink -a 127.0.0.1 -p "$far" -i 600
		await_line 5 "sink.$host" '^port='
	done
	start stream "$dgram" send -a 127.0.0.1 -p "$near" -s 200 -r 200 \
	    -t 120 127.0.0.1 "$local"
}

delivered() {
	query "$1" '[.tunnels[].delivered] | add'
}

gets_more() {
	local now

	now=$(delivered "$1")
	[ -n "$now" ] && [ "$now" != null ] && [ "$now" -gt "$2" ]
}

# await_stream LISTENER SECONDS WHY: it delivers more than just now.
await_stream() {
	local began before

	began=$(now_ms)
	before=$(delivered "$1")
	[[ $before =~ ^[0-9]+$ ]] || before=0
	await "$2" "datagrams at $1" gets_more "$1" "$before"
	note "$3: datagrams at $1 after $(($(now_ms) - began)) ms"
}

# What comes back is not taken for old because it comes from another.
answers() {
	one_way "back.$2" "$far" "$bound" "$near" -n 50 -r 500
}

freeze() {
	kill "-$1" "${pid[$2]}"
	# shellcheck disable=SC2046
	kill "-$1" $(ps -o pid= --ppid "${pid[$2]}")
}

echo 1 >/proc/sys/net/ipv4/ip_forward
make_host one 1
make_host two 2
make_host relays 9
start socks nsenter --net=/run/netns/relays microsocks -i 10.3.9.2 -p 1080
# A raw relay leads to the second one, whichever is chosen.
start raw nsenter --net=/run/netns/relays socat \
    TCP-LISTEN:7100,fork,reuseaddr TCP:10.3.2.2:7000

begin_listener one
begin_listener two
begin_connector list '( "tcp://10.3.1.2:7000", "tcp://10.3.2.2:7000" )'
await_paths one 2
stream_begins one two
await_stream one 10 'a list of two'
keeps_paths one 2 || fail "the first listener has not both led paths"
await 5 "end of the path to the other listener" \
    has_line list 'it leads to another listener'
keeps_paths list 2 || fail "a path to another listener is up"

stop one KILL
await_stream two 10 'the first one was killed'
await_paths two 3 40
[ "$(query list '.tunnels[0].paths[0].uri')" = tcp://10.3.2.2:7000 ] ||
    fail "the direct path is not shown as it is"
note "all three paths are with the second"

mv "$work/one.log" "$work/one.old.log"
begin_listener one
freeze STOP two
await_stream one 20 'the second one was frozen'
freeze CONT two
await_paths one 2 10
note "back at the first"
stop stream INT
stop list
stop sink.one
stop sink.two
has_sessions() {
	[ "$(query "$1" '[.tunnels[].paths[]] | length')" = "$2" ]
}
await 10 "end of the sessions" has_sessions one 0

# --- SRV records --------------------------------------------------------------

cat >"$work/dnsmasq.conf" <<END
no-resolv
no-hosts
local=/example/
port=53
listen-address=127.0.0.1
bind-interfaces
user=root
pid-file=$work/dnsmasq.pid
address=/one.example/10.3.1.2
address=/two.example/10.3.2.2
srv-host=_socktopus._tcp.example,one.example,7000,10,1
srv-host=_socktopus._tcp.example,two.example,7000,20,1
END
start names dnsmasq -k -C "$work/dnsmasq.conf"
echo 'nameserver 127.0.0.1' >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
await 5 "name server" is_bound 53

# Without the path that leads to the second one anyway.
raw_path=
begin_connector srv '"srv://_socktopus._tcp.example"'
await_paths one 2
await_line 5 srv 'the listener is one.example:7000'
stream_begins one two
await_stream one 10 'SRV records'
stop one KILL
await_stream two 10 'the first one of SRV was killed'
await_paths two 2
stop stream INT
stop srv

# No such name, and a name without a service: said, and tried again.
begin_connector none '"srv://_other._tcp.example"'
await_line 10 none 'srv://_other._tcp.example: down: resolve: Name or service'
