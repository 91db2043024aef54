#!/bin/bash
# The log, the control socket and ends that are local sockets change by a
# reload, under traffic: no connection is another, and nothing is lost. What
# cannot be had changes nothing. And what happens when the loader or the opener
# dies.
. "$(dirname "$0")/lib.sh"
need jq ss

pick_tuple
logs=$work/logs
mkdir "$logs"

listen_for near
gate=${port[listener]}

# connector_file CONTROL LOG KEYS TUNNELS
connector_file() {
	local target=$2

	[ "$2" = stderr ] || target=file:$2
	cat >"$work/connector.conf" <<-END
	identity = "$work/near.key";
	control = "$1";
	log = { level = "debug"; target = "$target"; };
	$3
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "t"; peer = "far"; local = "$loc";
	    remote = "$rem"; destination = "tcp://127.0.0.1:$gate";
	    max_queue = 1000; }
	    $4 );
	END
	control[connector]=$1
}

# unix_tunnel LOCAL [KEYS]: another tunnel, whose far end is of the listener's.
unix_tunnel() {
	printf ', { name = "u"; peer = "far"; local = "%s"; remote = "%s"; %s
	    destination = "tcp://127.0.0.1:%s"; }' "$1" "unix:$work/out:$work/app" \
	    "${2:-}" "$gate"
}

log_now=$logs/one
# reload [LOG]: the line that it is over is in that one.
reload() {
	log_now=${1:-$log_now}
	: >>"$log_now"
	hup connector "$log_now"
}

# refused PATTERN: a reload that is, and the log says why.
refused() {
	local before said

	before=$(wc -l <"$log_now")
	reload
	said=$(tail -n +$((before + 1)) "$log_now")
	grep -Eq "configuration: .*$1" <<<"$said" ||
	    fail "not refused for $1: $said"
	grep -q 'supervisor: not reloaded' <<<"$said" ||
	    fail "$1: it was reloaded"
	same "$1"
}

first=
same() {
	inode "$gate" | grep -qx "$first" ||
	    fail "$1: the connection is another"
}

said_by() {
	grep -Eq "^[^ ]+ [a-z]+ $2: " "$1"
}

answers() {
	[ "$(query connector '.tunnels[0].name')" = t ]
}

connector_file "$work/one.sock" "$log_now" '' ''
socktopus connector -- -f "$work/connector.conf"
control[connector]=$work/one.sock
await_paths connector 1
first=$(inode "$gate" | head -n 1)
[ -n "$first" ] || fail "no socket is to be seen"
locked=$(grep Seccomp_filters "/proc/$(engine_of connector)/status")

start sink "$dgram" sink -p "$far" -n 40000 -i 5 -t 60
await_line 5 sink '^port='
start send "$dgram" send -p "$near" -n 40000 -r 2000 -s 1000 127.0.0.1 "$local"

# The log: another file, the same one anew, a file that cannot be had.
connector_file "$work/one.sock" "$logs/two" '' ''
reload "$logs/two"
lines=$(wc -l <"$logs/one")
mv "$logs/two" "$logs/two.1"
reload
"$build/socktopusctl" -s "$work/one.sock" log trace
"$build/socktopusctl" -s "$work/one.sock" path add t "tcp://127.0.0.1:$gate" \
    >/dev/null
await_paths connector 2
said_by "$logs/two" supervisor || fail "the supervisor logs elsewhere"
said_by "$logs/two" engine || fail "the engine logs elsewhere"
[ "$(wc -l <"$logs/one")" = "$lines" ] || fail "the first log has grown"
lines=$(wc -l <"$logs/two.1")
connector_file "$work/one.sock" "$work/no/such/log" '' ''
refused 'log file .*/no/such/log: No such file'
[ "$(wc -l <"$logs/two.1")" = "$lines" ] || fail "a rotated log has grown"
note "the log is another file, opened again, and stays if another cannot be had"

