#!/bin/bash
# The exporter as systemd starts it, beside the service: its unit leaves it
# what it needs, and nothing to go elsewhere.
. "$(dirname "$0")/lib.sh"
. "$tests/lib_hosts.sh"
need make curl setpriv
need_hosts
name_hosts host
boot host

on host env -u MAKEFLAGS make -s -C "$build" install >"$work/install.log" 2>&1 ||
    fail "make install: $(tail -n 5 "$work/install.log")"
on host systemctl daemon-reload
on host systemd-sysusers 2>/dev/null
on host systemctl start socktopus ||
    fail "the service: $(on host journalctl -u socktopus)"
on host systemctl enable --now socktopus-exporter ||
    fail "the exporter: $(on host journalctl -u socktopus-exporter)"

scrapes() {
	on host curl -s -m 5 http://127.0.0.1:9461/metrics |
	    grep -q '^socktopus_up{socket="/run/socktopus/control.sock"} 1$'
}
await 10 "scrape" scrapes
lock='locked in: seccomp filter'
! grep -q __asan_init "$build/socktopusctl" || lock='not locked in'
# says PATTERN: the journal may get to a line later than who wrote it.
says() {
	on host journalctl -u socktopus-exporter -o cat | grep -q "$1"
}
await 10 "word that it is locked in" says "$lock"

# It finds the service that was started again, and is itself not started again.
on host systemctl restart socktopus
await 10 "scrape of the new process" scrapes
[ "$(on host systemctl show -P NRestarts socktopus-exporter)" = 0 ] ||
    fail "the exporter was started again"
main=$(on host systemctl show -P MainPID socktopus-exporter)
[ "$(on host sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$main/status")" = \
    "$(on host id -u socktopus-monitor)" ] || fail "it is somebody else"
# It may look, and change nothing.
on host setpriv --reuid socktopus-monitor --regid socktopus-monitor \
    --clear-groups /usr/local/sbin/socktopusctl status >/dev/null ||
    fail "its user may not look"
on host setpriv --reuid socktopus-monitor --regid socktopus-monitor \
    --clear-groups /usr/local/sbin/socktopusctl log debug 2>/dev/null &&
    fail "its user may change the log"

# Without the service it says so, and goes on.
says_none() {
	[ "$(on host curl -s -m 5 http://127.0.0.1:9461/metrics |
	    grep -c '^socktopus_up 0$')" = 1 ]
}
on host systemctl stop socktopus
await 10 "word that there is none" says_none
await 10 "line in the log" says 'no running socktopus was found'
on host systemctl start socktopus
await 10 "scrape after that" scrapes
on host systemctl stop socktopus-exporter
[ "$(on host systemctl show -P Result socktopus-exporter)" = success ] ||
    fail "its end is a failure"
