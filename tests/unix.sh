#!/bin/bash
# Local datagram sockets at both ends: a full tunnel blocks the application
# instead of losing, and so does an application at the far end that stands
# still; with paths that die nothing is lost; names are given, kept and removed.
. "$(dirname "$0")/lib.sh"
need jq

make_key near
make_key far
near=$work/near/in far=$work/far/out app=$work/app
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; unix_mode = "0600";
	permit = ( "unix:$far:$app", "unix:$work/far/learns" ); } );
END
start_file listener
await_listening listener

# connect NAME LOCAL REMOTE [KEYS]
connect() {
	begin_file "$1" near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "$1"; peer = "far"; local = "$2"; remote = "$3"; ${4:-}
	destination = "tcp://127.0.0.1:${port[listener]}";
	paths = ( { uri = "tcp://127.0.0.1:${port[listener]}"; } ); } );
END
	start_file "$1"
}

# The engine may write to the application's socket.
sink() {
	start sink bash -c 'umask 0; exec "$@"' - "$dgram" sink -B "$app" "$@"
	await_line 5 sink '^port='
}

held() {
	query listener '[.tunnels[] | .held_bytes] | add'
}

connect connector "unix:$near" "unix:$far:$app" 'unix_mode = "0622";'
await_paths connector 2
[ "$(stat -c %a "$near")" = 622 ] || fail "the mode is $(stat -c %a "$near")"
[ "$(stat -c %a "$far")" = 600 ] || fail "the mode is $(stat -c %a "$far")"
sink -n 20000 -i 10 -t 30
"$dgram" send -U "$near" -n 20000 -s 0-3000 >/dev/null || fail "cannot send"
finish sink 40
expect sink lost 0
expect sink corrupt 0
expect sink received 20000
note "20000 datagrams over local sockets, none lost"

# Before the application is there, and while it stands still, the sender waits.
holds_much() {
	[ "$(held)" -gt 1000000 ]
}

start send "$dgram" send -U "$near" -n 60000 -s 1400
await 20 "datagrams that are held" holds_much
await 20 "back pressure" is_waiting 20001
is_alive send || fail "60000 datagrams went into nothing"
[ "$(held)" -lt 32000000 ] || fail "too much is held: $(held)"
keeps_paths connector 2 || fail "a path was given up"
sink -n 60000 -i 20 -t 120 -z 10000
await 20 "a sink that stands still" is_stopped "${pid[sink]}"
await 20 "back pressure again" is_waiting 30001
is_alive send || fail "the sender did not wait"
# A path dies meanwhile.
expect_problem "$log_path_down"
kill_worker_of connector '.tunnels[0].paths[0]'
kill -CONT "${pid[sink]}"
finish send 60
finish sink 60
expect sink lost 0
expect sink duplicates 0
expect sink received 60000
note "the sender waits for the far application, and nothing is lost"
await_paths connector 2

# A name in use, a name of something else, one that is left over.
start second "$build/socktopus" -d -f "$work/connector.conf"
finish second
[ "$status" = 1 ] || fail "a name in use was taken"
has_line second "$near: in use by another process" ||
    fail "no word of the name in use"
refused_local() {
	connect "$2" "$1" "unix:$far:$app" "${4:-}"
	finish "$2"
	[ "$status" = 1 ] || fail "$1 was taken"
	has_line "$2" "$3" || fail "no word of '$3' for $1"
}
expect_problem 'in use by another process' 'something else has this name' \
    'there is no user' 'others can write'
refused_local "unix:$near" used 'near/in: in use by another process'
mkdir "$work/folder"
refused_local "unix:$work/folder" thing 'something else has this name'
refused_local "unix:$work/other" owner 'unix_owner: there is no user nobodyatall' \
    'unix_owner = "nobodyatall";'
refused_local "unix:$work/other" mode 'unix_mode must be octal' \
    'unix_mode = "0999";'
refused_local "unix:$work/$(printf '%0100d' 0)" long 'longer than 107 bytes'
refused_local "unix:/with:colon" relative "a local socket's path begins"
mkdir -m 777 "$work/open"
refused_local "unix:$work/open/x" open 'others can write in its folder'
kill -KILL "${pid[connector]}"
finish connector
name_is_gone() {
	[ ! -e "$near" ]
}
await 5 "end of the name" name_is_gone
connect connector "unix:$near" "unix:$far:$app" ""
await_paths connector 2
expect_problem 'opener: killed by signal 9 [(]Killed[)]: no new log or named end any more'
kill_child connector opener
await_line 5 connector 'opener: killed'
keeps_paths connector 2 || fail "a path ended with the opener"
sink -n 100 -i 5 -t 20
"$dgram" send -U "$near" -n 100 >/dev/null || fail "cannot send any more"
finish sink 20
expect sink lost 0
kill -KILL "${pid[connector]}"
finish connector
[ -S "$near" ] || fail "who has removed the name?"

# Who has lost his name does not remove it from whoever has it by now.
expect_problem 'something else has its name by now, and stays'
begin_file loser far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)";
	permit = ( "unix:$work/lost" ); } );
END
start_file loser
await_listening loser
rm "$work/lost" "${control[loser]}"
echo precious >"$work/lost"
echo precious >"${control[loser]}"
stop loser
[ "$(cat "$work/lost" "${control[loser]}" | grep -c precious)" = 2 ] ||
    fail "what had the names by then was removed"
note "a name is removed only from the socket that was bound"
connect connector "unix:$near" "unix:$work/far/learns" ""
await_paths connector 2
note "a stale name is replaced, one in use is not"

# Whoever sent last is answered, at both ends: an echo says its name first.
open_to_all() {
	start "$1" bash -c 'umask 0; exec "$@"' - "$dgram" "${@:2}"
	await_line 5 "$1" '^port='
}
open_to_all hello send -B "$work/echo" -U "$work/far/learns" -n 1
finish hello
open_to_all echo echo -B "$work/echo"
for name in one two one; do
	open_to_all "$name" ping -B "$work/$name" -U "$near" -n 200 -i 5
	finish "$name" 20
	expect "$name" lost 0
done
note "who sent last is answered"

# What is older than max_age when its turn comes is not sent, but counted.
stop connector
connect connector "unix:$near" "unix:$far:$app" 'max_age = 200;'
await_paths connector 2
sink -i 60 -t 120
kill -STOP "${pid[sink]}"
start send "$dgram" send -U "$near" -n 40000 -s 1400
await 20 "back pressure" is_waiting 1
kill -CONT "${pid[sink]}"
finish send 60
await 20 "end of all that was sent" came_or_too_old 40000
stop sink
[ "$too_old" -gt 0 ] || fail "nothing was too old"
[ $((too_old + $(value sink received))) = 40000 ] ||
    fail "$too_old were too old, and $(value sink received) arrived"
note "$too_old of 40000 were too old to be sent"

# Not permitted: another name, the same without the application.
stop connector
[ ! -e "$near" ] || fail "the name stays"
expect_problem 'not permitted'
for remote in "unix:$work/far/else" "unix:$far" "unix-seqpacket:$far"; do
	connect connector "unix:$near" "$remote" ""
	await_line 10 connector "not permitted"
	stop connector
done
stop listener
[ ! -e "$far" ] || fail "the name of the listener's end stays"
note "only what is permitted by name is reached"

# The same name twice.
begin_file twice far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)";
	permit = ( "unix:$far", "unix-seqpacket:$far" ); } );
END
start twice "$build/socktopus" -n -f "$work/twice.conf"
finish twice
[ "$status" = 1 ] || fail "a name that stands twice was taken"
has_line twice 'stands twice' || fail "no word of the name that stands twice"