# The control socket.
connector_file "$work/two.sock" "$logs/two" '' ''
reload
await 5 "answer at the other socket" answers
await 5 "removal of the old control socket's name" test ! -e "$work/one.sock"
connector_file "$work/no/such/folder.sock" "$logs/two" '' ''
refused 'control: .*/no/such/folder.sock: '
control[connector]=$work/two.sock
answers || fail "no answer where it was"
if is_root; then
	connector_file "$work/two.sock" "$logs/two" 'control_group = "nogroup";' ''
	reload
	[ "$(stat -c %a:%G "$work/two.sock")" = 660:nogroup ] ||
	    fail "the control socket is $(stat -c %a:%G "$work/two.sock")"
	answers || fail "no answer with another group"
	[ ! -e "$work/two.sock.new" ] || fail "a name is left over"
	connector_file "$work/two.sock" "$logs/two" 'control_group = "nowhere";' ''
	refused 'there is no group nowhere'
	answers || fail "no answer with a group that is none"
fi
connector_file "$work/two.sock" "$logs/two" '' ''
reload
[ "$(stat -c %a "$work/two.sock")" = 600 ] || fail "it is still the group's"
note "the control socket is another, and stays if another cannot be had"

# Local sockets at ends: at the listener for a peer, here for a tunnel.
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)";
    permit = ( "127.0.0.1:*", "unix:$work/out:$work/app" ); } );
END
kill -HUP "${pid[listener]}"
await_line 5 listener 'supervisor: reloaded'
[ -S "$work/out" ] || fail "no local socket at the listener"
connector_file "$work/two.sock" "$logs/two" '' "$(unix_tunnel "unix:$work/in")"
reload
await_paths connector 2
carries() {
	start app bash -c 'umask 0; exec "$@"' - "$dgram" sink -B "$work/app" \
	    -n 2000 -i 10 -t 20
	await_line 5 app '^port='
	"$dgram" send -U "$work/in" -n 2000 -s 0-1400 >/dev/null ||
	    fail "cannot send"
	finish app 30
	expect app lost 0
	expect app corrupt 0
}
carries

# Names that are gone come again, and what has them is heard.
rm "$work/in" "$work/out" "$work/two.sock"
hup listener "$work/listener.log"
reload
for name in in out two.sock; do
	[ -S "$work/$name" ] || fail "$name does not come again"
	cat "$log_now" "$work/listener.log" |
	    grep -q "$work/$name was gone, and is opened again" ||
	    fail "no word of $name"
done
answers || fail "no answer at the control socket that came again"
await_paths connector 2
carries
same "names that come again"
note "names that were gone came again"
socket_of_tunnel() {
	ss -Hxae src "$work/in" | sed -n 's/.* \([0-9]*\) \* 0.*/\1/p' | head -n 1
}
before=$(socket_of_tunnel)
connector_file "$work/two.sock" "$logs/two" '' \
    "$(unix_tunnel "unix:$work/in" 'unix_mode = "0622";')"
reload
[ "$(stat -c %a "$work/in")" = 622 ] || fail "the mode is as it was"
[ "$(socket_of_tunnel)" = "$before" ] || fail "another mode, another socket"

# What somebody has put at its name keeps the rights that it has.
mv "$work/in" "$work/aside"
install -m 600 /dev/null "$work/victim"
ln -s "$work/victim" "$work/in"
connector_file "$work/two.sock" "$logs/two" '' \
    "$(unix_tunnel "unix:$work/in" 'unix_mode = "0666";')"
reload
[ "$(stat -c %a "$work/victim")" = 600 ] || fail "a link was followed"
grep -q "$work/in keeps the rights .*: something else has its name by now" \
    "$logs/two" || fail "no word of what has its name"
rm "$work/in"
mv "$work/aside" "$work/in"

# By hand it goes, and comes again with the file; what it had is its own.
"$build/socktopusctl" -s "$work/two.sock" tunnel del u || fail "cannot delete"
reload
await_paths connector 2
[ "$(socket_of_tunnel)" = "$before" ] || fail "another socket"

# Names that are somebody's, of no user, of no folder.
start thief "$dgram" echo -B "$work/its" -i 60
await_line 5 thief '^port='
for case in "unix:$work/its||in use by another process" \
    "unix:$work/no/such/in||/no/such/in: " \
    "unix:$work/new|unix_owner = \"nobodyatall\";|there is no user nobody" \
    "tun:toolongtobeadevice||device"; do
	IFS='|' read -r name keys why <<<"$case"
	connector_file "$work/two.sock" "$logs/two" '' \
	    "$(unix_tunnel "$name" "$keys")"
	refused "$why"
	[ "$(socket_of_tunnel)" = "$before" ] || fail "$why: another socket"
	[ ! -e "$work/new" ] || fail "$why: a name is left over"
done
stop thief

