#!/bin/bash
# Relays that mix up what they carry: a client's own bytes come back to it, the
# bytes of one connection get into another of the same or of another connector,
# two connections are crossed, and a session that was recorded is played again,
# to either end. Each time the path ends with a reason, what was sent before is
# delivered once, and nothing else is.
. "$(dirname "$0")/lib.sh"
need jq socat

expect_problem "$log_path_down" 'connection from [^ ]*: '
for name in near other far; do
	make_key "$name"
done
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; },
	{ name = "other"; key = "$(public_key other)"; } );
END
start_file listener
await_listening listener

# connector NAME KEY URI...: with the direct path in front.
connector() {
	local name=$1 key=$2 uri paths=

	shift 2
	for uri in "$@"; do
		paths+="${paths:+, }{ uri = \"$uri\"; }"
	done
	begin_file "$name" "$key" <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "$name"; peer = "listener";
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem"; paths = ( $paths ); } );
END
	start_file "$name"
}

begin_load() {
	start "$1.echo" "$dgram" echo -a 127.0.0.1 -p "$far"
	await_line 5 "$1.echo" '^port='
	start "$1.ping" "$dgram" ping -a 127.0.0.1 -p "$near" -s 100-9000 \
	    -r 1500 -t 60 127.0.0.1 "$local"
}

end_load() {
	await 10 "answers at $1" has_delivered "$1" 100
	stop "$1.ping"
	stop "$1.echo"
	[ "$(value "$1.ping" received)" -gt 0 ] || fail "$1: nothing came back"
	expect "$1.ping" corrupt 0
	expect "$1.ping" duplicates 0
	direct_stands "$1" || fail "$1: the direct path is down"
	[ "$(query "$1" '.tunnels[0].paths[0].restarts')" = 0 ] ||
	    fail "$1: the direct path was restarted"
}

# Both paths of the relay that is faulty for two connections come up at last.
begin_relay() {
	relay_faulty "relay.$1" 127.0.0.1 "${port[listener]}" -c 2 "${@:2}"
}

not_opened='(frame failed to open|impossible length|does not verify)'
# What the listener says of those who have not proven their keys, it says once
# in a second.
unsaid='more connections were dropped'
# What comes before a connection's own first message is taken for that.
ended() {
	tail -n +"${mark[$1]:-1}" "$work/$1.log" |
	    grep -Eq "(down|connection from [^ ]*): .*$not_opened|$log_handshake_failed|$unsaid"
}

set_mark() {
	mark[listener]=$(($(wc -l <"$work/listener.log") + 1))
}
declare -A mark=()

# Where both ways are crossed, who notices first ends it for the others, too.
any_ended() {
	local name

	for name; do
		! ended "$name" || return 0
	done
	return 1
}

# at_fault NAME END OPTION...: two paths of one tunnel through the relay. END
# says that it got what was not for it; either: one of them does.
at_fault() {
	local name=$1 where=$2

	shift 2
	set_mark
	pick_tuple
	begin_relay "$name" "$@"
	connector "$name" near "tcp://127.0.0.1:${port["relay.$name"]}" \
	    "tcp://127.0.0.1:${port["relay.$name"]}"
	await 10 "direct path of $name" direct_is_up "$name"
	begin_load "$name"
	await_line 20 "relay.$name" '^fault'
	case $where in
	either) await 10 "reason at $name" any_ended "$name" listener ;;
	*) await 10 "reason of the $where at $name" \
	    ended "${where/connector/$name}" ;;
	esac
	await_paths "$name" 3 30
	end_load "$name"
	note "$name: $(tail -qn +"${mark[listener]}" "$work/listener.log" |
	    grep -Eho "$not_opened" - "$work/$name.log" | sort | uniq -c |
	    tr -s ' \n' ' ')"
	stop "$name"
	stop "relay.$name"
}

