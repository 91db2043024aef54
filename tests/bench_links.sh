#!/bin/bash
# What the tunnel carries over emulated links, and how fast, against what plain
# TCP connections carry through the same relays in the same run.
#
# bench_links.sh [ENVIRONMENT...]; without any: all. A JSON report goes to the
# file $BENCH_JSON, if that is set. LINKS_SECONDS: of each measure.
# shellcheck disable=SC2154 # of lib_links.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"

all='equal unequal lossy lossy_count lossy_bbr pair_equal pair_spread20
    pair_spread100 pair_jitter5 pair_jitter20 pair_loss05 pair_loss2 pair_rate4
    pair_rate10 freeze freeze_relay kill reset silent redundant'
rows=()
short=0

# row WHAT MEASURED OPERATOR REQUIRED: >=, <=, or - where nothing is required.
row() {
	local verdict=ok

	if [ "$3" != - ] && ! awk -v a="${2:-none}" -v b="$4" \
	    "BEGIN { exit !(a ~ /[0-9]/ && a + 0 $3 b + 0) }"; then
		verdict=SHORT
		short=$((short + 1))
	fi
	[ "$3" != - ] || verdict=
	rows+=("$environment	$1	${2:-none}	$3	${4:-}	$verdict")
	printf '%-15s %-34s %10s %2s %-8s %s\n' "$environment" "$1" \
	    "${2:-none}" "${3#-}" "${4:-}" "$verdict"
}

