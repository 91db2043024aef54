#!/bin/bash
# Under systemd's real journal: every line has its priority and fields, and a
# journal that has stopped to read holds nothing up.
. "$(dirname "$0")/lib.sh"
need jq journalctl systemd-cat socat
journald=/lib/systemd/systemd-journald
[ -x $journald ] || skip "there is no $journald"
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"

mkdir -p /run/systemd/journal /run/log/journal "$work/var"
if [ -d /var/log/journal ]; then
	mount -t tmpfs tmpfs /var/log/journal
	rmdir /var/log/journal 2>/dev/null
fi
[ -e /etc/machine-id ] || skip "there is no /etc/machine-id"
echo 5ec7095005ec7095005ec7095005ec70 >"$work/machine-id"
mount --bind "$work/machine-id" /etc/machine-id
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\n' \
    >"$work/journald.conf"
[ ! -e /etc/systemd/journald.conf ] ||
    mount --bind "$work/journald.conf" /etc/systemd/journald.conf
start journald $journald
takes_lines() {
	systemd-cat -t begin true 2>/dev/null &&
	    [ -S /run/systemd/journal/socket ]
}
await 10 "journal that takes lines" takes_lines

# entries FILTER: of jq, over the entries of socktopus.
entries() {
	journalctl --sync 2>/dev/null
	journalctl -q -o json -t socktopus 2>/dev/null | jq -r "$1"
}

has_entry() {
	[ -n "$(entries "select($1) | .MESSAGE")" ]
}

# Its standard error leads to the journal, as a service's does.
start_in_journal() {
	# shellcheck disable=SC2016 # of the shell that it starts
	wrap=(systemd-cat -t socktopus sh -c '
		fd=$(stat -Lc %d:%i /proc/self/fd/2)
		exec env JOURNAL_STREAM="$fd" "$@"' sh)
	socktopus "$1" -- -f "$work/$1.conf"
	control[$1]=$work/$1.sock
	wrap=()
}

make_key a
begin_file listener a <<END
listen = ( "127.0.0.1:23461" );
peers = ( { name = "near"; key = "$(public_key a)"; } );
END
begin_file connector a <<END
peers = ( { name = "far"; key = "$(public_key a)"; } );
tunnels = ( { name = "logs"; peer = "far"; local = "1234"; remote = "1235:1236";
    destination = "tcp://127.0.0.1:23461"; } );
END
start_in_journal listener
start_in_journal connector
await_paths connector 1
await 5 "path in the journal" has_entry \
    '.SOCKTOPUS_PATH == "tcp://127.0.0.1:23461" and .SOCKTOPUS_TUNNEL == "logs"
    and .SOCKTOPUS_ROLE == "engine" and .PRIORITY == "6"
    and .MESSAGE == "engine: logs/tcp://127.0.0.1:23461: up"
    and ._TRANSPORT == "journal"'
await 5 "start in the journal" has_entry \
    '.SOCKTOPUS_ROLE == "supervisor" and .MESSAGE == "supervisor: ready"
    and .PRIORITY == "5"'
[ ! -s "$work/connector.log" ] || fail "something else was written"
note "every line has its fields: $(entries '.MESSAGE' | wc -l) entries"

# After an upgrade in place both of its processes go on as they did.
"$build/socktopusctl" -s "${control[connector]}" upgrade || fail "no upgrade"
await 10 "upgrade in the journal" has_entry '.SOCKTOPUS_ROLE == "supervisor" and
    .PRIORITY == "5" and ._TRANSPORT == "journal" and
    (.MESSAGE | test("^supervisor: upgraded to "))'
"$build/socktopusctl" -s "${control[connector]}" reload || fail "no reload"
await 5 "reload in the journal" has_entry '.SOCKTOPUS_ROLE == "supervisor" and
    .PRIORITY == "5" and ._TRANSPORT == "journal" and
    .MESSAGE == "supervisor: reloaded"'
engine=$(engine_of connector)
await 5 "a line of the new engine" has_entry "._PID == \"$engine\" and
    .SOCKTOPUS_ROLE == \"engine\" and ._TRANSPORT == \"journal\""
note "fields after an upgrade, too"

kill_worker() {
	local worker

	worker=$(query connector '.tunnels[0].paths[0].pid | select(. > 0)')
	[ -n "$worker" ] && kill -KILL "$worker" 2>/dev/null
}

expect_problem "$log_path_down"
await 5 "worker" kill_worker
await 5 "warning in the journal" has_entry \
    '.PRIORITY == "4" and (.MESSAGE | test("down: worker killed by SIGKILL"))'

# A stopped journal: its queue fills, and the tunnel works on.
kill -STOP "${pid[journald]}"
killed_often() {
	kill_worker
	[ "$(query connector '.tunnels[0].paths[0].restarts')" -ge 8 ]
}
await 20 "eight restarts" killed_often
[ "$(query listener '.process.version')" ] || fail "the listener is held up"
[ "$(query connector '.process.version')" ] || fail "the connector is held up"
kill -CONT "${pid[journald]}"
await 20 "new worker" kill_worker
await 5 "count of lost lines" has_entry \
    '.PRIORITY == "4" and (.MESSAGE | test("[0-9] log lines were lost here"))'
stop connector
await 5 "end in the journal" has_entry \
    '.MESSAGE == "supervisor: stopping (Terminated)"'

# Without the journal's socket: priorities in front of the lines.
rm /run/systemd/journal/socket
start_in_journal connector
await_paths connector 1
await 5 "line in the journal" has_entry '._TRANSPORT == "stdout" and
    .PRIORITY == "6" and .MESSAGE == "engine: logs/tcp://127.0.0.1:23461: up"'
