# shellcheck shell=bash
# shellcheck disable=SC2154 # of lib.sh
#
# Sourced behind lib.sh by tests that need whole systems. A host has this
# system's files under an overlay of its own, a network namespace, and systemd
# as its first process; nothing that happens in it is left behind.

declare -A host_init=()
hosts=0

need_hosts() {
	need nsenter ip pivot_root
	[ -x /lib/systemd/systemd ] || skip "there is no systemd"
	[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"
	grep -qw cgroup2 /proc/filesystems || skip "there are no cgroups"
	mkdir "$work/try"
	mount -t tmpfs tmpfs "$work/try" || skip "there is no tmpfs"
	mkdir "$work/try/upper" "$work/try/work" "$work/try/root"
	mount -t overlay -o "$(overlay_of "$work/try")" overlay \
	    "$work/try/root" || skip "there is no overlay file system"
	umount "$work/try/root" "$work/try"
	sysctl -qw net.ipv4.ip_forward=1 || skip "hosts cannot be joined"
}

overlay_of() {
	echo "lowerdir=/,upperdir=$1/upper,workdir=$1/work"
}

# What a container's manager would set up; runs in the host's namespaces.
furnish_root() {
	local device root=$1/root

	set -e
	mount -t tmpfs tmpfs "$1"
	mkdir "$1/upper" "$1/work" "$root"
	mount -t overlay -o "$(overlay_of "$1")" overlay "$root"
	for folder in "$build" "$tests"; do
		[ -e "$root$folder" ] || {
			mkdir -p "$root$folder"
			mount --bind "$folder" "$root$folder"
		}
	done
	mount -t proc proc "$root/proc"
	mount --bind "$root/proc/sys" "$root/proc/sys"
	mount -o remount,ro,bind "$root/proc/sys"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	mount -t tmpfs -o mode=755 tmpfs "$root/run"
	mount -t tmpfs -o mode=755 tmpfs "$root/dev"
	for device in null zero full random urandom tty; do
		: >"$root/dev/$device"
		mount --bind "/dev/$device" "$root/dev/$device"
	done
	mkdir "$root/dev/shm" "$root/dev/pts"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	rm -rf "$root"/etc/systemd/system/*.wants
	# No hardware, clock or terminal is to be cared for.
	find "$root/lib/systemd/system/sysinit.target.wants/" \
	    "$root/lib/systemd/system/sockets.target.wants/" -type l \
	    ! -name 'systemd-journald*' ! -name 'systemd-*users.service' \
	    ! -name systemd-tmpfiles-setup.service -delete
	rm -f "$root/usr/sbin/policy-rc.d"
	: >"$root/etc/fstab"
	# It clears /tmp, where the sources may be.
	: >"$root/etc/tmpfiles.d/tmp.conf"
	echo "$2" >"$root/etc/hostname"
	cp "$1.hosts" "$root/etc/hosts"
	cat >"$root/usr/local/bin/sudo" <<-'END'
	#!/bin/sh
	exec "$@"
	END
	chmod 755 "$root/usr/local/bin/sudo"
	cat >"$root/etc/systemd/system/test.target" <<-END
	[Unit]
	Requires=basic.target
	After=basic.target
	END
	cd "$root"
	pivot_root . .
	umount -l .
	exec env -i container=other PATH="$PATH" /lib/systemd/systemd --system \
	    --unit=test.target --log-target=journal --show-status=no
}

# boot NAME: its address is in ${address[NAME]}, which name_hosts() has set.
boot() {
	local name=$1

	ip netns add "$name"
	ip link add "to-$name" type veth peer name eth0 netns "$name" ||
	    skip "there is no veth"
	ip addr add "${address[$name]%.*}.1/24" dev "to-$name"
	ip link set "to-$name" up
	ip -n "$name" addr add "${address[$name]}/24" dev eth0
	ip -n "$name" link set lo up
	ip -n "$name" link set eth0 up
	ip -n "$name" route add default via "${address[$name]%.*}.1"
	mkdir "$work/$name.host"
	cp "$work/hosts" "$work/$name.host.hosts"
	export -f furnish_root overlay_of
	export build tests
	start "$name" nsenter --net="/run/netns/$name" unshare --fork \
	    --kill-child --pid --mount --cgroup --uts --ipc \
	    --propagation private "$BASH" -c 'furnish_root "$@"' - \
	    "$work/$name.host" "$name"
	await 10 "first process of $name" find_init "$name"
	await 30 "start of $name" is_booted "$name"
}

# The child of unshare, which is what nsenter became.
find_init() {
	host_init[$1]=$(pgrep -P "${pid[$1]}" -x systemd)
}

# on NAME COMMAND...: in that host.
on() {
	local init=${host_init[$1]}

	shift
	nsenter -t "$init" -m -u -i -n -p -C -r --wdns=/ env -i \
	    PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
	    HOME=/root LC_ALL=C "$@"
}

is_booted() {
	[ "$(on "$1" systemctl is-active test.target 2>/dev/null)" = active ]
}

# name_hosts NAME...: addresses, and a hosts file in which each has
# NAME.example.com.
declare -A address=()
name_hosts() {
	echo "127.0.0.1 localhost" >"$work/hosts"
	for name in "$@"; do
		hosts=$((hosts + 1))
		address[$name]=10.9.$hosts.2
		echo "${address[$name]} $name.example.com $name" >>"$work/hosts"
	done
}
