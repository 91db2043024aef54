#!/bin/bash
# An end that answers whoever sent last: at both ends, in quick mode, with a
# second application that takes the place of the first.
. "$(dirname "$0")/lib.sh"
need jq

start_listener listener
# shellcheck disable=SC2046
set -- $(free_ports 4)
here=$1 there=$2 one=$3 two=$4
start_connector connector "$here:*" "$there:learn" \
    "tcp://127.0.0.1:${port[listener]}"

remote_of() {
	query "$1" '.tunnels[0].remote'
}

strangers() {
	query "$1" '.tunnels[0].dropped.stranger'
}

has_strangers() {
	[ "$(strangers "$1")" -ge "$2" ]
}

[ "$(remote_of connector)" = "*" ] || fail "somebody is known before he sent"

# Nobody is known at the far end yet: what arrives there is dropped, counted.
"$dgram" send -a 127.0.0.1 -p "$one" -n 3 127.0.0.1 "$here" >/dev/null
await 5 "strangers at the listener" has_strangers listener 3

# An echo makes itself known by one datagram, then answers.
speak() {
	"$dgram" send -a 127.0.0.1 -p "$2" -n 1 127.0.0.1 "$1" >/dev/null
}

is_known() {
	[ "$(remote_of "$1")" = "127.0.0.1:$2" ]
}

ask() {
	start ping "$dgram" ping -a 127.0.0.1 -p "$1" -n 200 -r 2000 -i 10 \
	    -s 0-1400 127.0.0.1 "$here"
	finish ping 30
	[ "$status" = 0 ] || fail "the answers do not come to port $1:
$(cat "$work/ping.log")"
	expect ping corrupt 0
	expect ping lost 0
}

far=$(free_ports 1)
speak "$there" "$far"
await 5 "the far application known" is_known listener "$far"
start echo "$dgram" echo -a 127.0.0.1 -p "$far"
await_line 5 echo '^port='
ask "$one"
await 5 "the first application known" is_known connector "$one"
ask "$two"
await 5 "the second application known" is_known connector "$two"
ask "$one"
note "the last to send is answered, at both ends"

# The far application moves to another port, and is followed.
stop echo
far=$(free_ports 1)
speak "$there" "$far"
await 5 "the move" is_known listener "$far"
start echo "$dgram" echo -a 127.0.0.1 -p "$far"
await_line 5 echo '^port='
ask "$two"
note "an application that moved is followed"

# Whom the peer may not reach is not learned: the permit holds for sources.
make_key near
make_key far
# shellcheck disable=SC2046
set -- $(free_ports 4)
here=$1 there=$2 one=$3 good=$4
begin_file permits far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)";
	permit = [ "127.0.0.1:$there", "127.0.0.1:$good" ]; } );
END
start_file permits
await_listening permits
begin_file asks near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "learned"; peer = "far"; local = "$here:learn";
	remote = "$there:learn";
	destination = "tcp://127.0.0.1:${port[permits]}"; } );
END
start_file asks
await_paths asks 1
speak "$there" "$one"
await 5 "the stranger counted" has_strangers permits 1
speak "$there" "$good"
await 5 "the permitted one known" is_known permits "$good"
speak "$there" "$one"
await 5 "the stranger counted again" has_strangers permits 2
is_known permits "$good" || fail "a stranger was learned"
note "only the permitted are learned"
