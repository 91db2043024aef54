#!/bin/bash
# Network interfaces over four paths: VTun, OpenVPN and WireGuard by the
# recipes, with iperf3 through each in both directions.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"
# shellcheck source-path=SCRIPTDIR source=lib_apps.sh
. "$tests/lib_apps.sh"
need_links
need iperf3 socat

seconds=${TEST_LONG:+20}
seconds=${seconds:-2}
rate=20 # Mbit/s of each of the four
links=()
for delay in 3 4 5 6; do
	links+=("delay=${delay}ms rate=${rate}Mbit queue=50ms")
done
make_links "${links[@]}"
shown=0

# have PROGRAM...: or note that an application is not shown.
have() {
	local program

	for program in "$@"; do
		command -v "$program" >/dev/null && continue
		note "not shown: there is no $program"
		return 1
	done
	shown=$((shown + 1))
}

# measure NAME ADDRESS: more than one path alone could, both ways.
measure() {
	await 20 "$1's interface" answers "$2"
	thrice carries_more "$1" "$2" there
	thrice carries_more "$1" "$2" back -R
	expect_all_paths
}

# carries_more NAME ADDRESS WHERE [OPTION]
carries_more() {
	measure_tcp "$2" "$seconds" -P 4 "${@:4}"
	note "$1: TCP over the interface: $mbit Mbit/s $3, of $relays x $rate"
	[ "$mbit" -gt "$rate" ] ||
	    miss "$1: $mbit Mbit/s, no more than one path's $rate"
}

end_app() {
	local name

	# Who is stopped says so, unless a worker has no time to.
	expect_problem "$log_path_down.*connection: "
	for name in "$@" echo connector listener; do
		stop "$name"
	done
}

if have vtund; then
	start_app_tunnel vtund-listener.conf 'reorder = 20;'
	app_file vtund-listener.conf PASSWORD 'only-for-the-test'
	app_file vtund-connector.conf PASSWORD 'only-for-the-test'
	mkdir -p /run/vtund /run/lock/vtund
	forward_tcp 5000
	start vtun.far nsenter --net=/run/netns/far vtund -n -s \
	    -f "$work/vtund-listener.conf" -P 5000 -L 127.0.0.1
	await 5 "vtund" has_port far 5000
	start vtun.near nsenter --net=/run/netns/near vtund -n -p \
	    -f "$work/vtund-connector.conf" -P 5000 socktopus 127.0.0.1
	measure VTun 10.9.1.1
	end_app vtun.near vtun.far forward.near forward.far
fi

make_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -days 30 -subj /CN=socktopus -keyout "$work/$1.vpn.key" \
	    -out "$work/$1.vpn.crt" 2>/dev/null
}

fingerprint() {
	openssl x509 -in "$work/$1.vpn.crt" -noout -sha256 -fingerprint |
	    sed 's/.*=//'
}

# openvpn_at HOST OTHER FILE
openvpn_at() {
	app_file "$3" CERTIFICATE "$work/$1.vpn.crt" KEY "$work/$1.vpn.key" \
	    FINGERPRINT "$(fingerprint "$2")"
	start "openvpn.$1" nsenter "--net=/run/netns/$1" \
	    openvpn --config "$work/$3"
}

if have openvpn openssl; then
	start_app_tunnel openvpn-listener.conf 'reorder = 20;'
	make_certificate near
	make_certificate far
	openvpn_at far near openvpn-listener.conf
	openvpn_at near far openvpn-connector.conf
	measure OpenVPN 10.9.2.1
	end_app openvpn.near openvpn.far
fi

# wireguard_at HOST OTHER FILE ADDRESS
wireguard_at() {
	app_file "$3" PRIVATE_KEY "$(cat "$work/$1.wg.key")" \
	    PEER_KEY "$(wg pubkey <"$work/$2.wg.key")"
	start "wireguard.$1" nsenter "--net=/run/netns/$1" \
	    wireguard-go -f "wg.$1"
	await 10 "wireguard-go" test -S "/run/wireguard/wg.$1.sock"
	inside "$1" wg setconf "wg.$1" "$work/$3"
	ip -n "$1" address add "$4/24" dev "wg.$1"
	ip -n "$1" link set "wg.$1" up
}

if have wireguard-go wg; then
	start_app_tunnel wireguard-listener.conf 'reorder = 20;'
	(umask 077 && wg genkey >"$work/near.wg.key")
	(umask 077 && wg genkey >"$work/far.wg.key")
	wireguard_at far near wireguard-listener.conf 10.9.3.1
	wireguard_at near far wireguard-connector.conf 10.9.3.2
	measure WireGuard 10.9.3.1
	end_app wireguard.near wireguard.far
fi
[ "$shown" -gt 0 ] || skip "none of the applications is here"