# Frame 0 is the handshake's message, 1 is OPEN or its answer.
at_fault echo_message1 connector -m echo -n 0
at_fault echo_open connector -m echo -n 1
at_fault echo_data connector -m echo -n 30
at_fault echo_message2 listener -m echo -d down -n 0
at_fault echo_accept listener -m echo -d down -n 1
at_fault echo_answers listener -m echo -d down -n 30
at_fault cross_message1 connector -m cross -n 0
at_fault cross_open listener -m cross -n 1
at_fault cross_data listener -m cross -n 30
at_fault cross_answers connector -m cross -d down -n 30
at_fault cross_both either -m cross -d both -n 30
at_fault splice_data listener -m splice -n 30
at_fault splice_answers connector -m splice -d down -n 30

# two_connectors NAME OPTION...: of two keys. What the one sent does not reach
# the other's application, which would count it as corrupt.
two_connectors() {
	local name=$1 first node

	shift
	set_mark
	begin_relay "$name" "$@"
	pick_tuple
	first=("$near" "$local" "$bound" "$far")
	connector "$name.a" near "tcp://127.0.0.1:${port["relay.$name"]}"
	await 10 "direct path" direct_is_up "$name.a"
	begin_load "$name.a"
	pick_tuple
	connector "$name.b" other "tcp://127.0.0.1:${port["relay.$name"]}"
	await 10 "direct path" direct_is_up "$name.b"
	begin_load "$name.b"
	await_line 20 "relay.$name" '^fault'
	await 10 "reason at $name" any_ended listener "$name.a" "$name.b"
	for node in "$name.a" "$name.b"; do
		await_paths "$node" 2 30
		end_load "$node"
	done
	near=${first[0]} local=${first[1]} bound=${first[2]} far=${first[3]}
	both_ways "$name" -n 50 -r 5000
	stop "$name.a"
	stop "$name.b"
	stop "relay.$name"
	note "$name: nothing of the one reached the other"
}

two_connectors keys_open -m cross -n 1
two_connectors keys_data -m cross -n 30
two_connectors keys_both -m cross -d both -n 30
two_connectors keys_splice -m splice -n 30

# A session as it was recorded, played to either end while it stands and later.
start recorder socat -d -d -r "$work/asked" -R "$work/answered" \
    TCP-LISTEN:0,bind=127.0.0.1,fork "TCP:127.0.0.1:${port[listener]}"
await_line 10 recorder 'listening on AF='
port[recorder]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
    "$work/recorder.log")
pick_tuple
begin_file recorded near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "recorded"; peer = "listener";
    destination = "tcp://127.0.0.1:${port[recorder]}";
    local = "$loc"; remote = "$rem"; } );
END
start_file recorded
await_paths recorded 1
both_ways recorded -n 200 -s 1000

# play_to_listener NAME: no datagram comes out of it, and message 2 is all
# that is answered.
play_to_listener() {
	start "$1.sink" "$dgram" sink -a 127.0.0.1 -p "$far" -t 2
	await_line 5 "$1.sink" '^port='
	start "$1.play" socat -t 2 "TCP:127.0.0.1:${port[listener]}" \
	    "SYSTEM:cat $work/asked; cat >$work/$1.heard"
	finish "$1.play" 10
	finish "$1.sink" 10
	[ "$(value "$1.sink" received)" = 0 ] || fail "$1: datagrams came again"
	[ "$(wc -c <"$work/$1.heard")" -le 114 ] || fail "$1: he was answered"
	note "$1: $(wc -c <"$work/$1.heard") bytes answered, nothing delivered"
}

play_to_listener played_beside
keeps_paths recorded 1 || fail "the path is down"
[ "$(query recorded '.tunnels[0].paths[0].restarts')" = 0 ] ||
    fail "the path was interrupted"
both_ways beside -n 50 -r 5000
stop recorded
play_to_listener played_later
[ "$(query listener '[.tunnels[] | select(.name == "recorded").paths[]] |
    length')" = 0 ] || fail "the recorded session has a path"

start player socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork \
    "SYSTEM:cat $work/answered; cat >/dev/null"
await_line 10 player 'listening on AF='
port[player]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
    "$work/player.log")
pick_tuple
connector deceived near "tcp://127.0.0.1:${port[player]}"
await_line 10 deceived 'down: .*the answer does not verify'
await 10 "direct path of deceived" direct_is_up deceived
both_ways deceived -n 50 -r 5000
note "played to a connector: $(query deceived \
    '.tunnels[0].paths[1].last_error')"
