#!/bin/bash
# What a datagram costs: through socktopus with some paths, beside plain UDP,
# socat (a relay at each end), udptunnel (one TCP connection, no encryption) and
# OpenVPN (over TCP), in one run, interleaved. As root over a veth pair between
# two network namespaces; else over the loopback, and without OpenVPN.
#
# bench.sh [SYSTEM...]; without any: all. What the others lack they leave out.
# socktopus/N has N paths; socktopus2 is two instances with a tunnel and a path
# each at once, and what both carry; paths are a tunnel of one path and one of
# 64, by turns; idle is a tunnel of 256 paths that carries nothing. pump and
# pump-sealed are tests/bench_pump: the same batches and frames over one
# connection, without and with the cipher, and nothing else of a tunnel. What
# they reach is what can be reached here.
#	BENCH_RUNS	of which the median counts (5)
#	BENCH_SECONDS	of each measure (1); all of it takes a quarter of an hour
#	BENCH_SIZES	bytes of a datagram; 1400G: sender and sink let the
#			kernel cut and join (64 512 1400 1400G 9000 65507)
#	BENCH_PATHS	of socktopus (1 4 16 64)
#	BENCH_STEADY	a load that is the same for all, of 1400 bytes (200Mbit)
#	BENCH_JSON	a file for the report
#
# Where valgrind is, it counts the engines' instructions for a datagram, outside
# of the kernel and without workers and TCP; that is the same each time.
#
# Of a tunnel's delay and loss at half of its rate: udptunnel (1.1) reads up to
# 64 KB from TCP, gives one datagram of it to UDP, and goes back to wait for
# more from TCP. So once there was a burst it stays 64 KB behind, 45 datagrams
# of 1400 bytes, for ever: that is its delay, and the last ones of a measure
# come out in the next. They are told apart there by the seed of their content.
# shellcheck disable=SC2154,SC2034 # of lib.sh
. "$(dirname "$0")/lib.sh"

runs=${BENCH_RUNS:-5}
seconds=${BENCH_SECONDS:-1}
steady=${BENCH_STEADY:-200Mbit}
sizes=${BENCH_SIZES:-64 512 1400 1400G 9000 65507}
path_counts=${BENCH_PATHS:-1 4 16 64}
link=loopback far_host=127.0.0.1
rows=$work/rows
declare -a system_names
sends=1

# --- two hosts ------------------------------------------------------------------

# at HOST COMMAND...
at() {
	local namespace=$1

	shift
	if [ "$link" = veth ]; then
		nsenter --net="/run/netns/$namespace" "$@"
	else
		"$@"
	fi
}

# join HOST HOST NUMBER
join() {
	local name

	ip -n "$1" link add "wire$3" type veth peer name "wire$3" netns "$2" ||
	    skip "there is no veth"
	ip -n "$1" addr add "10.77.$3.1/24" dev "wire$3"
	ip -n "$2" addr add "10.77.$3.2/24" dev "wire$3"
	for name in "$1" "$2"; do
		ip -n "$name" link set lo up
		ip -n "$name" link set "wire$3" up
	done
}

# The other two are udptunnel's: it takes its target's port for itself.
make_hosts() {
	local namespace

	[ -n "${E2E_ISOLATED:-}" ] && ip netns add near 2>/dev/null || return 0
	for namespace in far udptunnel1 udptunnel2; do
		ip netns add "$namespace"
	done
	join near far 0
	join near udptunnel1 1
	join udptunnel1 udptunnel2 2
	join udptunnel2 far 3
	link=veth far_host=10.77.0.2
}

# begin NAME HOST COMMAND...: a process of the system under test.
begin() {
	local name=$1 namespace=$2

	shift 2
	if [ "$link" = veth ]; then
		set -- nsenter --net="/run/netns/$namespace" "$@"
	fi
	start "$name" "$@"
	system_names+=("$name")
}

listens_at() {
	[ -n "$(at "$1" ss -Hltn "sport = :$2")" ]
}

binds_at() {
	[ -n "$(at "$1" ss -Hlun "sport = :$2"; at "$1" ss -Hun "sport = :$2")" ]
}

# --- the systems: they lead from $entry of the near host to the far port 5143 ---

start_raw() {
	entry="$far_host 5143"
}

