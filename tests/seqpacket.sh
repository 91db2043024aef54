#!/bin/bash
# SOCK_SEQPACKET at both ends: several applications connect, a full tunnel and
# an application that stands still block the sender, and nothing is lost while
# paths die, the far application comes late and the connector starts again.
. "$(dirname "$0")/lib.sh"
need jq socat

make_key near
make_key far
near=$work/near/in far=$work/far/out
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)";
	permit = ( "unix-seqpacket:$far" ); } );
END
start_file listener
await_listening listener
relay_socat relay 127.0.0.1 "${port[listener]}"
expect_problem "$log_path_down"
begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "packets"; peer = "far";
	local = "unix-seqpacket:$near"; remote = "unix-seqpacket:$far";
	destination = "tcp://127.0.0.1:${port[listener]}";
	paths = ( { uri = "tcp://127.0.0.1:${port[relay]}"; } ); } );
END
start_file connector
await_paths connector 2

count=${TEST_LONG:+1000000}
count=${count:-100000}
start send "$dgram" send -Q "$near" -n "$count" -s 200-1400
await 20 "back pressure" is_waiting 1
is_alive send || fail "the sender did not wait"
start sink "$dgram" sink -Q "$far" -n "$count" -i 20 -t 240 -z 10000
await 20 "a sink that stands still" is_stopped "${pid[sink]}"
kill_path() {
	await_paths connector 2
	kill_worker_of connector '.tunnels[0].paths[0]'
}
kill_path
await 20 "back pressure again" is_waiting 10001
is_alive send || fail "the sender did not wait again"
kill -CONT "${pid[sink]}"
kill_path
finish send 120
finish sink 120
expect sink lost 0
expect sink duplicates 0
expect sink corrupt 0
expect sink received "$count"
note "$count datagrams: $(value send send_datagrams_per_s) a second, none lost"

# Two senders, and an application at the far end that goes and comes.
await_paths connector 2
start first "$dgram" send -Q "$near" -n 5000 -s 700 -r 10000 -S 1
start second "$dgram" send -Q "$near" -n 5000 -s 700 -r 10000 -S 1
finish first
finish second
start sink "$dgram" sink -Q "$far" -i 20
await 20 "what both sent" has_delivered listener $((count + 10000))
stop sink
expect sink corrupt 0
expect sink received 10000
expect sink duplicates 5000
note "two senders through one socket, for a sink that came later"

# The connector starts again; the far application remains connected, and is
# answered by whoever sends then.
start echo "$dgram" echo -Q "$far"
await_line 5 echo '^port='
stop connector
[ ! -e "$near" ] || fail "the name stays"
start_file connector
await_paths connector 2
start ping "$dgram" ping -Q "$near" -n 500 -r 2000 -i 5 -s 100-1400
finish ping 20
expect ping lost 0
expect ping received 500
is_alive echo || fail "the far application was cut off"
note "a connector that starts again leaves the far application connected"

# One that sends no more waits for its answer.
await_paths connector 2
# shellcheck disable=SC2016 # of the shell that it starts
start half bash -c 'printf request | socat -t 20 - "UNIX-CONNECT:$1,socktype=5"' \
    half "$near"
await 10 "the answer to one that sends no more" grep -q request "$work/half.log"
note "an application that ended what it sends is answered"

# What is older than max_age when its turn comes is not sent, but counted.
stop echo
stop connector
sed -i 's/name = "packets";/& max_age = 200;/' "$work/connector.conf"
start_file connector
await_paths connector 2
start old.sink "$dgram" sink -Q "$far" -i 60 -t 120
await_line 5 old.sink '^port='
kill -STOP "${pid[old.sink]}"
start old "$dgram" send -Q "$near" -n 50000 -s 1400
await 20 "back pressure" is_waiting 1
kill -CONT "${pid[old.sink]}"
finish old 60
await 20 "end of all that was sent" came_or_too_old 50000
stop old.sink
[ "$too_old" -gt 0 ] || fail "nothing was too old"
[ $((too_old + $(value old.sink received))) = 50000 ] ||
    fail "$too_old were too old, and $(value old.sink received) arrived"
note "$too_old of 50000 were too old to be sent"

# In use: by another type, too.
begin_file other near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "other"; peer = "far"; local = "unix:$near";
	remote = "unix-seqpacket:$far";
	destination = "tcp://127.0.0.1:${port[listener]}"; } );
END
start other "$build/socktopus" -d -f "$work/other.conf"
finish other
[ "$status" = 1 ] || fail "a name in use was taken"
has_line other 'in use by another process' || fail "no word of the name in use"
