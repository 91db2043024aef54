# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # of lib.sh and of the tests
#
# Sourced behind lib.sh by the tests on emulated links. The near host, N relay
# hosts and the far host are network namespaces; path i of the tunnel leaves
# the near host over the emulated link w$i to relay i, a real HAProxy, which
# dials the far host over a wire of its own that costs nothing.

linkem=$build/tests/linkem
bulk=$build/tests/bulk
links_socket=$work/linkem.sock
links_warm_s=${LINKS_WARM_S:-2}
links_seconds=${LINKS_SECONDS:-4}
links_idle_s=2 # of silence, for a load to be over
datagram_bytes=1400
relays=0 no_cubic=
sum=0 best=0 runs=0

need_links() {
	need haproxy jq nsenter
	[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"
	[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
	ip netns add near 2>/dev/null || skip "ip netns does not work"
}

# inside HOST COMMAND...: a function of lib.sh may be the command's start.
inside() {
	local namespace=$1

	shift
	nsenter --net="/run/netns/$namespace" "$@"
}

furnish_host() {
	ip -n "$1" link set lo up
	# Nothing of one measure may reach the next one.
	inside "$1" sysctl -qw net.ipv4.tcp_no_metrics_save=1
	inside "$1" sysctl -qw net.ipv4.tcp_congestion_control=cubic \
	    2>/dev/null || no_cubic=1
}

# make_links SETTINGS...: one emulated link each, for linkem.
make_links() {
	local i descriptions=()

	relays=$#
	ip netns add far
	furnish_host near
	furnish_host far
	for ((i = 1; i <= relays; i++)); do
		ip netns add "relay$i"
		furnish_host "relay$i"
		ip -n "relay$i" link add "far$i" type veth \
		    peer name "relay$i" netns far || skip "there is no veth"
		ip -n "relay$i" addr add "10.2.$i.1/24" dev "far$i"
		ip -n far addr add "10.2.$i.2/24" dev "relay$i"
		ip -n "relay$i" link set "far$i" up
		ip -n far link set "relay$i" up
		descriptions+=("w$i near=near:10.1.$i.1 far=relay$i:10.1.$i.2 ${*:i:1}")
	done
	start linkem "$linkem" run "$links_socket" "${descriptions[@]}"
	await_line 5 linkem '^ready'
	for ((i = 1; i <= relays; i++)); do
		start_relay "$i"
	done
}

# change_link LINK SETTING...
change_link() {
	"$linkem" ctl "$links_socket" "$@" || fail "linkem: $*"
}

# Port 7000 leads to the listener, 7001 to the sink of plain connections.
start_relay() {
	cat >"$work/relay$1.conf" <<-END
	global
		nbthread 1
	defaults
		mode tcp
		timeout connect 5s
		timeout client 1h
		timeout server 1h
		timeout tunnel 1h
		option splice-auto
	listen tunnel
		bind 10.1.$1.2:7000
		server far 10.2.$1.2:7000
	listen plain
		bind 10.1.$1.2:7001
		server far 10.2.$1.2:7001
	END
	start "relay$1" nsenter --net="/run/netns/relay$1" \
	    haproxy -db -f "$work/relay$1.conf"
	await 5 "relay $1" relay_listens "$1"
}

relay_listens() {
	[ -n "$(inside "relay$1" ss -Hltn 'sport = :7000')" ]
}

end_links() {
	local name

	for name in "${!pid[@]}"; do
		stop "$name"
	done
	for name in near far $(seq -f 'relay%.0f' "$relays"); do
		ip netns del "$name"
	done
	ip netns add near
	socktopus_logs=()
	relays=0
}

# --- what plain connections carry ---------------------------------------------

# measure_plain COUNT [CONGESTION]: COUNT connections through each relay, all
# at once; $sum and $best (of one relay) in Mbit/s of payload.
measure_plain() {
	local i n targets=()

	for ((i = 1; i <= relays; i++)); do
		for ((n = 0; n < $1; n++)); do
			targets+=("10.1.$i.2" 7001)
		done
	done
	start plain.sink nsenter --net=/run/netns/far "$bulk" sink -p 7001 \
	    -n $((relays * $1)) -w "$links_warm_s" -t "$links_seconds"
	await_line 5 plain.sink '^port='
	start plain nsenter --net=/run/netns/near "$bulk" send \
	    ${2:+-C "$2"} "${targets[@]}"
	finish plain.sink 60
	stop plain
	sum=$(value plain.sink mbit_per_s)
	best=$(sed -n 's/^flow=\(.*\):[0-9]* \(.*\)/\1 \2/p' \
	    "$work/plain.sink.log" |
	    awk '{ s[$1] += $2 } END { for (i in s) if (s[i] > m) m = s[i];
		print m + 0 }')
}

# --- the tunnel ---------------------------------------------------------------

# start_tunnel TUNNEL_KEYS PATH_KEYS [MORE_PATHS]: keys as in the file.
start_tunnel() {
	local i paths=() path_keys=${2:-}

	make_key near
	make_key far
	begin_file listener far <<-END
	listen = ( "0.0.0.0:7000" );
	peers = ( { name = "near"; key = "$(cat "$work/near.pub")"; } );
	END
	wrap=(nsenter --net=/run/netns/far)
	start_file listener
	await_line 10 listener "$log_listening"
	for ((i = 1; i <= relays; i++)); do
		paths+=("{ uri = \"tcp://10.1.$i.2:7000\"; $path_keys }")
	done
	begin_file connector near <<-END
	peers = ( { name = "far"; key = "$(cat "$work/far.pub")"; } );
	tunnels = ( { name = "bench"; peer = "far"; direct = false;
	    destination = "tcp://10.1.1.2:7000";
	    local = "5140:5141"; remote = "5142:5143"; ${1:-}
	    paths = ( $(IFS=,; echo "${paths[*]}") ${3:-} ); } );
	END
	wrap=(nsenter --net=/run/netns/near)
	start_file connector
	wrap=()
}

stop_tunnel() {
	stop connector
	stop listener
	socktopus_logs=()
}

# begin_load MBIT SECONDS: the sink's report is in ${sink}.log.
begin_load() {
	runs=$((runs + 1))
	sink=sink$runs sender=sender$runs series=$work/series$runs
	start "$sink" nsenter --net=/run/netns/far "$dgram" sink \
	    -a 127.0.0.1 -p 5143 -b 33554432 -i "$links_idle_s" \
	    -t $(($2 + 120)) \
	    -w "$links_warm_s" -o "$series"
	await_line 5 "$sink" '^port='
	start "$sender" nsenter --net=/run/netns/near "$dgram" send \
	    -a 127.0.0.1 -p 5141 -s "$datagram_bytes" -r "$1Mbit" -t "$2" \
	    127.0.0.1 5140
}

# What was sent at last is not seen by the sink: losses count against $sent.
end_load() {
	finish "$sender" 120
	sent=$(value "$sender" sent)
	finish "$sink" 30
	total_lost=$((sent - $(value "$sink" distinct)))
}

# load MBIT: for as long as is measured.
load() {
	begin_load "$1" $((links_warm_s + links_seconds))
	end_load
}

# The longest delay of a datagram before, or from, a time in ms.
delay_before() {
	awk -v t="$1" -v w="$2" '$1 < t && $1 >= t - w && $4 > m { m = $4 }
	    END { print m + 0 }' "$series"
}

delay_from() {
	awk -v t="$1" '$1 >= t && $4 > m { m = $4 } END { print m + 0 }' \
	    "$series"
}

# recovery_ms TIME MBIT: from then until the rate is there again and holds for
# 200 ms.
recovery_ms() {
	awk -v t="$1" -v want="$2" '
		$1 >= t { bytes[last = int(($1 - t) / 20)] += $3 }
		END {
			for (i = 0; i + 10 <= last; i++) {
				sum = 0
				for (k = 0; k < 10; k++)
					sum += bytes[i + k]
				if (sum * 8 / 200 / 1000 >= want) {
					print i * 20
					exit
				}
			}
			print 99999
		}' "$series"
}

times() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a * b }'
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b > 0 ? a / b : 0) }'
}

difference() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'
}