start_socat() {
	command -v socat >/dev/null || return 1
	begin socat2 far socat -b 65536 "UDP4-LISTEN:7002,rcvbuf=4194304" \
	    UDP4:127.0.0.1:5143,bind=127.0.0.1
	begin socat1 near socat -b 65536 "UDP4-LISTEN:5140,rcvbuf=4194304" \
	    "UDP4:$far_host:7002"
	await 5 'socat' binds_at near 5140
	await 5 'socat' binds_at far 7002
}

start_udptunnel() {
	[ "$link" = veth ] && command -v udptunnel >/dev/null || return 1
	begin udptunnel2 udptunnel2 udptunnel -s 7003 10.77.3.2/5143
	await 5 'udptunnel' listens_at udptunnel2 7003
	begin udptunnel1 udptunnel1 udptunnel -c 10.77.2.2/7003 10.77.1.1/5140
	await 5 'udptunnel' binds_at udptunnel1 5140
	entry='10.77.1.2 5140' from=5140
	show_port near 5140 wire1
	show_port far 5143 wire3
}

# show_port HOST PORT INTERFACE: it sends from any port; let it be its own, so
# that it can be answered. Without nftables there is no round trip.
show_port() {
	command -v nft >/dev/null || return 0
	at "$1" nft -f - 2>"$work/nft.log" <<-END
	table ip bench
	delete table ip bench
	table ip bench {
		chain arriving {
			type filter hook prerouting priority raw;
			iifname $3 udp dport $2 udp sport set $2
		}
	}
	END
}

start_pump() {
	local pump=$build/tests/bench_pump

	begin pump2 far "$pump" "$@" out 5142 5143 7006
	await 5 'pump' listens_at far 7006
	begin pump1 near "$pump" "$@" in 5140 5141 "$far_host" 7006
	await 5 'pump' binds_at near 5140
}

make_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -days 2 -subj "/CN=$1" -keyout "$work/$1.tls" \
	    -out "$work/$1.crt" 2>/dev/null &&
	    openssl x509 -in "$work/$1.crt" -noout -fingerprint -sha256 |
	    sed 's/.*=//' >"$work/$1.print"
}

# start_openvpn_end NAME HOST PEER OPTION...
start_openvpn_end() {
	local name=$1 namespace=$2 peer=$3

	shift 3
	begin "$name" "$namespace" openvpn --dev tun --cert "$work/$name.crt" \
	    --key "$work/$name.tls" --peer-fingerprint \
	    "$(cat "$work/$peer.print")" --data-ciphers CHACHA20-POLY1305 \
	    --dh none --verb 3 --sndbuf 0 --rcvbuf 0 "$@"
}

start_openvpn() {
	[ "$link" = veth ] && [ -c /dev/net/tun ] &&
	    command -v openvpn openssl >/dev/null || return 1
	if [ ! -f "$work/openvpn1.crt" ]; then
		make_certificate openvpn1
		make_certificate openvpn2
	fi
	start_openvpn_end openvpn2 far openvpn1 --proto tcp-server \
	    --port 7004 --tls-server --ifconfig 10.78.0.2 10.78.0.1
	await 5 'openvpn' listens_at far 7004
	start_openvpn_end openvpn1 near openvpn2 --proto tcp-client \
	    --remote "$far_host" 7004 --tls-client \
	    --ifconfig 10.78.0.1 10.78.0.2
	await_line 20 openvpn1 'Initialization Sequence Completed'
	entry='10.78.0.2 5143'
}

# list_paths PATHS SERVICE: no more than 64 in one entry.
list_paths() {
	local left

	for ((left = $1; left > 64; left -= 64)); do
		printf '{ uri = "tcp://%s"; count = 64; }, ' "$2"
	done
	printf '{ uri = "tcp://%s"; count = %s; }' "$2" "$left"
}

# start_socktopus PATHS [INSTANCE]
start_socktopus() {
	local i=${2:-}
	local service="$far_host:700${i:-0}" tuple="51${i:-4}"

	begin_file "listener$i" far <<-END
	listen = ( "$service" );
	peers = ( { name = "near"; key = "$(cat "$work/near.pub")"; } );
	END
	begin_file "connector$i" near <<-END
	peers = ( { name = "far"; key = "$(cat "$work/far.pub")"; } );
	tunnels = ( { name = "bench"; peer = "far"; direct = false;
	    destination = "tcp://$service";
	    local = "${tuple}0:${tuple}1"; remote = "${tuple}2:${tuple}3";
	    paths = ( $(list_paths "$1" "$service") ); } );
	END
	wrap=(at far)
	[ "$link" = loopback ] || wrap=(nsenter --net=/run/netns/far)
	start_file "listener$i"
	await_line 10 "listener$i" "$log_listening"
	[ "$link" = loopback ] || wrap=(nsenter --net=/run/netns/near)
	start_file "connector$i"
	wrap=()
	await_paths "connector$i" "$1" 30
	system_names+=("connector$i" "listener$i")
}

