#!/bin/bash
# One listener and one port: two connectors of one key in quick mode with
# tuples of their own, and two tunnels of another key from one process.
. "$(dirname "$0")/lib.sh"
need jq

make_key near
begin_file quick near </dev/null
# The quick connectors' key is the identity of this HOME.
mkdir -p "$HOME/.config/socktopus"
make_key quick
cp "$work/quick.key" "$HOME/.config/socktopus/identity.key"
make_key far
begin_file listener quick <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "quick"; key = "$(public_key quick)"; },
	{ name = "file"; key = "$(public_key near)"; } );
END
start_file listener
await_listening listener
destination=tcp://127.0.0.1:${port[listener]}

declare -A tuple
tunnels=
for name in quick1 quick2 file1 file2; do
	pick_tuple
	tuple[$name]="$near $local $bound $far"
	case $name in
	quick*)
		start_connector "$name" "$loc" "$rem" "$destination"
		;;
	file*)
		tunnels+="${tunnels:+,} { name = \"$name\"; peer = \"listener\";
		    destination = \"$destination\";
		    local = \"$loc\"; remote = \"$rem\"; }"
		;;
	esac
done
begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key quick)"; } );
tunnels = ( $tunnels );
END
start_file connector
await_paths connector 2
await_paths listener 4

for name in quick1 quick2 file1 file2; do
	read -r near local bound far <<<"${tuple[$name]}"
	both_ways "$name" -n 500 -s 0-3000 -r 2000
done
[ "$(query listener '.tunnels | length')" = 4 ] ||
    fail "the listener has other than four tunnels"
note "four tunnels of two keys through one port"
