#!/bin/bash
# What a thief of a key can do and what not. He is whose key it is; but he
# reads no session that was recorded, is nobody else, not even to the one whose
# key he has, gets into no session that stands, and a pre-shared key that he
# does not have keeps him out.
. "$(dirname "$0")/lib.sh"
need socat jq

impostor=$build/tests/impostor
not_verified='the answer does not verify'
not_opened='connection from [^ ]*: frame failed to open'
expect_problem "$log_path_down" 'connection from [^ ]*: '
for name in near guarded guest far; do
	make_key "$name"
done
(umask 077 && "$build/socktopusctl" genpsk >"$work/psk.key")
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; },
	{ name = "guest"; key = "$(public_key guest)"; },
	{ name = "guarded"; key = "$(public_key guarded)";
	    psk = "$work/psk.key"; } );
END
start_file listener
await_listening listener

# connector NAME KEY PORT PEER_KEYS: of one path, with the ports of pick_tuple.
connector() {
	begin_file "$1" "$2" <<END
peers = ( { name = "listener"; key = "$(public_key far)"; $4 } );
tunnels = ( { name = "$1"; peer = "listener";
    destination = "tcp://127.0.0.1:$3"; local = "$loc"; remote = "$rem"; } );
END
	start_file "$1"
}

# try OPTION...: dials the listener; what came of it is in $answer.
try() {
	tries=$((tries + 1))
	start "try$tries" "$impostor" "$@"
	finish "try$tries" 20
	answer=$(cat "$work/try$tries.log")
	[ "$status" = 0 ] || fail "impostor: $answer"
}
tries=0

# came_to PATTERN: of the last try.
came_to() {
	grep -Eq -- "$1" <<<"$answer" || fail "not '$1' but: $answer"
}

tunnels_of() {
	query listener "[.tunnels[] | select(.peer == \"$1\")] | length"
}

# The sessions that the thieves would like to have.
start relay socat -d -d -r "$work/asked" -R "$work/answered" \
    TCP-LISTEN:0,bind=127.0.0.1,fork "TCP:127.0.0.1:${port[listener]}"
await_line 10 relay 'listening on AF='
port[relay]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
    "$work/relay.log")
pick_tuple
connector honest near "${port[relay]}" ""
await_paths honest 1
both_ways recorded -n 200 -s 1000
wanted="127.0.0.1:$bound:127.0.0.1:$far"
honest=("$near" "$local" "$bound" "$far")
pick_free() {
	# shellcheck disable=SC2046 # two ports
	set -- $(free_ports 2)
	free=127.0.0.1:$1:127.0.0.1:$2
}
pick_free

stays_as_it_was() {
	local near=${honest[0]} local=${honest[1]} bound=${honest[2]}
	local far=${honest[3]}

	keeps_paths honest 1 || fail "$1: the path is down"
	[ "$(query honest '.tunnels[0].paths[0].restarts')" = 0 ] ||
	    fail "$1: the path was interrupted"
	[ "$(tunnels_of near)" = 1 ] || fail "$1: $(tunnels_of near) tunnels"
	[ "$(query listener '[.tunnels[] | select(.peer == "near").paths[]] |
	    length')" = 1 ] || fail "$1: he has a path of the session"
	both_ways "$1" -n 50 -r 5000
}

# --- recorded sessions ------------------------------------------------------

# reads NAME MESSAGE1 OPTION...: with these keys no more than that can be read.
reads() {
	local name=$1 first=$2

	shift 2
	try "$@" read "$work/asked" "$work/answered"
	came_to "^message1=$first"
	came_to '^message2=no'
	came_to '^frames_up=0'
	came_to '^frames_down=0'
	note "record, $name: first message $first, nothing else"
}

reads "the connector's key" no -i "$work/near.key" -R "$(public_key far)"
reads "the listener's key" yes -r "$work/far.key"
reads "both keys" yes -i "$work/near.key" -r "$work/far.key"
session=$(sed -n 's/^session=//p' <<<"$answer")
[ ${#session} = 32 ] || fail "no session in '$answer'"

# --- the listener's key -------------------------------------------------------

# He is nobody else to the listener: a first message of anybody he can forge.
try -I "$(public_key near)" -r "$work/far.key" -s "$session" \
    dial "${port[listener]}" "$wanted"
came_to 'message 2 does not open'
came_to ' closed$'
await_line 5 listener "$not_opened"
stays_as_it_was forged
note "the listener's key: cannot be a peer to it"

# He is the listener to those whom no pre-shared key keeps from it.
start thief "$impostor" -r "$work/far.key" answer
await_line 5 thief '^port='
pick_tuple
connector victim guest "$(value thief port)" ""
await_line 10 thief '^opened=yes'
stop victim
stop thief
start thief "$impostor" -r "$work/far.key" answer
await_line 5 thief '^port='
connector careful guarded "$(value thief port)" "psk = \"$work/psk.key\";"
await_line 10 thief '^read=yes'
await_line 10 careful "down: .*$not_verified"
[ "$(query careful '.tunnels[0].paths[0].state')" != up ] ||
    fail "the pre-shared key keeps nobody out"
stop careful
! has_line thief '^opened=yes' || fail "he was sent OPEN"
stop thief
note "the listener's key: is the listener, but not to who has a psk"

# --- a connector's key ----------------------------------------------------------

# He is no listener to it.
start thief "$impostor" -i "$work/guest.key" -R "$(public_key far)" answer
await_line 5 thief '^port='
connector victim guest "$(value thief port)" ""
await_line 10 thief '^read=no'
await_line 10 victim "down: .*$not_verified"
stop victim
! has_line thief '^opened=yes' || fail "he was sent OPEN"
stop thief
note "a connector's key: cannot be the listener to it"

# He is it, where no pre-shared key keeps him from it.
stolen=(-i "$work/guest.key" -R "$(public_key far)")
try "${stolen[@]}" dial "${port[listener]}" "$free"
came_to ' accepted$'
try -i "$work/guarded.key" -R "$(public_key far)" dial "${port[listener]}" \
    "$free"
came_to 'message 2 does not open'
came_to ' closed$'
[ "$(tunnels_of guarded)" = 0 ] || fail "the pre-shared key keeps nobody out"
try -i "$work/guarded.key" -R "$(public_key far)" -p "$work/psk.key" \
    dial "${port[listener]}" "$free"
came_to ' accepted$|in use'
note "a connector's key: is the connector, but not without the psk"

# He gets into nobody else's session, though he knows what it is called.
try "${stolen[@]}" -s "$session" dial "${port[listener]}" "$wanted"
came_to ' refused: bind .*: Address already in use$'
stays_as_it_was refused
pick_free
start thief "$impostor" "${stolen[@]}" -s "$session" -k \
    dial "${port[listener]}" "$free"
await_line 10 thief ' accepted$'
has_his_own() {
	[ "$(query listener "[.tunnels[] | select(.peer == \"guest\" and
	    .paths[0].state == \"up\")] | length")" = 1 ]
}
await 5 "tunnel of his own" has_his_own
stays_as_it_was beside
note "a connector's key: a session of its own, no path of another's"