# begin_system NAME: false where it cannot be had.
begin_system() {
	system_names=()
	entry='127.0.0.1 5140' from=5141 to=5143
	case $1 in
	pump-sealed) start_pump -s ;;
	socktopus2) start_socktopus 1 && start_socktopus 1 6 ;;
	socktopus/*) start_socktopus "${1#*/}" ;;
	*) "start_$1" ;;
	esac
}

end_system() {
	local name

	for name in "${system_names[@]}"; do
		stop "$name"
	done
	socktopus_logs=()
}

# --- what it costs --------------------------------------------------------------

# Every process below one: "PID NAME" lines.
tree_of() {
	local child children=()

	echo "$1 $2"
	read -r -a children <"/proc/$1/task/$1/children"
	for child in "${children[@]}"; do
		tree_of "$child" "$2.$(cat "/proc/$child/comm")"
	done
}

# Nanoseconds on a processor, by process: "NAME NS" lines.
processor_time() {
	local name id what ns

	for name in "${system_names[@]}"; do
		tree_of "${pid[$name]}" "$name"
	done | while read -r id what; do
		read -r ns _ <"/proc/$id/schedstat" && echo "$what $ns"
	done 2>/dev/null
}

# What was used since $work/before, of all processes of one name together.
processor_used() {
	awk 'NR == FNR { used[$1] -= $2; next } { used[$1] += $2 }
	    END { for (name in used) print name, used[name] / 1e9 }' \
	    "$work/before" - | sort
}

# --- measures --------------------------------------------------------------------

# send SIZE SECONDS RATE: reports in sink.log and send.log.
send() {
	local bytes=${1%G} options=(-S "$((++sends))")

	[ "$1" = "$bytes" ] || options+=(-G)
	# shellcheck disable=SC2086 # two words
	start sink at far "$dgram" sink "${options[@]}" -p "$to" -i 0.3 \
	    -t "$(awk -v s="$2" 'BEGIN { print s + 2 }')" -b 33554432 \
	    -s "$bytes"
	await_line 5 sink '^port='
	# shellcheck disable=SC2086
	start send at near "$dgram" send "${options[@]}" -p "$from" \
	    -s "$bytes" -r "$3" -t "$2" $entry
	finish send 30
	finish sink 30
}

# row SYSTEM SIZE WHAT VALUE
row() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$run" "$1" "$2" "$3" "$4" >>"$rows"
}

# of what was sent, however much of it the sink could know of
lost() {
	awk -v s="$(value send sent)" -v d="$(value sink distinct)" \
	    'BEGIN { print (s > d ? 100 * (1 - d / s) : 0) }'
}

# send_and_count SYSTEM SIZE SECONDS RATE ROW: with the processor's time by
# process, under the size ROW.
send_and_count() {
	local bytes=${2%G} name used gigabytes

	processor_time >"$work/before"
	send "$2" "$3" "$4"
	processor_time | processor_used >"$work/used"
	gigabytes=$(awk -v n="$(value sink distinct)" -v b="$bytes" \
	    'BEGIN { print n * b / 1e9 }')
	{
		cat "$work/used"
		echo "app.send $(value send cpu_seconds)"
		echo "app.sink $(value sink cpu_seconds)"
	} | awk -v gb="$gigabytes" -v OFS='\t' 'gb > 0 {
			print "cpu_s_per_gb." $1, $2 / gb
			if ($1 !~ /^app/) sum += $2
		} END { if (gb > 0) print "cpu_s_per_gb", sum / gb }' |
	    while read -r name used; do
		row "$1" "$5" "$name" "$used"
	done
}

# best_load SIZE: $load, a rate for send(). A sender that lets the kernel cut
# offers ten times what arrives and holds a processor for it, so for such one
# that load counts of which most arrives.
best_load() {
	local factor first most rate

	load=0
	[ "$1" != "${1%G}" ] || return 0
	send "$1" 0.4 0
	first=$(value sink mbit_per_s) most=$(value sink mbit_per_s)
	for factor in 1.1 1.3 1.6 2; do
		rate=$(awk -v r="$first" -v f="$factor" \
		    'BEGIN { printf "%.0fMbit", r * f }')
		send "$1" 0.4 "$rate"
		if awk -v a="$(value sink mbit_per_s)" -v b="$most" \
		    'BEGIN { exit !(a > b) }'; then
			most=$(value sink mbit_per_s) load=$rate
		fi
	done
}

