#!/bin/bash
# A log that is a file, and syslog, across upgrades in place and a reload from one
# to the other: new engine and new supervisor write where the old ones did.
. "$(dirname "$0")/lib.sh"
need jq socat
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"

# A folder of devices with a daemon's socket of our own.
mkdir "$work/dev"
mount -t tmpfs -o mode=755 tmpfs "$work/dev"
for device in null zero random urandom tty; do
	: >"$work/dev/$device"
	mount --bind "/dev/$device" "$work/dev/$device"
done
ln -s /proc/self/fd "$work/dev/fd"
mount --rbind "$work/dev" /dev

syslog=$work/syslog
: >"$syslog"
start_syslog() {
	start syslog socat -u UNIX-RECV:/dev/log,mode=666 \
	    "OPEN:$syslog,wronly,append"
	await 5 "/dev/log" is_for_all /dev/log
}
start_syslog

make_key near
make_key far
pick_tuple
file=$work/file
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
start_file listener
await_listening listener
gate=${port[listener]}

# log_to TARGET: as the file has it.
log_to() {
	begin_file connector near <<-END
	log = { level = "debug"; target = "$1"; };
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "t"; peer = "far"; local = "$loc";
	    remote = "$rem"; direct = false;
	    destination = "tcp://127.0.0.1:$gate";
	    paths = ( { uri = "tcp://127.0.0.1:$gate"; } ); } );
	END
}

# count LOG ROLE: lines of that process. A daemon's have no ends, but a head each.
count() {
	grep -Eos "(debug|info|notice|warn|error) $2: " "$1" | wc -l
}

has_more() {
	[ "$(count "$1" engine)" -gt "$2" ] &&
	    [ "$(count "$1" supervisor)" -gt "$3" ]
}

path_too() {
	"$build/socktopusctl" -s "${control[connector]}" path "$1" t \
	    "tcp://localhost:$gate" >/dev/null || fail "path $1"
}

sizes() {
	stat -c '%n %s' "$@"
}

# both_write_to LOG OTHER...: a path more for a while is a word from both.
both_write_to() {
	local log=$1 others engine supervisor

	shift
	others=$(sizes "$@")
	engine=$(count "$log" engine)
	supervisor=$(count "$log" supervisor)
	path_too add
	await_paths connector 2
	path_too del
	await_paths connector 1
	await 5 "lines of both in $log" has_more "$log" "$engine" "$supervisor"
	[ "$(sizes "$@")" = "$others" ] || fail "not to $log alone: $others
$(sizes "$@")"
}

upgrade() {
	local engine

	engine=$(engine_of connector)
	"$build/socktopusctl" -s "${control[connector]}" upgrade ||
	    fail "no upgrade"
	[ "$(engine_of connector)" != "$engine" ] || fail "the same engine"
}

reloads() {
	grep -Eos 'supervisor: reloaded' "$1" | wc -l
}

has_reloaded() {
	[ "$(reloads "$1")" -gt "$2" ]
}

# reload LOG: where it is told that it is over.
reload() {
	local before

	before=$(reloads "$1")
	kill -HUP "${pid[connector]}"
	await 5 "reload told in $1" has_reloaded "$1" "$before"
}

stderr=$work/connector.log
log_to "file:$file"
# -d would have it on standard error.
socktopus connector -- -f "$work/connector.conf"
control[connector]=$work/connector.sock
await_paths connector 1
both_write_to "$file" "$stderr" "$syslog"
upgrade
await 5 "word of the upgrade" grep -q 'the new engine serves' "$file"
await 5 "the new supervisor's word" grep -q 'supervisor: upgraded to' "$file"
both_write_to "$file" "$stderr" "$syslog"
note "both write to the same file after an upgrade"

# One that is rotated is left by a reload, as without an upgrade.
mv "$file" "$file.1"
upgrade
both_write_to "$file.1" "$stderr" "$syslog"
reload "$file"
both_write_to "$file" "$file.1" "$stderr" "$syslog"
note "and to another one of that name after a reload"

log_to syslog
reload "$syslog"
both_write_to "$syslog" "$file" "$stderr"
upgrade
both_write_to "$syslog" "$file" "$stderr"
for process in "${pid[connector]}" "$(engine_of connector)"; do
	grep -q "socktopus\\[$process\\]: " "$syslog" ||
	    fail "nothing of process $process in syslog"
done
note "a reload leads to syslog, and an upgrade leaves it there"

# A daemon that starts again while they do, and is not there for a while.
stop syslog
rm -f /dev/log
upgrade
start_syslog
both_write_to "$syslog" "$file" "$stderr"
note "a daemon that was away is found again"

log_to stderr
reload "$stderr"
both_write_to "$stderr" "$file" "$syslog"
