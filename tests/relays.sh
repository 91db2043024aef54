#!/bin/bash
# Real relays: datagrams of every size through xinetd's redirect, socat and
# HAProxy, each alone; then through the direct path and all three at once.
. "$(dirname "$0")/lib.sh"
need xinetd socat haproxy jq

sizes=0,1,1400,9000,65507
listen_for connector
destination=tcp://127.0.0.1:${port[listener]}
for relay in xinetd socat haproxy; do
	"relay_$relay" "$relay" 127.0.0.1 "${port[listener]}"
done

declare -A tuple
tunnels=

# add_tunnel NAME PATH...: each path a URI and perhaps more of its settings
add_tunnel() {
	local name=$1 path paths=

	shift
	pick_tuple
	tuple[$name]="$near $local $bound $far"
	for path in "$@"; do
		paths+="${paths:+, }{ uri = $path; }"
	done
	tunnels+="${tunnels:+,} { name = \"$name\"; peer = \"listener\";
	    destination = \"$destination\"; direct = false;
	    local = \"$loc\"; remote = \"$rem\"; paths = ( $paths ); }"
}

# The paths of "all" are limited by pacing, so that none can carry the load
# alone, nor three of them.
limit=4000000
all=("\"$destination\"; rate_limit = $limit")
for relay in xinetd socat haproxy; do
	uri="\"tcp://127.0.0.1:${port[$relay]}\""
	add_tunnel "$relay" "$uri"
	all+=("$uri; rate_limit = $limit")
done
add_tunnel all "${all[@]}"
begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( $tunnels );
END
start_file connector
await_paths connector 7

for name in xinetd socat haproxy; do
	read -r near local bound far <<<"${tuple[$name]}"
	both_ways "$name" -n 100 -s "$sizes" -r 500
	note "$name: datagrams of $sizes bytes arrived both ways"
done

read -r near local bound far <<<"${tuple[all]}"
both_ways all -n 100 -s "$sizes" -r 200
start sink "$dgram" sink -a "$host" -p "$far" -i 10 -t 60
await_line 5 sink '^port='
start send "$dgram" send -a "$host" -p "$near" -t 50 -r 108Mbit "$host" \
    "$local"
# Not in its first moments on a busy machine, but soon.
all_carry() {
	[ "$(query connector '[.tunnels[] | select(.name == "all") | .paths[] |
	    select(.tx_bytes < 4000000)] | length')" = 0 ]
}
await 10 "4 MB on each path" all_carry
stop send INT
stop sink INT
[ "$status" = 0 ] || fail "damaged datagrams"
expect sink duplicates 0
query connector '.tunnels[] | select(.name == "all") | .paths[] |
    "\(.uri) carried \(.tx_bytes) bytes"'
[ "$(query connector '[.tunnels[].paths[].restarts] | add')" = 0 ] ||
    fail "a path was restarted"
note "four paths of $((limit * 8 / 1000000)) Mbit/s carried" \
    "$(value sink mbit_per_s) of 108 Mbit/s, lost $(value sink lost) of" \
    "$(value send sent)"
