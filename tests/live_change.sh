#!/bin/bash
# socktopusctl changes what runs: paths, tunnels, peers and the log's level,
# one without touching the other, under traffic; and who may.
. "$(dirname "$0")/lib.sh"
need jq ss

make_key near
make_key far
make_key third
gate=$(free_ports 1)
begin_file listener far <<END
listen = ( "127.0.0.1:$gate" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
start_file listener
await_listening listener
for relay in one two three; do
	relay_socat "$relay" 127.0.0.1 "$gate"
done
pick_tuple
begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "t"; peer = "far"; local = "$loc"; remote = "$rem";
    destination = ( "tcp://127.0.0.1:$gate", "tcp://127.0.0.1:1" );
    paths = ( { uri = "tcp://127.0.0.1:${port[one]}"; } ); } );
END
start_file connector
await_paths connector 2

# ctl NAME ARGUMENT...: must succeed, and say nothing.
ctl() {
	local name=$1

	shift
	"$build/socktopusctl" -s "${control[$name]}" "$@" >"$work/out" \
	    2>"$work/err" || fail "$*: $(cat "$work/err")"
	[ ! -s "$work/out" ] || fail "$*: it says $(cat "$work/out")"
}

# refused STATUS PATTERN NAME ARGUMENT...
refused() {
	local got=0 status=$1 pattern=$2 name=$3

	shift 3
	"$build/socktopusctl" -s "${control[$name]}" "$@" >"$work/out" \
	    2>"$work/err" || got=$?
	[ "$got" = "$status" ] || fail "exit status $got of $*"
	grep -qE -- "$pattern" "$work/err" ||
	    fail "$*: no '$pattern' in $(cat "$work/err")"
}

uri() {
	echo "tcp://127.0.0.1:${port[$1]}"
}

untouched() {
	[ "$(inode "${port[one]}")" = "$first" ] || fail "$1: another connection"
}

