#!/bin/bash
# socktopusctl probe: where a chain ends and why, and what a good one can do.
. "$(dirname "$0")/lib.sh"
need socat jq

# Probes are cut off where they are, and a relay may be slower than a CLOSE.
expect_problem "$log_path_down"
make_key near
make_key far
make_key stranger
(umask 077 && "$build/socktopusctl" genpsk >"$work/psk.key")
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = (
    { name = "prober"; key = "$(public_key near)"; psk = "$work/psk.key"; }
);
END
start_file listener
await_listening listener
listener=127.0.0.1:${port[listener]}
relay_socat socat 127.0.0.1 "${port[listener]}"

# probe NAME STATUS ARGUMENT...: with -j; the result is in probe.NAME.log
probe() {
	local name=$1 expected=$2

	shift 2
	start "probe.$name" "$build/socktopusctl" probe -j "$@"
	finish "probe.$name" 40
	[ "$status" = "$expected" ] ||
	    fail "$name: exit status $status: $(cat "$work/probe.$name.log")"
}

keyed=(-i "$work/near.key" -k "$(public_key far)" -p "$work/psk.key")

# holds NAME FILTER: what jq makes of it is true
holds() {
	jq -e "$2" "$work/probe.$1.log" >/dev/null ||
	    fail "$1: not $2: $(cat "$work/probe.$1.log")"
}

fails_with() {
	# shellcheck disable=SC2053 # a pattern
	[[ $(jq -r .failure "$work/probe.$1.log") == $2 ]] ||
	    fail "$1: $(cat "$work/probe.$1.log")"
	note "$1: $(jq -r .failure "$work/probe.$1.log")"
}

is_measured() {
	holds "$1" '.ok and .failure == null and .handshake_ms > 0'
	holds "$1" '.round_trip.answers > 5 and .round_trip.least_ms > 0'
	holds "$1" '.rate > 0 and .queued_bytes >= 0'
	note "$1: $(jq -c '[.round_trip.mean_ms, .rate, .queued_bytes]' \
	    "$work/probe.$1.log")"
}

probe direct 0 "${keyed[@]}" -n 2 "tcp://$listener"
is_measured direct
holds direct '.connections == 2 and .rate_of_all > 0'
holds direct '[.steps[].what] | index("connect tcp://'"$listener"'") != null'
probe socat 0 "${keyed[@]}" -n 1 "tcp://127.0.0.1:${port[socat]}"
holds socat '.ok and .rate > 0 and .rate_of_all == null'

# A relay of 500 kB/s for each connection: the rate shows, and what stands in
# front of it, and that four connections are worth four.
relay_faulty slow 127.0.0.1 "${port[listener]}" -r 500000
probe slow 0 "${keyed[@]}" "tcp://127.0.0.1:${port[slow]}" -n 4
holds slow '.rate_of_all > 3 * .rate'
holds slow '.rate > 250000 and .rate < 1000000'
holds slow '.queued_bytes > 100000'
holds slow '.round_trip_loaded.most_ms > .round_trip.mean_ms + 100'
note "slow: $(jq -c '[.rate, .rate_of_all, .queued_bytes,
    .round_trip_loaded.most_ms]' \
    "$work/probe.slow.log")"

# The answer of the listener is there before a probe that was kept waiting
# has heard that the connection stands.
cat >"$work/proxy.sh" <<END
while read -r line && [ "\${#line}" -gt 1 ]; do :; done
touch "$work/asked"
until [ -e "$work/go" ]; do sleep 0.02; done
printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'
exec socat - "TCP:$listener"
END
start_on_port proxy socat TCP-LISTEN:PORT,bind=127.0.0.1,reuseaddr,fork \
    "EXEC:bash $work/proxy.sh"
has_answer() {
	[ "$(ss -Htin "dport = :${port[proxy]}" |
	    sed -n 's/.* bytes_received:\([0-9]*\).*/\1/p')" -gt 100 ]
} 2>/dev/null
start probe.late "$build/socktopusctl" probe -j "${keyed[@]}" -n 1 \
    "http://127.0.0.1:${port[proxy]}" --to "$listener"
await 5 'request to the proxy' test -e "$work/asked"
kill -STOP "${pid[probe.late]}"
touch "$work/go"
await 5 'answer of the listener' has_answer
kill -CONT "${pid[probe.late]}"
finish probe.late 40
holds late '.ok and .handshake_ms > 0 and .handshake_ms < 60000'

# Of several the one that failed is told, not one that was not ready then.
cat >"$work/door.sh" <<END
for turn in 1 2; do
	if mkdir "$work/turn.\$turn" 2>/dev/null; then
		[ "\$turn" = 1 ] || exec cat >/dev/null
		exec socat - "TCP:$listener"
	fi