# at full speed: goodput
flood() {
	local load

	best_load "$2"
	send_and_count "$1" "$2" "$seconds" "$load" "$2"
	goodput=$(value sink mbit_per_s)
	row "$1" "$2" mbit_per_s "${goodput:-0}"
	row "$1" "$2" datagrams_per_s "$(value sink datagrams_per_s)"
	row "$1" "$2" flood_loss_percent "$(lost)"
}

# SYSTEM ROW
loss_and_delay() {
	local key

	row "$1" "$2" loss_percent "$(lost)"
	for key in delay_p50_ms delay_p99_ms; do
		row "$1" "$2" "$key" "$(value sink $key)"
	done
}

# at half of that: loss and one-way delay
cruise() {
	local rate

	rate=$(awk -v r="${goodput:-0}" 'BEGIN { printf "%.3f", r / 2 }')
	[ "$rate" != 0.000 ] || return
	send "$2" "$seconds" "${rate}Mbit"
	loss_and_delay "$1" "$2"
}

# the same load for all
run_steadily() {
	send_and_count "$1" 1400 "$seconds" "$steady" "1400@$steady"
	loss_and_delay "$1" "1400@$steady"
}

# 200 bytes, one at a time: there, and there and back where there is a way back
bounce() {
	send 200 "$seconds" 1k
	row "$1" 200 lone_delay_p50_ms "$(value sink delay_p50_ms)"
	[[ $1 != pump* ]] || return 0
	start echo at far "$dgram" echo -p 5143 -t 60 -i 1
	await_line 5 echo '^port='
	# shellcheck disable=SC2086 # two words
	at near "$dgram" ping -p "$from" -s 200 -t "$seconds" -i 0.2 $entry \
	    >"$work/ping.log" 2>&1
	stop echo INT
	row "$1" 200 rtt_p50_ms "$(value ping rtt_p50_ms)"
	row "$1" 200 rtt_p99_ms "$(value ping rtt_p99_ms)"
}

# Two process sets, as two instances have them, with a tunnel each.
measure_two() {
	local i gigabytes tuple

	begin_system socktopus2
	processor_time >"$work/before"
	for i in 4 6; do
		start "sink$i" at far "$dgram" sink -p "51${i}3" -i 0.3 -t 20 \
		    -b 33554432
		await_line 5 "sink$i" '^port='
	done
	for i in 4 6; do
		tuple=51$i
		start "send$i" at near "$dgram" send -p "${tuple}1" -t "$seconds" \
		    127.0.0.1 "${tuple}0"
	done
	for i in 4 6; do
		finish "send$i" 30
		finish "sink$i" 30
	done
	processor_time | processor_used >"$work/used"
	row socktopus2 1400 mbit_per_s "$(awk -v a="$(value sink4 mbit_per_s)" \
	    -v b="$(value sink6 mbit_per_s)" 'BEGIN { print a + b }')"
	row socktopus2 1400 datagrams_per_s "$(awk \
	    -v a="$(value sink4 datagrams_per_s)" \
	    -v b="$(value sink6 datagrams_per_s)" 'BEGIN { print a + b }')"
	gigabytes=$(awk -v a="$(value sink4 distinct)" \
	    -v b="$(value sink6 distinct)" 'BEGIN { print (a + b) * 1.4e-6 }')
	row socktopus2 1400 cpu_s_per_gb "$(awk -v gb="$gigabytes" \
	    '{ sum += $2 } END { print (gb > 0 ? sum / gb : 0) }' "$work/used")"
	end_system
}

# flood_cost SIZE TUPLE PROCESS...: processor seconds per GB of a short flood
flood_cost() {
	local bytes=$1 entry="127.0.0.1 ${2}0" from=${2}1 to=${2}3
	local system_names=("${@:3}")

	processor_time >"$work/before"
	send "$bytes" "$seconds" 0
	processor_time | processor_used | awk -v bytes="$bytes" \
	    -v n="$(value sink distinct)" '{ s += $2 }
	    END { print (n > 0 ? s * 1e9 / (n * bytes) : 0) }'
}