no_paths() {
	[ "$(query "$1" "[.tunnels[] | select(.name == \"$2\").paths[]
	    | select(.state != \"resting\")] | length")" = 0 ]
}

is_connected() {
	[ -n "$(inode "${port[$1]}")" ]
}
await 5 "a socket" is_connected one
first=$(inode "${port[one]}")

# Paths, while datagrams flow.
start sink "$dgram" sink -p "$far" -n 15000 -i 10 -t 120
await_line 5 sink '^port='
start send "$dgram" send -p "$near" -n 15000 -r 3000 -s 1000 127.0.0.1 "$local"
ctl connector path add t "$(uri two)"
await_paths connector 3
ctl connector path add t "$(uri three)" backup=true count=2
await_paths connector 5
untouched "paths were added"
second=$(inode "${port[two]}")
ctl connector path set t "$(uri two)" rate_limit=4000000
await 10 "another connection" is_other "${port[two]}" "$second"
await_paths connector 5
ctl connector path drain t "$(uri two)"
await_paths connector 4
ctl connector path del t "$(uri three)"
await_paths connector 2 5
untouched "paths were changed and removed"
finish send 30
finish sink 30
lost_to_changes sink
expect sink duplicates 0
expect sink corrupt 0
note "paths came, changed, drained and went; nothing was lost"

# A tunnel beside it, and its peer.
read -r near2 local2 bound2 far2 <<<"$(free_ports 4 | xargs)"
ctl connector peer add again "$(public_key third)"
refused 1 'there is a peer again' connector peer add again "$(public_key third)"
ctl connector tunnel add u peer=far "destination=tcp://127.0.0.1:$gate" \
    "local=127.0.0.1:$local2:127.0.0.1:$near2" \
    "remote=127.0.0.1:$bound2:127.0.0.1:$far2" "path=$(uri two)" \
    scheduler=primary
await_paths connector 4
one_way beside "$near2" "$local2" "$far2" -n 100 -s 1400 -r 5k
ctl connector tunnel down u
await 5 "end of the paths" no_paths connector u
sleep 0.3
no_paths connector u || fail "a tunnel that is down dials"
ctl connector tunnel up u
await_paths connector 4
one_way again "$near2" "$local2" "$far2" -n 100 -s 1400 -r 5k
refused 1 'it is the peer of tunnel' connector peer del far
ctl connector peer del again
ctl connector tunnel del u
await_paths connector 2
[ -z "$(ss -Hun "sport = :$local2")" ] || fail "its UDP port is still held"
untouched "a tunnel was added and removed"

# A peer at the listener, with a pre-shared key.
expect_problem "$log_path_down" 'handshake' 'configuration: ' 'not reloaded'
(umask 077 && "$build/socktopusctl" genpsk >"$work/psk")
ctl listener peer add third "$(public_key third)" "psk=$work/psk"
pick_tuple
begin_file other third <<END
peers = ( { name = "far"; key = "$(public_key far)"; psk = "$work/psk"; } );
tunnels = ( { name = "v"; peer = "far"; local = "$loc"; remote = "$rem";
    destination = "tcp://127.0.0.1:$gate"; } );
END
start_file other
await_paths other 1
grep -q "$(cat "$work/psk")" "$work"/*.log && fail "the key is in a log"
ctl listener peer del third
await 5 "end of the peer's path" has_paths_up other 0
stop other
untouched "another peer came and went"

# The log's level, for both processes.
ctl connector log warn
ctl connector path add t "$(uri two)"
await_paths connector 3
before=$(grep -c ' info ' "$work/connector.log")
ctl connector path del t "$(uri two)"
[ "$(grep -c ' info ' "$work/connector.log")" = "$before" ] ||
    fail "info at level warn"
ctl connector log info

# The file is what a reload goes by.
ctl connector path add t "$(uri two)"
await_paths connector 3
ctl connector reload
await_paths connector 2
untouched "a reload"
sed -i 's/destination/destinatoin/' "$work/connector.conf"
refused 1 'connector.conf:[0-9]*: ' connector reload
sed -i 's/destinatoin/destination/' "$work/connector.conf"
ctl connector reload
untouched "a reload of a faulty file"

# What cannot be.
refused 1 'no tunnel' connector path add none "$(uri two)"
refused 1 'no such path' connector path del t "$(uri three)"
refused 1 'uri: ' connector path add t ftp://x
refused 1 'unknown key bakup' connector path add t "$(uri two)" bakup=true
refused 1 'backup' connector path add t "$(uri two)" backup=maybe
refused 1 'count must be from' connector path add t "$(uri two)" count=65
refused 1 'passwd' connector path add t socks://127.0.0.1 auth=/etc/passwd
refused 1 'numeric' connector tunnel add w peer=far \
    "destination=tcp://127.0.0.1:$gate" local=host.example:1:2 remote=3:4
refused 1 'is missing' connector tunnel add w peer=far
refused 1 'no peer nobody' connector tunnel add w peer=nobody local=1:2 \
    remote=3:4 destination=tcp://127.0.0.1
refused 1 'key' connector peer add w nonsense
refused 1 'auth= follows the path=' connector tunnel add w peer=far \
    "auth=$work/psk" local=1:2 remote=3:4 destination=tcp://127.0.0.1
refused 1 'more lines than proxies' connector tunnel add w peer=far \
    "path=$(uri two)" "auth=$work/psk" local=1:2 remote=3:4 \
    destination=tcp://127.0.0.1
for end in "unix:$work/in" "unix-seqpacket:$work/in" tun:socktopus9; do
	refused 1 'local: .* opened by a reload only: .*socktopusctl reload' \
	    connector tunnel add w peer=far "local=$end" "remote=unix:/x:/y" \
	    destination=tcp://127.0.0.1
done
refused 1 'opened by a reload only' connector peer add w \
    "$(public_key third)" "permit=unix:$work/in:/y"
refused 1 'rate_limit=10mbit: a whole number without a unit' connector path add t \
    "$(uri two)" rate_limit=10mbit
refused 1 'backup=yes: true or false' connector path add t "$(uri two)" \
    backup=yes
refused 1 'no such level, of fatal, .*: loud' connector log loud
refused 2 'usage: ' connector path
refused 2 'usage: ' connector tunnel add
refused 2 'usage: ' connector peer del a b
ctl connector path drain t "tcp://127.0.0.1:$gate"
refused 1 'last path' connector path del t "$(uri one)"
ctl connector reload
await_paths connector 2
untouched "all that was refused"
keeps_paths connector 2 || fail "something refused had an effect"

# Who may: the group looks, and root changes.
if is_root && [ -n "${E2E_ISOLATED:-}" ]; then
	need setpriv
	begin_file shared far </dev/null
	sed -i 's|^control .*|control = "/run/shared/control.sock";|' \
	    "$work/shared.conf"
	echo 'control_group = "games";' >>"$work/shared.conf"
	start_file shared
	control[shared]=/run/shared/control.sock
	await_line 10 shared ready
	[ "$(stat -c '%a %G' "${control[shared]}")" = '660 games' ] ||
	    fail "the socket is $(stat -c '%a %U %G' "${control[shared]}")"
	as() {
		setpriv --reuid 61003 --regid "$1" --clear-groups \
		    "$build/socktopusctl" -s "${control[shared]}" "${@:2}" \
		    >"$work/out" 2>"$work/err"
	}
	as games status || fail "the group cannot look: $(cat "$work/err")"
	as games log debug && fail "the group can change"
	grep -q 'permission denied' "$work/err" || fail "$(cat "$work/err")"
	as nogroup status && fail "others can look"
	ctl shared log debug
	setpriv --reuid 61003 --regid games --clear-groups \
	    "$build/socktopusctl" -s "${control[connector]}" status \
	    >/dev/null 2>&1 && fail "the group can look at what is not shared"
	note "the group looks, and root changes"
fi
