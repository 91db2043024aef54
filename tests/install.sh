#!/bin/bash
# make install into a folder of its own: what is where, with which mode; that
# an administrator's files survive a second install and the removal; and that
# what is installed runs.
. "$(dirname "$0")/lib.sh"
need make

stage=$work/stage
log=$work/make.log

run_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$build" "$@" \
	    DESTDIR="$stage" >"$log" 2>&1 || {
		tail -n 20 "$log"
		fail "make $*"
	}
}

# variable NAME: as the Makefile has it.
variable() {
	# shellcheck disable=SC2016 # make expands it
	printf 'include Makefile\nshow:\n\t@echo $(%s)\n' "$1" |
	    env -u MAKEFLAGS -u MFLAGS make -s -C "$build" -f - show |
	    tail -n 1 # Makefile may be made anew
}

# has MODE FILE
has() {
	[ -f "$stage$2" ] || fail "$2 is not installed"
	[ "$(stat -c %a "$stage$2")" = "$1" ] ||
	    fail "$2 has mode $(stat -c %a "$stage$2"), not $1"
}

conf=$(variable sysconfdir)/socktopus/socktopus.conf
sbin=$(variable sbindir)
libexec=$(variable libexecdir)
man=$(variable mandir)
units=$(variable systemdsystemunitdir)
lib=$(variable prefix)/lib
example=$(variable exampledir)

mkdir "$stage"
# A layer of its own, for later.
[ -z "${E2E_ISOLATED:-}" ] || mount -t tmpfs -o mode=755 tmpfs "$stage"
run_make install
has 755 "$sbin/socktopus"
has 755 "$sbin/socktopusctl"
has 711 "$libexec/socktopus-worker"
has 600 "$conf"
for page in man8/socktopus.8 man8/socktopusctl.8 man8/socktopus-worker.8 \
    man5/socktopus.conf.5 man7/socktopus-protocol.7 \
    man7/socktopus-messages.7; do
	has 644 "$man/$page"
done
for file in bash-completion/completions/socktopusctl \
    zsh/site-functions/_socktopusctl \
    fish/vendor_completions.d/socktopusctl.fish; do
	has 644 "$(variable datadir)/$file"
done
has 644 "$example/socktopus.conf"
has 755 "$example/socktopus.check"
has 755 "$example/socktopus.run"
has 755 "$example/socktopus.openrc"
if [ -n "$(variable systemdsystemunit_DATA)" ]; then
	for unit in socktopus.service socktopus@.service \
	    socktopus-user@.service socktopus.socket \
	    socktopus-exporter.service; do
		has 644 "$units/$unit"
	done
	has 644 "$lib/sysusers.d/socktopus.conf"
	has 644 "$lib/tmpfiles.d/socktopus.conf"
	grep -qx "ExecStart=$sbin/socktopus -f $conf" \
	    "$stage$units/socktopus.service" || fail "the unit's command"
	grep -qx "ExecStart=$sbin/socktopus -f ${conf%/*}/%i.conf" \
	    "$stage$units/socktopus@.service" || fail "the instance's command"
fi
grep -rlE '@[a-z_]+@' "$stage$units" "$stage$example" && fail "not replaced"
find "$stage" -perm /022 ! -type l | grep . && fail "others can write there"

# What is installed runs.
if ! "$stage$sbin/socktopus" -n -f "$stage$conf" >"$work/run.log" 2>&1 ||
    [ -s "$work/run.log" ]; then
	fail "the installed configuration: $(cat "$work/run.log")"
fi
(umask 077 && "$stage$sbin/socktopusctl" genkey >"$work/key") ||
    fail "no key"

# The same as it would be without DESTDIR: a root that has it in place, and the
# sample as it stands.
enter_root() {
	local root=$work/root

	mkdir "$root" &&
	    mount -t overlay -o "lowerdir=$stage:/" overlay "$root" &&
	    mount -t proc proc "$root/proc" &&
	    mount -t tmpfs -o mode=755 tmpfs "$root/run" &&
	    mkdir -m 755 "$root/run/socktopus" &&
	    mount -t tmpfs -o mode=755 tmpfs "$root/dev" &&
	    mknod -m 666 "$root/dev/null" c 1 3 &&
	    mknod -m 666 "$root/dev/zero" c 1 5 &&
	    mount -t tmpfs tmpfs "$root/root" &&
	    mount --bind /etc/passwd "$root/etc/passwd"
}
if [ -n "${E2E_ISOLATED:-}" ] && enter_root 2>"$work/root.log"; then
	in_root=(chroot "$work/root")
	start sample "${in_root[@]}" "$sbin/socktopus" -f "$conf"
	socktopus_logs+=(sample)
	await_line 10 sample ' ready$'
	[ -S "$work/root/run/socktopus/control.sock" ] || fail "no socket"
	"${in_root[@]}" "$sbin/socktopusctl" status \
	    >"$work/sample.status" 2>&1 ||
	    fail "status of the sample: $(cat "$work/sample.status")"
	start seed env HOME=/root AE_LOG=info UDPLOC=1234 UDPREM=1235:1236 \
	    "${in_root[@]}" "$sbin/socktopus" \
	    tcp://127.0.0.1:"$(free_ports 1)"
	socktopus_logs+=(seed)
	expect_problem "$log_path_down"
	await_line 10 seed "$log_path_down.*connect: Connection refused"
	stop seed
	stop sample
	[ "$status" = 0 ] || fail "the sample ends with $status"
	note "what is installed runs in its place"
else
	note "not run in its place: $(cat "$work/root.log" 2>/dev/null)"
fi

# The administrator's files.
echo '# mine' >>"$stage$conf"
echo '# mine' >"$stage${conf%/*}/other.conf"
chmod 640 "$stage$conf"
before=$(cat "$stage$conf")
run_make install
has 640 "$conf"
[ "$(cat "$stage$conf")" = "$before" ] || fail "the configuration is lost"
run_make uninstall
[ "$(cat "$stage$conf")" = "$before" ] || fail "uninstall took a file"
left=$(find "$stage" ! -type d ! -path "$stage${conf%/*}/*")
[ -z "$left" ] || fail "left behind: $left"
[ -f "$stage${conf%/*}/other.conf" ] || fail "uninstall took another file"

# A sample that nobody has changed goes.
rm "$stage$conf"
run_make install
run_make uninstall
[ ! -e "$stage$conf" ] || fail "the sample is left behind"
