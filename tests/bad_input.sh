#!/bin/bash
# Bad input and broken surroundings: one clear line, exit status 1, and nothing
# started; or, where the service can go on, it goes on and says so.
. "$(dirname "$0")/lib.sh"
need jq socat

cases=0

# refused PATTERN [VARIABLE=VALUE...] -- [ARGUMENT...]
refused() {
	local name pattern=$1 variables=()

	shift
	cases=$((cases + 1))
	name=case$cases
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	start "$name" env "${variables[@]}" "${program:-$build/socktopus}" "$@"
	finish "$name" 10
	[ "$status" = 1 ] || fail "exit status $status of '${variables[*]}' $*"
	has_line "$name" "$pattern" ||
	    fail "'${variables[*]}' $*: no line '$pattern'"
	has_line "$name" 'Sanitizer|Assertion' && fail "it crashed"
	[ "$(grep -c . "$work/$name.log")" -le 8 ] || fail "too many lines"
}

tuples=(UDPLOC=1234 UDPREM=1235:1236)

# URIs.
while read -r uri; do
	refused 'URI 1: ' "${tuples[@]}" -- "$uri"
	refused 'URI 2: ' "${tuples[@]}" -- tcp://127.0.0.1 "$uri"
done <<'END'
tcp://
tcp:/127.0.0.1
tcp
://127.0.0.1
udp://127.0.0.1
tcp://127.0.0.1:
tcp://127.0.0.1:0
tcp://127.0.0.1:70000
tcp://127.0.0.1:-1
tcp://127.0.0.1:no-such-service
tcp://[::1
tcp://::1:23461
tcp://[127.0.0.1]:1
tcp://host:1:2
tcp://:23461
tcp://host/path
tcp://user@host
tcp://ho st
END
refused 'URI 1: ' "${tuples[@]}" -- ''
refused 'URI 1: ' "${tuples[@]}" -- "tcp://$(printf '%0300d' 0)"
refused 'URI 1: .*must be tcp' "${tuples[@]}" -- socks://127.0.0.1
refused 'URI 1: .*must be tcp' "${tuples[@]}" -- http://127.0.0.1

# Tuples.
while read -r tuple; do
	refused 'UDPLOC: ' "UDPLOC=$tuple" UDPREM=1235:1236 -- tcp://127.0.0.1
	refused 'UDPREM: ' UDPLOC=1234 "UDPREM=$tuple" -- tcp://127.0.0.1
