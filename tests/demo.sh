#!/bin/bash
# The main job on this machine: a listener, three relays, a connector with the
# direct path and the three; access log lines go in as UDP datagrams at one end
# and come out at the other. Exit status 0 only if every line arrived.
#
# DEMO_RATE is lines a second, DEMO_SECONDS the length of the stream.
. "$(dirname "$0")/lib.sh"
need xinetd socat haproxy jq

rate=${DEMO_RATE:-50000}
half_s=$(((${DEMO_SECONDS:-10} + 1) / 2))
# What one path may carry, in bytes a second: three are enough for the stream
# (some 250 bytes a line), two are not.
limit=$((rate * 110))

listen_for web-server
declare -A relay_at
relay_at[${port[listener]}]="direct"
paths="{ uri = \"tcp://127.0.0.1:${port[listener]}\"; rate_limit = $limit; }"
for relay in xinetd socat haproxy; do
	"relay_$relay" "$relay" 127.0.0.1 "${port[listener]}"
	relay_at[${port[$relay]}]=$relay
	paths+=", { uri = \"tcp://127.0.0.1:${port[$relay]}\";
	    rate_limit = $limit; }"
done
pick_tuple
begin_file connector near <<END
peers = ( { name = "collector"; key = "$(public_key far)"; } );
tunnels = ( { name = "logs"; peer = "collector"; direct = false;
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem"; paths = ( $paths ); } );
END
start_file connector
await_paths connector 4
start collector "$loglines" sink -a 127.0.0.1 -p "$far" -o "$work/delivered"
await_line 5 collector '^port='

cat <<END
A listener, and a connector with four paths to it: the direct one and one each
through xinetd, socat and HAProxy. Each is limited to $((limit * 8 / 1000000)) Mbit/s, as an Internet
path would be: none can carry the stream alone.

$rate access log lines a second for $((2 * half_s)) seconds, one UDP datagram each:
  127.0.0.1:$near -> socktopus 127.0.0.1:$local == four paths ==> \
socktopus 127.0.0.1:$bound -> 127.0.0.1:$far

END

table_lines=0

# The paths as they are; on a terminal over the last ones.
show_paths() {
	local rows uri state worker rtt sent restarts

	rows=$(query connector '.tunnels[0].paths[] | [.uri, .state, .pid,
	    (.rtt_ms * 100 | round / 100), (.tx_rate * 8 / 1e5 | round / 10),
	    .tx_datagrams, .restarts] | @tsv') || return
	if [ -t 1 ] && [ "$table_lines" -gt 0 ]; then
		printf '\033[%dA' "$table_lines"
	fi
	printf '%-8s %-22s %-9s %8s %9s %9s %10s %8s\n' PATH URI STATE \
	    WORKER 'RTT ms' 'Mbit/s' DATAGRAMS RESTARTS
	while IFS=$'\t' read -r uri state worker rtt rate_now sent restarts
	do
		printf '%-8s %-22s %-9s %8s %9s %9s %10s %8s\n' \
		    "${relay_at[${uri##*:}]}" "$uri" "$state" "$worker" \
		    "$rtt" "$rate_now" "$sent" "$restarts"
	done <<<"$rows"
	[ -t 1 ] || echo
	table_lines=5
}

# stream SEED: half of it, with the table.
stream() {
	local name=stream$1

	start "$name" "$loglines" send -a 127.0.0.1 -p "$near" -S "$1" \
	    -t "$half_s" -r "$rate" -o "$work/sent" 127.0.0.1 "$local"
	table_lines=0
	while is_alive "$name"; do
		sleep 1
		show_paths
	done
	finish "$name"
	[ "$status" = 0 ] || fail "the generator failed"
	[ "$(value "$name" send_refused)" = 0 ] || fail "nobody took the lines"
}

drain() {
	await 20 "end of what is under way" has_settled logs
}

worker_is_back() {
	[ "$(query connector \
	    ".tunnels[0].paths[2] | .state == \"up\" and .pid != $1")" = true ]
}

stream 1
drain
echo
expect_problem "$log_path_down"
victim=$(query connector '.tunnels[0].paths[2].pid')
cat <<END
Now the worker of the path through socat, process $victim, is killed (SIGKILL).
The stream rests meanwhile: UDP promises nothing, and what lies in the ring of
a killed worker is lost.
END
began=$(now_ms)
kill -KILL "$victim" || fail "no worker $victim"
await 10 "path through socat" worker_is_back "$victim"
echo "$(($(now_ms) - began)) ms later the path is up again," \
    "its worker is process $(query connector '.tunnels[0].paths[2].pid')."
echo
stream 2
drain
stop collector INT

sum_of() {
	sort "$1" | sha256sum | cut -d ' ' -f 1
}

sent=$(wc -l <"$work/sent")
arrived=$(wc -l <"$work/delivered")
sum_sent=$(sum_of "$work/sent")
sum_delivered=$(sum_of "$work/delivered")
cat <<END

datagrams sent       $sent
datagrams delivered  $arrived
SHA-256 of the sorted lines
  sent               $sum_sent
  delivered          $sum_delivered
END
[ "$sent" -ge $((rate * half_s)) ] ||
    note "(this machine generated $((sent / 2 / half_s)) lines a second)"
if [ "$sum_sent" != "$sum_delivered" ]; then
	query connector '.tunnels[0].dropped'
	query listener '.tunnels[0].dropped'
	fail "$((sent - arrived)) lines did not arrive"
fi
echo "Every line arrived."
