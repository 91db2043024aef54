#!/bin/bash
# make deb: the package is clean, and on a system of its own it installs,
# serves, keeps what the administrator wrote, and goes without a trace. It
# takes a build, so it is for TEST_LONG=1.
. "$(dirname "$0")/lib.sh"
. "$tests/lib_hosts.sh"
[ -n "${TEST_LONG:-}" ] || skip "it takes minutes: make check-long"
need dpkg-buildpackage dh make xz

env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL DEB_BUILD_OPTIONS=nocheck \
    make -s -C "$build" deb debs="$work/debs" \
    DEB_FLAGS="-d -j$(nproc)" >"$work/build.log" 2>&1 || fail "make deb"
package=$(echo "$work"/debs/socktopus_*.deb)
[ -f "$package" ] || fail "no package"
[ -f "$(echo "$work"/debs/socktopus_*.dsc)" ] || fail "no source package"
if command -v lintian >/dev/null; then
	lintian --allow-root -EIL +pedantic --fail-on error,warning \
	    "$work"/debs/*.changes >"$work/lintian.log" 2>&1 ||
	    fail "lintian: $(cat "$work/lintian.log")"
	note "lintian: no errors, no warnings"
	grep "^[IPX]:" "$work/lintian.log"
fi
[ -z "$(ls -d "$tests/../debian" 2>/dev/null)" ] || fail "debian/ is left"

need_hosts
name_hosts host
# Its overlay has this folder below it.
chmod 755 "$work/debs"
boot host
conf=/etc/socktopus/socktopus.conf
packaged() {
	on host env DEBIAN_FRONTEND=noninteractive dpkg "$@" \
	    >"$work/dpkg.log" 2>&1 || fail "dpkg $1: $(cat "$work/dpkg.log")"
}
active() {
	[ "$(on host systemctl is-active socktopus)" = active ]
}
main_pid() {
	on host systemctl show -P MainPID socktopus
}

packaged -i "$package"
active && fail "it serves before it is told to"
on host id socktopus-worker >/dev/null || fail "no user"
[ "$(on host stat -c %a%U $conf)" = 600root ] || fail "mode of $conf"
[ "$(on host stat -c %a /usr/libexec/socktopus-worker)" = 711 ] ||
    fail "mode of the worker"
[ "$(on host stat -c %U /run/socktopus)" = root ] || fail "/run/socktopus"
on host systemctl enable -q --now socktopus || fail "it does not start"
on host socktopusctl status >/dev/null || fail "no status"
on host man -w socktopus-messages >/dev/null 2>&1 ||
    on host ls /usr/share/man/man7/socktopus-messages.7.gz >/dev/null ||
    fail "no manual"

# An upgrade keeps the file, and starts it again.
on host sh -c "echo '# mine' >>$conf"
before=$(main_pid)
packaged -i --force-confold "$package"
active || fail "an upgrade has stopped it"
[ "$(main_pid)" != "$before" ] || fail "an upgrade has not started it again"
on host grep -q '# mine' $conf || fail "an upgrade took the file"
packaged -r socktopus
active && fail "it serves without its program"
on host grep -q '# mine' $conf || fail "removal took the file"
packaged -P socktopus
left=$(on host find /etc/socktopus /usr/sbin/socktopus /usr/libexec \
    /lib/systemd/system /etc/systemd/system -name '*socktopus*' 2>/dev/null)
[ -z "$left" ] || fail "left behind: $left"
note "installed, upgraded, removed and purged"