done <<'END'
70000
-1
no-such-service
1:2:3:4:5
127.0.0.1
127.0.0.1:
[::1:1:2
[::1]x:1:2
1:70000
END
refused 'UDPLOC is not set' UDPREM=1235:1236 -- tcp://127.0.0.1
refused 'UDPREM is not set' UDPLOC=1234 -- tcp://127.0.0.1
refused 'only IPv4' 'UDPLOC=[::1]:1:127.0.0.1:2' UDPREM=1235:1236 -- \
    tcp://127.0.0.1
refused 'no-such-host\.invalid' UDPLOC=no-such-host.invalid:1:2 \
    UDPREM=1235:1236 -- tcp://127.0.0.1
for service in 70000 no-such-service 127.0.0.1:70000 '[::1' 1:2:3; do
	refused 'SERVICE: |listen on ' "SERVICE=$service" --
done
refused 'no-such-host\.invalid' SERVICE=no-such-host.invalid:1 --
refused 'usage: ' -- -x
refused 'exclude each other' -- -f /dev/null tcp://127.0.0.1
note "$cases kinds of bad arguments"

# Ports in use.
expect_problem "$log_path_down"
start_listener listener
refused 'Address already in use' "SERVICE=127.0.0.1:${port[listener]}" --
pick_tuple
start_connector connector "$loc" "$rem" "tcp://127.0.0.1:${port[listener]}"
refused 'Address already in use' "UDPLOC=$loc" "UDPREM=$rem" -- \
    tcp://127.0.0.1

# A port in use at the far end: refused in words.
start holder "$dgram" sink -a 127.0.0.1
await_line 5 holder '^port='
pick_tuple
socktopus refused UDPLOC="$loc" \
    UDPREM="127.0.0.1:$(value holder port):127.0.0.1:$far" -- \
    "tcp://127.0.0.1:${port[listener]}"
await_line 10 refused "$log_path_down.*bind .*: Address already in use"
stop refused

# A name that does not resolve: said, and tried again.
pick_tuple
socktopus unresolved UDPLOC="$loc" UDPREM="$rem" -- \
    tcp://no-such-host.invalid
await_line 30 unresolved "${log_path_down}.*(resolve|name|Name|known)"
has_two_tries() {
	[ "$(query unresolved '.tunnels[0].paths[0].restarts')" -ge 2 ]
}
await 30 "second try" has_two_tries
stop unresolved

# A worker that is not there.
mkdir "$work/alone"
cp "$build/socktopus" "$work/alone"
program=$work/alone/socktopus refused 'socktopus-worker' SERVICE=127.0.0.1:0 --

# A full disk under the log.
socktopus full AE_LOG=log=file:/dev/full UDPLOC="$loc" UDPREM="$rem" -- \
    "tcp://127.0.0.1:${port[listener]}"
await_paths full 1
expect_problem 'No space left on device'
both_ways full -n 50 -r 1000
[ "$(grep -c 'No space left' "$work/full.log")" -le 2 ] ||
    fail "each process says it once"
stop full

# Control sockets.
make_key a
make_key b
begin_file first a <<'END'
listen = ( "127.0.0.1:0" );
END
start_file first
await_listening first
cp "$work/first.conf" "$work/second.conf"
refused 'in use by another process' -- -f "$work/second.conf"
query first '.tunnels | length' | grep -q 0 || fail "the first one is gone"
expect_problem "$log_supervisor_gone"
crash first
socktopus first2 -- -f "$work/first.conf"
control[first2]=$work/first.sock
await_line 10 first2 "$log_listening"
stop first2
[ ! -e "$work/first.sock" ] || fail "its name stays in root's folder"
# In a folder that it made itself nothing remains.
sed 's|^control = .*|control = "'"$work"'/own/own.sock";|' \
    "$work/first.conf" >"$work/own.conf"
socktopus own -- -f "$work/own.conf"
await_line 10 own "$log_listening"
[ -S "$work/own/own.sock" ] || fail "no control socket"
stop own
[ ! -e "$work/own/own.sock" ] || fail "the socket's name stays"

# Configurations: LINE|PATTERN|TEXT, the text stands from line 3 on.
while IFS='|' read -r line pattern text; do
	begin_file bad a <<<"${text//@B@/$(public_key b)}"
	refused "$work/bad.conf:$line: .*$pattern" -- -f "$work/bad.conf"
	refused "$work/bad.conf:$line: .*$pattern" -- -n -f "$work/bad.conf"
done <<'END'
3|syntax|listen = ;
3|colour|colour = "red";
3|must be a string|listen = ( 5 );
3|listen|listen = ( "127.0.0.1:70000" );
3|key|peers = ( { name = "x"; key = "short"; } );
3|name|peers = ( { key = "@B@"; } );
3|peer x already|peers = ( { name = "x"; key = "@B@"; }, { name = "x"; key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; } );
3|permit|peers = ( { name = "x"; key = "@B@"; permit = ( "nonsense:1:2:3" ); } );
3|no peer|tunnels = ( { name = "t"; peer = "x"; destination = "tcp://h"; local = "1"; remote = "2"; } );
3|level|log = { level = "loud"; };
3|target|log = { target = "paper"; };
3|sandbox|sandbox = "none";
END
if [ "$(id -u)" = 0 ]; then
	for who in owner group; do
		begin_file bad a <<<"peers = ( { name = \"x\";
		    key = \"$(public_key b)\"; permit = ( \"unix:$work/x\" );
		    unix_$who = \"nobodyatall\"; } );"
		refused "x: unix_$who: there is no .* nobodyatall" -- \
		    -n -f "$work/bad.conf"
	done
fi
sed -i 's/^control = .*/control = "\/tmp\/'"$(printf '%0200d' 0)"'";/' \
    "$work/second.conf"
refused "second.conf:2: .*control socket" -- -f "$work/second.conf"
chmod 644 "$work/a.key"
refused "first.conf:1: .*a\.key" -- -f "$work/first.conf"
rm "$work/a.key"
refused "first.conf:1: .*a\.key" -- -f "$work/first.conf"
refused 'No such file' -- -f "$work/none.conf"
note "$cases cases in all"