report_json() {
	printf '%s\n' "${rows[@]}" | jq -R -s 'split("\n") |
	    map(select(. != "") | split("\t") | { environment: .[0],
	    what: .[1], measured: (.[2] | tonumber? // .), operator: .[3],
	    required: (.[4] | tonumber? // null), ok: (.[5] != "SHORT") })'
}

# begin SETTINGS... -- PLAIN_COUNT PLAIN_CONGESTION TUNNEL_KEYS PATH_KEYS
begin() {
	local links=()

	while [ "$1" != -- ]; do
		links+=("$1")
		shift
	done
	make_links "${links[@]}"
	measure_plain "${2:-1}" "${3:-}"
	row 'plain TCP, all at once, Mbit/s' "$sum" - ''
	start_tunnel "${4:-}" "${5:-}"
	await_paths connector "$((relays * ${2:-1}))"
}

end() {
	stop_tunnel
	end_links
}

# at PERCENT: load of that part of the sum.
at() {
	load "$(times "$sum" "0.$1")"
	describe_load "$1"
}

# The same packets are lost as of plain TCP: by chance alone a path loses some
# per cent more in one measure than in the next.
over() {
	change_link all seed=0
	load "$(times "$sum" 1.1)"
	describe_load 110
}

describe_load() {
	rate=$(value "$sink" mbit_per_s)
	p50=$(value "$sink" delay_p50_ms)
	p99=$(value "$sink" delay_p99_ms)
	lost=$(value "$sink" lost)
	row "$1 %: Mbit/s" "$rate" - ''
	row "$1 %: reordered, of $(value "$sink" received)" \
	    "$(value "$sink" reordered)" - ''
	row "$1 %: lost, start-up aside" "$lost" - ''
}

ratios() {
	row '110 %: of the sum' "$(ratio "$rate" "$sum")" '>=' "$1"
}

delays() {
	row "$1 %: p50 one-way, ms" "$p50" "${2:--}" "${3:-}"
	row "$1 %: p99 one-way, ms" "$p99" "${4:--}" "${5:-}"
}

equal_links=('delay=10ms rate=50Mbit' 'delay=20ms rate=50Mbit'
    'delay=30ms rate=50Mbit' 'delay=40ms rate=50Mbit')

# --- throughput and delay -------------------------------------------------------

bench_equal() {
	begin "${equal_links[@]}" --
	over
	ratios 0.97
	delays 110 '<=' 110 '<=' 180
	at 70
	delays 70 '<=' 25 '<=' 50
	row '70 %: lost' "$lost" '<=' 0
	end
}

bench_unequal() {
	begin 'delay=5ms rate=100Mbit' 'delay=15ms rate=50Mbit' \
	    'delay=30ms rate=20Mbit' 'delay=75ms rate=5Mbit' --
	over
	ratios 0.95
	delays 110
	at 50
	delays 50 '<=' 10
	end
}

# lossy COUNT: few connections and rare losses, which take their time to be
# anything but chance and what was left of the start.
lossy() {
	local links_warm_s=$((links_warm_s + 6)) links_seconds=$((links_seconds * 6))

	begin "${equal_links[@]/%/ loss=0.5%}" -- "$1" cubic '' "count = $1;"
	over
	ratios 0.95
	delays 110
	end
}

bench_lossy() {
	lossy 1
}

bench_lossy_count() {
	lossy 4
}

# Against the sum without loss; over more than the ten seconds after which BBR
# all but stops to see the round trip of an empty path.
bench_lossy_bbr() {
	local links_seconds=$((links_seconds * 4))

	begin "${equal_links[@]}" -- 1 bbr '' 'congestion = "bbr";'
	change_link all loss=0.5%
	over
	ratios 0.95
	delays 110
	end
}

# pair SETTINGS SETTINGS [REQUIRED]: of the best single path.
pair() {
	begin "$1" "$2" --
	over
	row '110 %: of the best path' "$(ratio "$rate" "$best")" '>=' 0.95
	row '110 %: of the sum' "$(ratio "$rate" "$sum")" "${3:--}" "${4:-}"
	delays 110
	end
}

bench_pair_equal() {
	pair 'delay=20ms rate=50Mbit' 'delay=20ms rate=50Mbit' '>=' 0.97
}

bench_pair_spread20() {
	pair 'delay=20ms rate=50Mbit' 'delay=30ms rate=50Mbit'
}

bench_pair_spread100() {
	pair 'delay=20ms rate=50Mbit' 'delay=70ms rate=50Mbit'
}

bench_pair_jitter5() {
	pair 'delay=20ms rate=50Mbit' 'delay=20ms rate=50Mbit jitter=5ms'
}

bench_pair_jitter20() {
	pair 'delay=20ms rate=50Mbit' 'delay=20ms rate=50Mbit jitter=20ms'
}

bench_pair_loss05() {
	pair 'delay=20ms rate=50Mbit' 'delay=20ms rate=50Mbit loss=0.5%'
}

bench_pair_loss2() {
	pair 'delay=20ms rate=50Mbit' 'delay=20ms rate=50Mbit loss=2%'
}

bench_pair_rate4() {
	pair 'delay=20ms rate=80Mbit' 'delay=20ms rate=20Mbit'
}

bench_pair_rate10() {
	pair 'delay=20ms rate=100Mbit' 'delay=20ms rate=10Mbit'
}

# --- failures -----------------------------------------------------------------

# Half of the sum goes on while COMMAND... does its harm. What is late is late
# against what was the longest delay of the second before.
suffer() {
	local harm_ms normal

	begin_load "$(times "$sum" 0.5)" $((links_warm_s + links_seconds))
	sleep $((links_warm_s + 1))
	harm_ms=$(now_ms)
	"$@"
	end_load
	normal=$(delay_before "$harm_ms" 1000)
	row 'lost, every datagram counted' "$total_lost" '<=' 0
	row 'delivered twice' "$(value "$sink" duplicates)" '<=' 0
	row 'later than normal by, ms' \
	    "$(difference "$(delay_from "$harm_ms")" "$normal")" '<=' 400
	row 'longest gap, ms' "$(value "$sink" gap_max_ms)" '<=' "${gap:-400}"
	row 'back to the rate after, ms' \
	    "$(recovery_ms "$harm_ms" "$(times "$sum" 0.475)")" '<=' 1000
}

# Every path is back. A frozen worker's is given up after `dead` seconds.
heal() {
	local began_ms

	began_ms=$(now_ms)
	"$@"
	await_paths connector "$relays" 60
	row 'every path back after, ms' $(($(now_ms) - began_ms)) - ''
}

bench_freeze() {
	begin "${equal_links[@]}" -- 1 cubic 'dead = 2;'
	suffer change_link w2 hole=on
	heal change_link w2 hole=off
	over
	row 'afterwards, of the sum' "$(ratio "$rate" "$sum")" - ''
	end
}

# A relay that stops forwarding, but whose host goes on acknowledging.
bench_freeze_relay() {
	begin "${equal_links[@]}" -- 1 cubic 'dead = 2;'
	suffer kill -STOP "${pid[relay2]}"
	heal kill -CONT "${pid[relay2]}"
	end
}

kill_worker() {
	kill -KILL "$(query connector '.tunnels[0].paths[1].pid')"
}

bench_kill() {
	begin "${equal_links[@]}" --
	gap=200 suffer kill_worker
	heal true
	end
}

reset_relay() {
	kill -KILL "${pid[relay2]}"
	finish relay2
}

bench_reset() {
	begin "${equal_links[@]}" --
	gap=200 suffer reset_relay
	heal start_relay 2
	end
}

# A fifth path through a relay that takes everything and forwards nothing.
bench_silent() {
	make_links "${equal_links[@]}"
	measure_plain 1
	row 'plain TCP, all at once, Mbit/s' "$sum" - ''
	start silent nsenter --net=/run/netns/relay1 "$faulty_relay" \
	    -a 10.1.1.2 -p 7002 -m silent 10.2.1.2 7000
	await_line 5 silent '^port='
	start_tunnel '' '' ', { uri = "tcp://10.1.1.2:7002"; }'
	await_paths connector "$relays"
	gap=200 suffer true
	end
}

# The better path is alone first, then both, while the other one freezes. At
# this loss CUBIC carries little, so little is asked for.
bench_redundant() {
	local alone lossy='delay=20ms rate=50Mbit loss=5%' datagram_bytes=160

	make_links "$lossy"
	start_tunnel
	await_paths connector 1
	load 0.4
	alone=$(value "$sink" gap_max_ms)
	row 'one path: longest gap, ms' "$alone" - ''
	end
	make_links "$lossy" 'delay=30ms rate=50Mbit loss=5%'
	start_tunnel 'scheduler = "redundant"; copies = 2;'
	await_paths connector 2
	begin_load 0.4 $((links_warm_s + links_seconds))
	sleep $((links_warm_s + links_seconds / 2))
	change_link w2 hole=on
	end_load
	row 'two copies: longest gap, ms' "$(value "$sink" gap_max_ms)" \
	    '<=' "$alone"
	row 'lost, every datagram counted' "$total_lost" '<=' 0
	row 'delivered twice' "$(value "$sink" duplicates)" '<=' 0
	end
}

# --- all of it ------------------------------------------------------------------

[ "${1:-}" != -h ] || {
	echo "usage: bench_links.sh [ENVIRONMENT...]"
	echo "$all"
	exit 0
}
need_links
expect_problem "$log_path_down" "$log_tunnel_down" "$log_handshake_failed"
# shellcheck disable=SC2086
[ $# != 0 ] || set -- $all
for environment; do
	declare -F "bench_$environment" >/dev/null ||
	    fail "no environment $environment"
	"bench_$environment"
done
[ -z "$no_cubic" ] || note "CUBIC is not permitted in namespaces (sysctl" \
    "net.ipv4.tcp_allowed_congestion_control): these are figures of" \
    "$(sysctl -n net.ipv4.tcp_congestion_control)"
[ -z "${BENCH_JSON:-}" ] || report_json >"$BENCH_JSON"
note "$short of ${#rows[@]} figures fall short"