# What a datagram costs over 64 paths, in relation to one path: both tunnels
# stand, and are measured by turns.
measure_paths() {
	local turn size one many first

	system_names=()
	start_socktopus 1
	first=("${system_names[@]}")
	start_socktopus 64 6
	for turn in 1 2; do
		for size in 64 512 1400; do
			one=$(flood_cost "$size" 514 "${first[@]}")
			many=$(flood_cost "$size" 516 "${system_names[@]:2}")
			row paths "$size" cpu_of_one "$(awk -v a="$one" \
			    -v b="$many" 'BEGIN { print (a > 0 ? b / a : 0) }')"
		done
	done
	end_system
}

# What the processors of both ends have to do for nothing; once, since paths
# are asked less often only after some time.
measure_idle() {
	[ "$run" = 1 ] || return 0
	begin_system socktopus/256
	sleep 20
	processor_time >"$work/before"
	sleep 10
	row idle 256 processor_percent "$(processor_time | processor_used |
	    awk '{ sum += $2 } END { print 100 * sum / 10 }')"
	end_system
}

measure_system() {
	local size goodput

	case $1 in
	socktopus2)
		measure_two
		return
		;;
	paths)
		measure_paths
		return
		;;
	idle)
		measure_idle
		return
		;;
	esac
	begin_system "$1" || {
		[ "$run" != 1 ] || note "$1: not here"
		return
	}
	bounce "$1"
	run_steadily "$1"
	for size in $sizes; do
		flood "$1" "$size"
		cruise "$1" "$size"
	done
	end_system
}

# Of a fixed job: what twice as many datagrams cost more. "PATHS BYTES IR" lines
count_instructions() {
	local bytes count paths collected twice

	command -v valgrind >/dev/null &&
	    [ -x "$build/tests/bench_engine" ] || return
	for paths in $path_counts; do
		for bytes in $sizes; do
			[ "$bytes" = "${bytes%G}" ] || continue
			count=$((bytes > 1400 ? 400 : 4000))
			collect $((2 * count))
			twice=$collected
			collect "$count"
			echo "$paths $bytes" $(((twice - collected) / count))
		done
	done
}

# collect DATAGRAMS: $collected instructions
collect() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null \
	    --toggle-collect=tunnel_pump --toggle-collect=path_receive \
	    "$build/tests/bench_engine" "$bytes" "$paths" "$1" \
	    >"$work/valgrind.log" 2>&1 ||
	    fail "bench_engine: $(cat "$work/valgrind.log")"
	collected=$(sed -n 's/.*Collected : //p' "$work/valgrind.log")
}

report_instructions() {
	[ -s "$work/instructions" ] || return
	awk '{ v[$1, $2] = $3
		if (!(($1) in p)) { p[$1]; paths[++ps] = $1 }
		if (!(($2) in s)) { s[$2]; sizes[++ss] = $2 } }
	    END {
		printf "\n%-30s", "instructions of both engines"
		for (i = 1; i <= ss; i++)
			printf " %9s", sizes[i] " B"
		for (k = 1; k <= ps; k++) {
			printf "\n%-30s", paths[k] " path" (paths[k] > 1 ? \
			    "s" : "")
			for (i = 1; i <= ss; i++)
				printf " %9d", v[paths[k], sizes[i]]
		}
		print ""
	}' "$work/instructions"
	awk -v OFS='\t' '{ print "socktopus/" $1, $2, "instructions", $3 }' \
	    "$work/instructions" >>"$work/summary"
}

# --- report ------------------------------------------------------------------------

# The median over the runs of each figure, and of its ratio to plain UDP's of
# the same run.
summary() {
	awk -F '\t' '
	function median(list,   v, n, i, j, t) {
		n = split(list, v, " ")
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
				t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
			}
		return v[int((n + 1) / 2)]
	}
	{
		key = $2 "\t" $3 "\t" $4
		if (!(key in all)) order[++keys] = key
		all[key] = all[key] " " $5
		if ($4 == "mbit_per_s") {
			rate[$1, $2, $3] = $5
			if ($2 == "raw") raw[$1, $3] = $5
		}
	}
	END {
		for (i = 1; i <= keys; i++)
			print order[i] "\t" median(all[order[i]])
		for (k in rate) {
			split(k, part, SUBSEP)
			size = part[3]; sub("G", "", size)
			if (raw[part[1], size] > 0)
				ratios[part[2] "\t" part[3]] = \
				    ratios[part[2] "\t" part[3]] " " \
				    rate[k] / raw[part[1], size]
		}
		for (k in ratios)
			print k "\tof_raw\t" median(ratios[k])
	}' "$rows"
}