done
END
start_on_port door socat TCP-LISTEN:PORT,bind=127.0.0.1,reuseaddr,fork \
    "EXEC:bash $work/door.sh"
probe door 1 "${keyed[@]}" -n 3 "tcp://127.0.0.1:${port[door]}"
holds door '.rate > 0 and .rate_of_all == null'
fails_with door '*closed by the other side*'

# Without keys only the way is tried.
probe keyless 0 "tcp://$listener"
holds keyless '.ok and .handshake_ms == null and .rate == null'

probe refusing 1 "tcp://127.0.0.1:$(free_ports 1)"
fails_with refusing 'connect tcp://127.0.0.1:*: Connection refused'
probe nameless 1 tcp://no-such-name.invalid
fails_with nameless 'resolve tcp://no-such-name.invalid:23461: *'
holds nameless '[.steps[].what] | any(startswith("resolve "))'
probe stranger 1 -i "$work/stranger.key" -k "$(public_key far)" \
    "tcp://$listener"
fails_with stranger '*closed by the other side*key that it does not know*'
probe silent_key 1 "${keyed[@]:0:2}" -k "$(public_key stranger)" \
    "tcp://$listener"
fails_with silent_key '*closed by the other side*'
relay_faulty flip 127.0.0.1 "${port[listener]}" -m flip -d down -n 200
probe flip 1 "${keyed[@]}" "tcp://127.0.0.1:${port[flip]}"
fails_with flip 'frame failed to open*'

# Proxies: a hop that works, and one that refuses, with its words.
if command -v microsocks >/dev/null; then
	start_on_port socks microsocks -i 127.0.0.1 -p PORT
	socks=socks://127.0.0.1:${port[socks]}
	probe socks 0 "${keyed[@]}" -n 1 "$socks" --to "$listener"
	is_measured socks
	holds socks "[.steps[].what] | index(\"hop 1 $socks\") != null"
	probe socks_refused 1 "$socks" --to "127.0.0.1:$(free_ports 1)"
	fails_with socks_refused "hop 1 $socks: *"
fi
if command -v tinyproxy >/dev/null; then
	cat >"$work/http.conf" <<-END
	Port PORT
	Listen 127.0.0.1
	Allow 127.0.0.1
	BasicAuth user secret-word
	END
	start_on_port http tinyproxy -d -c "$work/http.conf"
	http=http://127.0.0.1:${port[http]}
	probe http 0 "${keyed[@]}" -n 1 "http://user:secret-word@${http#*//}" \
	    --to "$listener"
	is_measured http
	(umask 077 && echo user:secret-word >"$work/auth")
	probe http_auth 0 -a "$work/auth" "$http" --to "$listener"
	probe http_no_auth 1 -a "$work/none" "$http" --to "$listener"
	probe http_refused 1 "http://user:other-word@${http#*//}" \
	    --to "$listener"
	fails_with http_refused "hop 1 $http: *40[17]*"
	if grep -l -e secret-word -e other-word "$work"/*.log; then
		fail 'a password is shown'
	fi
fi
if command -v microsocks >/dev/null && command -v tinyproxy >/dev/null; then
	probe chain 0 "${keyed[@]}" -n 1 \
	    "$socks,http://user:secret-word@${http#*//}" --to "$listener"
	holds chain ".ok and .rate > 0 and ([.steps[].what] |
	    index(\"hop 1 $socks\") != null and index(\"hop 2 $http\") != null)"
	probe chain_refused 1 "$socks,http://x:y@${http#*//}" --to "$listener"
	fails_with chain_refused "hop 2 $http: *"
fi

# For people, and what is wrong to ask.
"$build/socktopusctl" probe "${keyed[@]}" -n 1 "tcp://$listener" \
    >"$work/people.log" || fail 'no table'
for row in 'connect tcp://' handshake 'round trip' 'one connection' \
    'more delay under load'; do
	grep -q "^$row" "$work/people.log" || fail "no row '$row'"
done
for wrong in '' '-k x tcp://a' 'socks://a' 'nonsense://a' 'tcp://a tcp://b' \
    '-n 0 tcp://a' '-n 33 tcp://a' '-x tcp://a' "-p x tcp://a"; do
	# shellcheck disable=SC2086
	"$build/socktopusctl" probe $wrong >"$work/wrong.log" 2>&1
	[ $? = 2 ] || fail "probe $wrong: not a usage error"
done
! grep -E 'OPEN|bound to .*udp' "$work/listener.log" ||
    fail 'the listener did more than answer'
