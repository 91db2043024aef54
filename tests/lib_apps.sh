# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # of lib.sh and lib_links.sh
#
# Sourced behind lib_links.sh by the tests with applications: the files of
# etc/applications, each over a tunnel of its own through four relays.

recipes=$tests/../etc/applications

# app_file NAME [WORD VALUE]...: the recipe with its words replaced, in
# $work/NAME.
app_file() {
	local name=$1 script=

	shift
	while [ $# -gt 0 ]; do
		script+="s|@$1@|$2|;"
		shift 2
	done
	sed "$script" "$recipes/$name" >"$work/$name"
	! grep -q '@[A-Z_]*@' "$work/$name" || fail "$name: a word is left"
}

# The tunnel's ends, as the recipe tells them.
ends_of() {
	sed -n 's/^#[[:space:]]*\(local = .*; remote = .*;\)$/\1/p' \
	    "$recipes/$1"
}

# start_app_tunnel FILE [KEYS]: through all relays, with keys of the tunnel.
start_app_tunnel() {
	local i ends paths=()

	ends=$(ends_of "$1")
	[ -n "$ends" ] || fail "$1 does not tell its ends"
	make_key near
	make_key far
	begin_file listener far <<-END
	listen = ( "0.0.0.0:7000" );
	peers = ( { name = "near"; key = "$(public_key near)"; } );
	END
	wrap=(nsenter --net=/run/netns/far)
	start_file listener
	await_line 10 listener "$log_listening"
	for ((i = 1; i <= relays; i++)); do
		paths+=("{ uri = \"tcp://10.1.$i.2:7000\"; }")
	done
	begin_file connector near <<-END
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "app"; peer = "far"; direct = false;
	    destination = "tcp://10.1.1.2:7000"; $ends ${2:-}
	    paths = ( $(IFS=,; echo "${paths[*]}") ); } );
	END
	wrap=(nsenter --net=/run/netns/near)
	start_file connector
	wrap=()
	await_paths connector "$relays"
	start echo nsenter --net=/run/netns/far "$dgram" echo -a 0.0.0.0 \
	    -p 7007
}

# forward_tcp PORT: what ssh -L would do, beside the tunnel, and as soon: what is
# small does not wait for the answer to what was before.
forward_tcp() {
	start "forward.near" nsenter --net=/run/netns/near socat \
	    "TCP-LISTEN:$1,bind=127.0.0.1,fork,reuseaddr,nodelay" \
	    TCP:10.1.1.2:7001,nodelay
	start "forward.far" nsenter --net=/run/netns/far socat \
	    TCP-LISTEN:7001,fork,reuseaddr,nodelay "TCP:127.0.0.1:$1,nodelay"
	await 5 "forwarded port" has_port near "$1"
	await 5 "forwarded port" has_port far 7001
}

has_port() {
	[ -n "$(inside "$1" ss -Hltn "sport = :$2")" ]
}

# Something comes back from that address of the far host.
answers() {
	inside near "$dgram" ping -n 1 -i 1 -t 1 "$1" 7007 2>/dev/null |
	    grep -q '^received=1$'
}

# measure_tcp ADDRESS SECONDS [OPTION...]: through the interface, in Mbit/s.
measure_tcp() {
	local address=$1 seconds=$2

	shift 2
	start iperf.server nsenter --net=/run/netns/far iperf3 -s -1 \
	    -B "$address"
	await 5 "iperf3's server" has_port far 5201
	start iperf nsenter --net=/run/netns/near iperf3 -J -c "$address" \
	    -t "$seconds" "$@"
	finish iperf $((seconds + 20))
	[ "$status" = 0 ] || fail "iperf3: $(cat "$work/iperf.log")"
	stop iperf.server
	mbit=$(jq '.end.sum_received.bits_per_second / 1e6 | floor' \
	    "$work/iperf.log")
}

# Every path has carried some of it.
expect_all_paths() {
	[ "$(query connector '[.tunnels[].paths[] |
	    select(.tx_datagrams > 10)] | length')" = "$relays" ] ||
	    fail "not all paths were used"
}