report_table() {
	awk -F '\t' -v sizes="$sizes" -v steady="$steady" '
	{
		if ($1 == "idle") {
			idle = $4
			next
		}
		if ($1 == "paths") {
			paths = paths sprintf(", %s B %.2f", $2, $4)
			next
		}
		if (!($1 in seen)) { seen[$1]; names[++count] = $1 }
		v[$1, $2, $3] = $4
	}
	function show(name, size, what, format) {
		if ((name, size, what) in v)
			return sprintf(format, v[name, size, what])
		return "-"
	}
	END {
		n = split(sizes, list, " ")
		form = "%-14s %10s %8s %9s %8s %8s %9s %9s\n"
		for (i = 1; i <= n; i++) {
			printf "\n" form, list[i] " bytes", "Mbit/s",
			    "of raw", "kpkt/s", "CPU s/GB", "loss %",
			    "p50 ms", "p99 ms"
			for (k = 1; k <= count; k++) {
				s = names[k]
				printf form, s,
				    show(s, list[i], "mbit_per_s", "%.0f"),
				    show(s, list[i], "of_raw", "%.2f"),
				    show(s, list[i], "datagrams_per_s", "%d"),
				    show(s, list[i], "cpu_s_per_gb", "%.2f"),
				    show(s, list[i], "loss_percent", "%.2f"),
				    show(s, list[i], "delay_p50_ms", "%.3f"),
				    show(s, list[i], "delay_p99_ms", "%.3f")
			}
		}
		form = "%-20s %10s %8s %9s %9s\n"
		printf "\n" form, "1400 B at " steady "/s", "CPU s/GB",
		    "loss %", "p50 ms", "p99 ms"
		at = "1400@" steady
		for (k = 1; k <= count; k++)
			printf form, names[k],
			    show(names[k], at, "cpu_s_per_gb", "%.2f"),
			    show(names[k], at, "loss_percent", "%.2f"),
			    show(names[k], at, "delay_p50_ms", "%.3f"),
			    show(names[k], at, "delay_p99_ms", "%.3f")
		form = "%-14s %10s %10s %10s\n"
		printf "\n" form, "lone, of 200 B", "there, ms", "and back",
		    "p99"
		for (k = 1; k <= count; k++)
			printf form, names[k],
			    show(names[k], 200, "lone_delay_p50_ms", "%.3f"),
			    show(names[k], 200, "rtt_p50_ms", "%.3f"),
			    show(names[k], 200, "rtt_p99_ms", "%.3f")
		if (paths != "")
			printf "\nprocessor time of 64 paths to that of one:%s\n",
			    substr(paths, 2)
		if (idle != "")
			printf "\n256 idle paths, both ends: %.2f %% of a processor\n",
			    idle
	}' "$work/summary"
}

report_json() {
	jq -R -s --arg link "$link" --arg runs "$runs" --arg kernel \
	    "$(uname -r)" --arg processors "$(nproc)" '{ link: $link,
	    runs: ($runs | tonumber), kernel: $kernel,
	    processors: ($processors | tonumber),
	    figures: (split("\n") | map(select(. != "") | split("\t") |
	    { system: .[0], size: .[1], what: .[2],
	      median: (.[3] | tonumber? // null) })) }' "$work/summary"
}

need jq ss
make_hosts
make_key near
make_key far
if [ $# = 0 ]; then
	# shellcheck disable=SC2086,SC2046
	set -- raw pump pump-sealed socat udptunnel openvpn \
	    $(printf 'socktopus/%s ' $path_counts) socktopus2 paths idle
fi
: >"$rows"
for ((run = 1; run <= runs; run++)); do
	for system; do
		[ ! -t 2 ] || printf '\r%s %s, run %d of %d \033[K' "${0##*/}:" \
		    "$system" "$run" "$runs" >&2
		measure_system "$system"
	done
done
[ ! -t 2 ] || printf '\r\033[K' >&2
summary >"$work/summary"
note "median of $runs runs, $(nproc) processors, $link," \
    "loss and delay at half of the rate"
report_table
count_instructions >"$work/instructions"
report_instructions
[ -z "${BENCH_JSON:-}" ] || report_json >"$BENCH_JSON"
