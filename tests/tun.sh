#!/bin/bash
# A network device at both ends: what root makes here, and one that persists.
# The operator's addresses, pings and datagrams over it, a device that goes
# down and comes up, and names that cannot be had.
. "$(dirname "$0")/lib.sh"
need jq ip
[ -n "${E2E_ISOLATED:-}" ] || skip "root and namespaces are needed"
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"

make_far || skip "no network namespace can be made"
"${at_far[@]}" ip tuntap add dev kept mode tun user 61001 ||
    skip "no TUN device can be made"

make_key near
make_key far
begin_file listener far <<END
listen = ( "10.9.0.2:0" );
peers = ( { name = "near"; key = "$(public_key near)";
	permit = ( "tun:kept" ); tun_mtu = 1300; } );
END
wrap=("${at_far[@]}")
start_file listener
wrap=()
await_listening listener

# connect NAME LOCAL REMOTE [KEYS]: the two are devices.
connect() {
	begin_file "$1" near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "$1"; peer = "far"; local = "tun:$2"; remote = "tun:$3";
	${4:-} destination = "tcp://10.9.0.2:${port[listener]}";
	paths = ( { uri = "tcp://10.9.0.2:${port[listener]}"; } ); } );
END
	start_file "$1"
}
connect link made kept 'tun_mtu = 1300;'
await_paths link 2
[ "$("${at_far[@]}" ip -o link show kept | sed 's/.* mtu \([0-9]*\).*/\1/')" = \
    1300 ] || fail "the MTU of kept was not set"
ip addr add 10.8.0.1/24 dev made
ip link set made up
"${at_far[@]}" ip addr add 10.8.0.2/24 dev kept
"${at_far[@]}" ip link set kept up
start echo "${at_far[@]}" "$dgram" echo -a 10.8.0.2 -i 60
await_line 5 echo '^port='
# ask SIZES: of a packet that fills the MTU, 28 bytes are headers.
ask() {
	start ask "$dgram" ping -a 10.8.0.1 -n 200 -r 2000 -i 10 -s "$1" \
	    10.8.0.2 "$(value echo port)"
	finish ask 30
	expect ask lost 0
	expect ask corrupt 0
}
ask 0-1272
ask 1272
note "answers over two devices, up to the MTU"

wrap=("${at_far[@]}")
start sink "${at_far[@]}" "$dgram" sink -a 10.8.0.2 -n 20000 -i 5 -t 60
wrap=()
await_line 5 sink '^port='
"$dgram" send -a 10.8.0.1 -n 20000 -r 20000 -s 100-1272 10.8.0.2 \
    "$(value sink port)" >/dev/null
finish sink 40
expect sink corrupt 0
# A device holds 25 ms of that, which a busy machine may be late, and the sink a
# second.
unread=$(ip -j -s link show made | jq '.[0].stats64.tx.dropped')
drops=$(value sink kernel_drops)
[ "$(value sink lost)" -le $((unread + drops)) ] ||
    fail "lost $(value sink lost), of which $unread at the device" \
    "and $drops at the sink"
note "20000 datagrams over two devices, lost $(value sink lost)," \
    "the device dropped $unread, the kernel $drops for the sink"

# Down and up again.
ip link set made down
sleep 0.2
ip link set made up
ask 100-1272
is_alive link || fail "the connector ended with its device down"

# A name taken, a name of something else, one that is not permitted.
expect_problem 'device (made|veth0): ' 'not permitted' "$log_path_down"
connect taken made kept
finish taken
[ "$status" = 1 ] || fail "a device in use was taken"
has_line taken 'device made: in use by another process' ||
    fail "no word of the device in use"
connect other veth0 kept
finish other
[ "$status" = 1 ] || fail "a device of another kind was taken"
has_line other 'device veth0: another device has this name' ||
    fail "no word of the device of another kind"
connect refused mine else
await_line 10 refused 'tun:else: not permitted'
stop refused
ask 100-1272
keeps_paths link 2 || fail "a name that cannot be had cost a path"
note "names that cannot be had are refused, and cost nobody anything"

# By a reload: another one comes, gets another MTU, and goes; one that cannot be
# had changes nothing. What is there stays, and so does the connection.
cp "$work/link.conf" "$work/link.first"
# reload DEVICE [MTU]: of a second tunnel.
reload() {
	more="{ name = \"more\"; peer = \"far\"; local = \"tun:$1\";"
	more+=" remote = \"tun:else\"; ${2:-}"
	more+=" destination = \"tcp://10.9.0.2:${port[listener]}\"; },"
	sed "s|^tunnels = (|&$more|" "$work/link.first" >"$work/link.conf"
	"$build/socktopusctl" -s "${control[link]}" reload 2>"$work/said"
}
mtu_of() {
	ip -o link show "$1" 2>/dev/null | sed 's/.* mtu \([0-9]*\).*/\1/'
}
connection() {
	ss -Htne "dst 10.9.0.2:${port[listener]}" |
	    sed -n 's/.* ino:\([0-9]*\) .*/\1/p' | sort
}
index_of() {
	ip -o link show "$1" 2>/dev/null | cut -d : -f 1
}
index=$(index_of made)
connection >"$work/before"
expect_problem 'not permitted' 'configuration: more: device veth0' 'not reloaded'
reload more || fail "no other device: $(cat "$work/said")"
[ "$(mtu_of more)" = 1500 ] || fail "the other device has MTU $(mtu_of more)"
reload more 'tun_mtu = 1280;' || fail "no other MTU: $(cat "$work/said")"
has_mtu() {
	[ "$(mtu_of "$1")" = "$2" ]
}
# The opener's part, when all is in force.
await 5 "other MTU" has_mtu more 1280
expect_problem 'receive: File descriptor in bad state'
ip link del more
reload more 'tun_mtu = 1280;' || fail "not opened again: $(cat "$work/said")"
await 5 "the device that was deleted" has_mtu more 1280
reload veth0 && fail "a device of another kind was taken"
grep -q 'device veth0: another device has this name' "$work/said" ||
    fail "no word of the device of another kind: $(cat "$work/said")"
[ -n "$(index_of more)" ] || fail "a faulty reload has closed a device"
cp "$work/link.first" "$work/link.conf"
"$build/socktopusctl" -s "${control[link]}" reload || fail "no reload"
[ -z "$(index_of more)" ] || fail "a device that is not wanted stays"
[ "$(index_of made)" = "$index" ] || fail "made is another one"
sort -c "$work/before" && connection | comm -23 "$work/before" - | grep . &&
    fail "a connection has ended"
ask 0-1272
note "a device comes, changes and goes by a reload"

stop link
! ip link show made 2>/dev/null || fail "a device made here stays"
stop listener
"${at_far[@]}" ip link show kept >/dev/null || fail "a device that persists is gone"
