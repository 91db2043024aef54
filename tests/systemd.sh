#!/bin/bash
# The units, under a real systemd: each starts with all that it forbids, says
# when it is ready, carries datagrams, is reloaded, watched and started again
# after a failure, and stops without a fault.
. "$(dirname "$0")/lib.sh"
. "$tests/lib_hosts.sh"
need jq make nc pgrep
need_hosts
! grep -q __asan_init "$build/socktopus" ||
    skip "the units forbid what a sanitizer needs"
name_hosts host
boot host

# In the host, from the build's folder; its words only if it fails.
at_host() {
	on host bash -euc "cd '$build'; $1" >"$work/host.out" 2>&1 ||
	    fail "$1: $(cat "$work/host.out")"
}

property() {
	on host systemctl show -P "$2" "$1"
}

is_state() {
	[ "$(property "$1" ActiveState)/$(property "$1" SubState)" = "$2" ]
}

has_started_again() {
	is_state "$1" active/running && [ "$(property "$1" MainPID)" != "$2" ]
}

# By systemd, which may still be asked for something else.
has_been_restarted() {
	[ "$(property "$1" NRestarts)" -ge 1 ] 2>"$work/restarts"
}

# The engine is the supervisor's child with that title.
engine() {
	on host pgrep -P "$(property "$1" MainPID)" -f 'socktopus: engine'
}

# shellcheck disable=SC2016 # of the host's shell
at_host 'make -s install; systemd-sysusers; systemctl daemon-reload
    umask 077; cd /etc/socktopus
    for name in far near user; do socktopusctl genkey >$name.key; done'
for name in far near user; do
	on host sh -c "socktopusctl pubkey </etc/socktopus/$name.key" \
	    >"$work/$name.pub"
done

configure() {
	on host sh -c "cat >/etc/socktopus/$1.conf"
}

configure socktopus <<END
identity = "/etc/socktopus/far.key";
listen = ( "[::]:23461" );
peers = ( { name = "near"; key = "$(public_key near)"; },
    { name = "user"; key = "$(public_key user)"; } );
END
for name in near user; do
	folder=socktopus n=1
	[ $name = near ] || folder=socktopus-user n=2
	configure $name <<-END
	identity = "/etc/socktopus/$name.key";
	control = "/run/$folder/$name.sock";
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "t$n"; peer = "far";
	    destination = "tcp://localhost:23461";
	    local = "${n}234:${n}235"; remote = "${n}236:${n}237"; } );
	END
done
at_host 'cd /etc/socktopus; chown socktopus user.key
    chgrp socktopus user.conf; chmod 640 user.conf'

# --- they start, and carry ------------------------------------------------

# The listener by its socket: nobody has started the service.
at_host 'systemctl start socktopus.socket'
near=socktopus@near user=socktopus-user@user
at_host "systemctl start $near $user"
await 10 "start by the socket" is_state socktopus active/running
# in_journal UNIT PATTERN
in_journal() {
	on host journalctl -q -o cat -u "$1" | grep -q "$2"
}
await 10 "word of the socket that was passed" \
    in_journal socktopus 'was passed to us'

carries() {
	on host sh -c "timeout 30 nc -u -l 127.0.0.1 ${1}237 >/tmp/heard$1 &
	    n=0
	    while [ \$n -lt 100 ]; do
		n=\$((n + 1))
		echo hello | nc -u -q0 -p ${1}235 127.0.0.1 ${1}234
		sleep 0.1
		! grep -q hello /tmp/heard$1 || exit 0
	    done
	    exit 1"
}
is_up() {
	on host socktopusctl -s "/run/$1.sock" status -j |
	    jq -e '.tunnels[0].state == "up"' >/dev/null
}
await 10 "tunnel of $near" is_up socktopus/near
await 10 "tunnel of $user" is_up socktopus-user/user
carries 1 || fail "$near carries nothing"
carries 2 || fail "$user carries nothing"

# Who reads and opens at a reload must be who could do it at the start.
users() {
	on host ps -o user:32=,args= --ppid "$(property "$1" MainPID)" |
	    sed '/socktopus: \(load\|open\)er/d; s/ .*//' | sort -u | tr '\n' ' '
}
[ "$(users $near)" = 'socktopus socktopus-worker ' ] ||
    fail "$near: its processes are of $(users $near)"
[ "$(users $user)" = 'socktopus ' ] ||
    fail "$user: its processes are of $(users $user)"
note "socket activation, with root and without"

# --- what an administrator does, and what goes wrong ------------------------

for unit in socktopus $near $user; do
	before=$(property "$unit" MainPID)
	at_host "systemctl reload $unit"
	is_state "$unit" active/running || fail "$unit: reload"
	[ "$(property "$unit" MainPID)" = "$before" ] ||
	    fail "$unit: a reload has restarted it"
	file=/etc/socktopus/${unit#*@}.conf
	on host cp "$file" /tmp/good.conf
	on host sh -c "echo 'nonsense = 1;' >>$file"
	on host systemctl reload "$unit" 2>/dev/null &&
		fail "$unit: a reload of a faulty file succeeds"
	is_state "$unit" active/running || fail "$unit: a faulty file"
	await 10 "word of $unit on what is wrong" \
	    in_journal "$unit" "$file:[0-9]*: unknown key nonsense"
	on host cp /tmp/good.conf "$file"
done

for unit in $near $user; do
	before=$(property "$unit" MainPID)
	on host kill -KILL "$(engine "$unit")" || fail "$unit has no engine"
	await 10 "new start of $unit" has_started_again "$unit" "$before"
done
await 10 "tunnel of $near" is_up socktopus/near
await 10 "tunnel of $user" is_up socktopus-user/user
note "reloaded, and started again after a kill"

# An engine that hangs; the unit's 30 seconds are too long for here.
at_host "mkdir -p /etc/systemd/system/$near.service.d
    printf '[Service]\nWatchdogSec=2\n' \
	>/etc/systemd/system/$near.service.d/watchdog.conf
    systemctl daemon-reload; systemctl restart $near"
before=$(property $near MainPID)
on host kill -STOP "$(engine $near)"
await 20 "watchdog" has_started_again $near "$before"
await 10 "the watchdog's restart" has_been_restarted $near
note "a hanging engine is noticed"

# Syslog's socket, which the journal serves as well.
on host sh -c "echo 'log = { target = \"syslog\"; };' \
    >>/etc/socktopus/near.conf"
in_syslog() {
	on host journalctl -q -o json -t socktopus _TRANSPORT=syslog |
	    jq -r '.PRIORITY + " " + .MESSAGE' | grep -qx "$1"
}
at_host "systemctl restart $near"
await 5 "line of the supervisor" in_syslog '5 notice supervisor: ready'
await 5 "line of the engine" in_syslog '5 notice engine: t1: up'
note "to syslog, too"

at_host "systemctl stop socktopus.socket socktopus $near $user"
for unit in socktopus $near $user; do
	is_state "$unit" inactive/dead || fail "$unit: $(property "$unit" Result)"
	[ "$(property "$unit" Result)" = success ] ||
	    fail "$unit: $(property "$unit" Result)"
done
left=$(on host find /run/socktopus /run/socktopus-user -type s)
[ -z "$left" ] || fail "left: $left"
left=$(on host pgrep -a socktopus)
[ -z "$left" ] || fail "left: $left"
killed=$(on host journalctl -q -o cat -t socktopus |
    grep -E 'SIGSYS|signal 31|lock-in')
[ -z "$killed" ] || fail "a sandbox has bitten: $killed"
