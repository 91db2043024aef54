#!/bin/bash
# Local applications that connect and leave, and clients that are forgotten, at
# both nodes, while these are upgraded again and again: who leaves just then is
# gone, and who comes is heard. With TEST_LONG=1 for a minute.
. "$(dirname "$0")/lib.sh"
need jq

seconds=${TEST_LONG:+60}
seconds=${seconds:-5}

make_key near
make_key far
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; clients = 16;
	permit = ( "127.0.0.1:*", "unix-seqpacket:$work/far/packets" ); } );
END
start_file listener
await_listening listener

# shellcheck disable=SC2046
set -- $(free_ports 2)
asks=$1 asked=$2
destination="destination = \"tcp://127.0.0.1:${port[listener]}\";"
begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "packets"; peer = "far"; $destination
    local = "unix-seqpacket:$work/near/packets";
    remote = "unix-seqpacket:$work/far/packets"; },
  { name = "clients"; peer = "far"; clients = 16; clients_idle = 1;
    local = "$asks:learn"; remote = "0:$asked"; $destination } );
END
start_file connector
await_paths connector 2
start echo "$dgram" echo -a 127.0.0.1 -p "$asked" -i 30
await_line 5 echo '^port='

upgrade() {
	"$build/socktopusctl" -s "${control[$1]}" upgrade
}

# A machine without time for it is no fault.
late='no answer in time'
# More of them may come in a second than there is room for.
expect_problem "no upgrade: .*: $late" 'all 16 clients are in use'
keep_upgrading() {
	local said

	while said=$(upgrade "$1" 2>&1) || grep -q "$late" <<<"$said"; do
		echo "$said"
	done
	echo "$1 was refused: $said"
}

# What they lose by leaving is theirs.
come_and_go() {
	"$dgram" sink -Q "$work/far/packets" -n 20 -i 1 -t 1 &
	"$dgram" send -Q "$work/near/packets" -n 20 -s 200-1400 &
	"$dgram" ping -a 127.0.0.1 -n 5 -r 500 -i 1 -s 24-1400 127.0.0.1 \
	    "$asks" || true
	wait
}

start upgrades_near keep_upgrading connector
start upgrades_far keep_upgrading listener
rounds=0 until_ms=$(($(now_ms) + seconds * 1000))
while [ "$(now_ms)" -lt "$until_ms" ]; do
	(come_and_go) >>"$work/applications.log" 2>&1
	rounds=$((rounds + 1))
done
for name in upgrades_near upgrades_far; do
	is_alive "$name" || fail "$(tail -n 2 "$work/$name.log")"
	stop "$name"
done
note "$rounds times applications came and went, with" \
    "$(cat "$work"/upgrades_*.log | grep -c upgraded) upgrades"

# The last one that was asked for may be under way.
await 10 "an upgrade of the connector" upgrade connector
await 10 "an upgrade of the listener" upgrade listener
# What was for those who have left.
is_drained() {
	"$dgram" sink -Q "$work/far/packets" -i 1 -t 2 >"$work/rest.log"
	[ "$(query listener '[.tunnels[].held_bytes] | add')" = 0 ]
}
await 10 "an end that holds nothing" is_drained
start sink "$dgram" sink -Q "$work/far/packets" -n 1000 -i 5 -t 30
await_line 5 sink '^port='
start send "$dgram" send -Q "$work/near/packets" -n 1000 -s 200-1400
finish send 20
finish sink 30
for what in lost duplicates corrupt; do
	expect sink "$what" 0
done
start ping "$dgram" ping -a 127.0.0.1 -n 100 -r 1k -i 2 -s 24-1400 127.0.0.1 \
    "$asks"
finish ping 20
expect ping lost 0