# Another kind at the same name, another name, and none.
connector_file "$work/two.sock" "$logs/two" '' \
    "$(unix_tunnel "unix-seqpacket:$work/in")"
reload
# The kernel keeps the name that it was bound to.
[ -n "$(ss -Hxl src "$work/in.new")" ] || fail "nobody listens at $work/in"
[ ! -e "$work/in.new" ] || fail "a name is left over"
connector_file "$work/two.sock" "$logs/two" '' "$(unix_tunnel "unix:$work/in")"
refused 'is of another kind now, and must go first'
connector_file "$work/two.sock" "$logs/two" '' \
    "$(unix_tunnel "unix:$work/elsewhere")"
reload
[ -S "$work/elsewhere" ] || fail "no socket at another name"
[ ! -e "$work/in" ] || fail "the old name is left over"
connector_file "$work/two.sock" "$logs/two" '' ''
reload
[ ! -e "$work/elsewhere" ] || fail "the name of a tunnel that is gone is left"
same "ends that come and go"
note "local sockets came, changed and went, and others stayed what they were"

# To standard error, and back.
connector_file "$work/two.sock" stderr '' ''
reload "$work/connector.log"
lines=$(wc -l <"$logs/two")
kill -HUP "${pid[connector]}"
await 5 "reload on standard error" has_reloads "$log_now" 1
[ "$(wc -l <"$logs/two")" = "$lines" ] || fail "the file has grown"
connector_file "$work/two.sock" "$logs/three" '' ''
reload "$logs/three"

finish send 60
finish sink 60
lost_to_changes sink
expect sink duplicates 0
expect sink corrupt 0
same "all of this"
[ "$(grep Seccomp_filters "/proc/$(engine_of connector)/status")" = "$locked" ] ||
    fail "another lock-in"
note "under traffic, of which nothing was lost"

# What stays for a restart is told with its reason, and the rest is done.
connector_file "$work/two.sock" "$logs/three" 'worker_user = "nobody";' ''
reload
[ "$(query connector .process.reload)" = available ] || fail "no reload"
! is_root || grep -q "$logs/three" \
    -e 'worker_user: another value waits for a restart: no process has' ||
    fail "no word of the workers' user"

# Without the opener the rest is reloaded; without the loader nothing is.
kill_child connector opener
await 5 "word of the opener" grep -q 'opener: killed by .*: no new log' \
    "$logs/three"
connector_file "$work/two.sock" "$logs/three" '' "$(unix_tunnel "unix:$work/in")"
refused '/in was not opened: the opener is gone, restart the service'

# seen STATE GAUGE: by whoever looks.
seen() {
	local ctl="$build/socktopusctl -s $work/two.sock"

	[ "$(query connector .process.reload)" = "$1" ] ||
	    fail "by status -j a reload is $(query connector .process.reload)"
	$ctl metrics | grep -q "^socktopus_process_reload_available{.*} $2\$" ||
	    fail "by the metrics it is not $2"
	[ "$2" = 0 ] || return 0
	$ctl status | sed -n 2p | grep -q "^reload $1: .*restart" ||
	    fail "status does not say $1: $($ctl status | head -n 3)"
	$ctl watch -c 1 | cut -f 9 | grep -q "^reload $1: " ||
	    fail "watch does not say $1"
}
seen limited 0
connector_file "$work/two.sock" "$logs/three" '' ''
sed -i 's/max_queue = 1000/max_queue = 30/' "$work/connector.conf"
reload
tail -n 1 "$logs/three" | grep -q 'supervisor: reloaded' ||
    fail "no reload without the opener"
kill_child connector loader
await 5 "word of the loader" grep -q \
    'loader: killed by .*: there is no reload any more' "$logs/three"
refused 'the loader is gone: restart the service'
seen unavailable 0
"$build/socktopusctl" -s "$work/two.sock" upgrade || fail "no upgrade"
seen unavailable 0
"$build/socktopusctl" -s "$work/two.sock" reload 2>"$work/answer" &&
    fail "a reload without a loader succeeds"
grep -q 'the loader is gone: restart' "$work/answer" ||
    fail "the answer is $(cat "$work/answer")"
both_ways after -n 100 -s 1400 -r 5k
same "the end of loader and opener"
stop connector
[ "$status" = 0 ] || fail "it ended with $status"
note "without loader and opener the tunnel goes on, and says so"
