#!/bin/bash
# Segments in the name of the other end. Of one who is not on the way nothing
# comes, not even a challenge costs anything; one who is on it ends the path
# that he chose, by RST, FIN or bytes of his own, and no more: the tunnel goes
# on over the other path, and nothing is lost, altered or delivered twice.
. "$(dirname "$0")/lib.sh"
need jq nstat
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"

forge=$build/tests/forge

# join A ADDRESS B ADDRESS: a wire between two of near, middle, far, stranger.
join() {
	ip link add "$3" netns "$1" type veth peer name "$1" netns "$3" ||
	    skip "there is no veth"
	ip -n "$1" addr add "$2/24" dev "$3"
	ip -n "$3" addr add "$4/24" dev "$1"
	ip -n "$1" link set "$3" up
	ip -n "$3" link set "$1" up
}

inside() {
	nsenter --net="/run/netns/$1" "${@:2}"
}

mkdir -p /run/netns
for host_name in near middle far stranger; do
	ip netns add "$host_name" || skip "ip netns does not work"
	ip -n "$host_name" link set lo up
	# The worst case: nobody looks where a segment comes from.
	inside "$host_name" sysctl -qw net.ipv4.conf.all.rp_filter=0 \
	    net.ipv4.conf.default.rp_filter=0 || skip "sysctl does not work"
done
join near 10.9.1.1 middle 10.9.1.254
join far 10.9.2.1 middle 10.9.2.254
join stranger 10.9.3.1 middle 10.9.3.254
ip -n far addr add 10.9.2.2/24 dev middle
inside middle sysctl -qw net.ipv4.ip_forward=1
for host_name in near far stranger; do
	ip -n "$host_name" route add default via \
	    "$(ip -n middle -o -4 addr show dev "$host_name" |
		sed 's|.*inet \([0-9.]*\)/.*|\1|')"
done

make_key near
make_key far
expect_problem "$log_path_down"
begin_file listener far <<END
listen = ( "0.0.0.0:7000" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
wrap=(nsenter --net=/run/netns/far)
start_file listener
await_listening listener
begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "logs"; peer = "far"; local = "5140:5141";
    remote = "5142:5143"; destination = "tcp://10.9.2.1:7000";
    paths = ( { uri = "tcp://10.9.2.2:7000"; } ); } );
END
wrap=(nsenter --net=/run/netns/near)
start_file connector
wrap=()
await_paths connector 2

begin_load() {
	before_load=$(excused)
	start "$1.sink" nsenter --net=/run/netns/far "$dgram" sink \
	    -a 127.0.0.1 -p 5143 -i 600
	await_line 5 "$1.sink" '^port='
	start "$1.send" nsenter --net=/run/netns/near "$dgram" send \
	    -a 127.0.0.1 -p 5141 -n 6000 -r 3k -s 200-1400 127.0.0.1 5140
}

end_load() {
	finish "$1.send" 30
	await 20 "end of what is under way, $1" has_settled logs
	stop "$1.sink" INT
	for what in corrupt duplicates; do
		expect "$1.sink" "$what" 0
	done
	lost_only_excused "$1.sink" "$before_load"
}

restarts() {
	query connector ".tunnels[0].paths[$1].restarts"
}

# The connector's port of the path that is attacked.
port_of_path() {
	inside near ss -Htn "dst 10.9.2.2:7000" | awk '{ print $4 }' |
	    sed 's/.*://'
}

# How often its kernel asked who it was that said this.
challenges() {
	inside "$1" nstat -asz TcpExtTCPChallengeACK |
	    awk '/Challenge/ { print $2 }'
}

goes_on() {
	[ "$(restarts 0)" = 0 ] || fail "$1: the other path was hit as well"
	await_paths connector 2 30
}

# --- not on the way ---------------------------------------------------------

begin_load blind
here=10.9.1.1:$(port_of_path) there=10.9.2.2:7000
start to_near nsenter --net=/run/netns/stranger "$forge" blind "$there" \
    "$here" 30000
start to_far nsenter --net=/run/netns/stranger "$forge" blind "$here" \
    "$there" 30000
finish to_near 30
finish to_far 30
end_load blind
expect to_near forged 30000
[ "$(challenges near)" -gt 0 ] || fail "they did not arrive"
[ "$(restarts 1)" = 0 ] || fail "a blind attack ended a path"
goes_on blind
note "blind: 60000 segments, no path ended, nothing lost"

# --- on the way -------------------------------------------------------------

was_ended() {
	[ "$(restarts 1)" -gt "$1" ]
}

# attack KIND FROM TO NODE REASON: until the path ends; NODE says why.
attack() {
	local name=$1.${2%%:*} before

	before=$(restarts 1)
	begin_load "$name"
	start "$name" nsenter --net=/run/netns/middle "$forge" "$1" "$2" "$3" \
	    1000000
	await_line 5 "$name" '^ready'
	await 20 "end of the path by $name" was_ended "$before"
	stop "$name"
	end_load "$name"
	await_line 5 "$4" "$5"
	goes_on "$name"
	note "$1 to ${3%:*}: ended with a reason, nothing lost;" \
	    "$(query connector '.tunnels[0].paths[1].last_error')"
}

begin_load window
before=$(restarts 1) asked=$(challenges far)
start window nsenter --net=/run/netns/middle "$forge" window 10.9.1.1:0 \
    "$there" 1000000
end_load window
stop window
[ "$(challenges far)" -gt "$asked" ] || fail "none was in the window"
[ "$(restarts 1)" = "$before" ] || fail "a guess in the window ended a path"
goes_on window
note "window: RST that are nearly right end nothing"

path=' .*10\.9\.2\.2:7000: down( again)?: .*'
served=' .*10\.9\.1\.1:[0-9]*: down( again)?: .*'
# With bytes that nobody sent the two kernels do not agree any more: if these
# make the length of a frame that never comes, silence ends the path, at the
# connector first, which then comes anew.
seal='(failed to open|impossible length|no answer|reset|closed|replaced)'
attack rst "$there" 10.9.1.1:0 connector "${path}reset"
attack data 10.9.1.1:0 "$there" listener "$served$seal"
if [ -z "${TEST_LONG:-}" ]; then
	note 'left for make check-long: RST to the listener, FIN and data to' \
	    'the connector'
	exit
fi
attack rst 10.9.1.1:0 "$there" listener "${served}reset"
attack fin "$there" 10.9.1.1:0 connector "${path}closed by the other side"
attack data "$there" 10.9.1.1:0 connector "$path$seal"
