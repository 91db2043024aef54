#!/bin/bash
# Two network devices with tun_offload at neither end, at one and at both:
# whole files by TCP, in far fewer datagrams than segments where it is on. It
# comes by a reload, and an upgrade in place keeps it.
. "$(dirname "$0")/lib.sh"
need jq ip socat
[ -n "${E2E_ISOLATED:-}" ] || skip "root and namespaces are needed"
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"

make_far || skip "no network namespace can be made"
"${at_far[@]}" ip tuntap add dev kept mode tun user 61001 vnet_hdr ||
    skip "no TUN device can be made"

make_key near
make_key far
begin_file listener far <<END
listen = ( "10.9.0.2:0" );
peers = ( { name = "near"; key = "$(public_key near)";
	permit = ( "tun:kept" ); tun_mtu = 1400; tun_offload = false; } );
END
wrap=("${at_far[@]}")
start_file listener
wrap=()
await_listening listener
begin_file link near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "link"; peer = "far"; local = "tun:made";
	remote = "tun:kept"; tun_mtu = 1400; tun_offload = false; reorder = 100;
	destination = "tcp://10.9.0.2:${port[listener]}";
	paths = ( { uri = "tcp://10.9.0.2:${port[listener]}"; } ); } );
END
start_file link
await_paths link 2
ip addr add 10.8.0.1/24 dev made
ip -6 addr add fd08::1/64 dev made nodad
ip link set made up
"${at_far[@]}" ip addr add 10.8.0.2/24 dev kept
"${at_far[@]}" ip -6 addr add fd08::2/64 dev kept nodad
"${at_far[@]}" ip link set kept up

bytes=20000000
head -c "$bytes" /dev/urandom >"$work/file"
sum=$(sha256sum <"$work/file")
# What carries as many bytes with four segments in each: fewer, or it is off.
few=$((bytes / 1400 / 4))
sent() {
	query "$1" '.tunnels[0].sent'
}
# carry DAEMON FAMILY ADDRESS: the file goes from that end; says in how many
# datagrams.
transfers=0
carry() {
	local from=() to=("${at_far[@]}") name=transfer$((++transfers)) sent

	if [ "$1" = listener ]; then
		from=("${at_far[@]}")
		to=()
	fi
	start "$name" "${to[@]}" socat -d -d -u \
	    "TCP$2-LISTEN:0,bind=$3" "CREATE:$work/$name.got"
	await_line 5 "$name" 'listening on AF='
	sent=$(sent "$1")
	"${from[@]}" socat -u "OPEN:$work/file" "TCP$2:$3:$(
		sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
		    "$work/$name.log")"
	finish "$name" 30
	[ "$(sha256sum <"$work/$name.got")" = "$sum" ] ||
	    fail "another file came from $1 to $3"
	rm "$work/$name.got"
	count=$(($(sent "$1") - sent))
}
# expect_few WHAT, expect_many WHAT
expect_few() {
	[ "$count" -lt "$few" ] || fail "$1: $count datagrams of $bytes bytes"
}
expect_many() {
	[ "$count" -gt $((bytes / 1400)) ] ||
	    fail "$1: only $count datagrams of $bytes bytes"
}
# Those that a device which was down refused are not meant.
lost() {
	for i in link listener; do
		query "$i" '.tunnels[0].dropped | .refused + .too_large'
	done | xargs
}
carry link 4 10.8.0.2
expect_many 'without offload'
before=$(lost)
carry listener 4 10.8.0.1
expect_many 'without offload, from the listener'
note "a segment is a datagram without tun_offload"

# reload NAME BOOLEAN
reload() {
	sed -i "s/tun_offload = [a-z]*/tun_offload = $2/" "$work/$1.conf"
	"$build/socktopusctl" -s "${control[$1]}" reload || fail "no reload"
}
reload link true
carry link 4 10.8.0.2
expect_few 'with offload'
note "$bytes bytes in $count datagrams, to a listener without tun_offload"
carry link 6 '[fd08::2]'
expect_few 'with offload and IPv6'
carry listener 4 10.8.0.1
expect_many 'to where there is offload'

reload listener true
carry listener 4 10.8.0.1
expect_few 'with offload, from the listener'
"$build/socktopusctl" -s "${control[link]}" upgrade || fail "no upgrade"
carry link 4 10.8.0.2
expect_few 'behind an upgrade'
carry listener 6 '[fd08::1]'
expect_few 'to what was upgraded'
note "both ends with it, and behind an upgrade"

reload link false
carry link 4 10.8.0.2
expect_many 'without offload again'
[ "$(lost)" = "$before" ] || fail "devices refused some: $before, $(lost)"
stop link
stop listener

# A device that persists does as the one who has it now is told.
sed -i 's/tun_offload = true/tun_offload = false/' "$work/listener.conf"
old=${port[listener]}
wrap=("${at_far[@]}")
start_file listener
wrap=()
await_listening listener
sed -i "s/:$old\"/:${port[listener]}\"/" "$work/link.conf"
start_file link
await_paths link 2
ip addr add 10.8.0.1/24 dev made
ip link set made up
carry listener 4 10.8.0.1
expect_many 'without offload, where there was'
stop link
stop listener
