#!/bin/bash
# Relays that hold what they carry, from a frame on or from the middle of one,
# and let it go later. What was held goes out again on the other path, so that
# nothing is lost, comes twice, or is later than that takes; what is let go for
# a path that has ended reaches nobody. With TEST_LONG it is held for minutes.
. "$(dirname "$0")/lib.sh"
need jq pgrep

long=4 # more than `dead`, and less than the listener's 5 s
[ -z "${TEST_LONG:-}" ] || long=150
# A path must not end before something is held on it.
dead="dead = $((${E2E_PATIENCE:-1} < 3 ? ${E2E_PATIENCE:-1} : 3));"
late_ms=$((1500 * ${E2E_PATIENCE:-1}))
expect_problem "$log_path_down" 'connection from [^ ]*: '
listen_for near

names=() tunnels=
declare -A ports=()
# begin NAME KEYS OPTION...: the first connection through its relay is held.
begin() {
	local name=$1 keys=$2

	shift 2
	names+=("$name")
	pick_tuple
	ports[$name]="$near $local $far"
	relay_faulty "relay.$name" 127.0.0.1 "${port[listener]}" -c 1 "$@"
	tunnels+="${tunnels:+, }{ name = \"$name\"; peer = \"listener\"; $keys
	    local = \"$loc\"; remote = \"$rem\"; direct = false;
	    destination = \"tcp://127.0.0.1:${port[listener]}\"; paths = (
	    { uri = \"tcp://127.0.0.1:${port["relay.$name"]}\"; },
	    { uri = \"tcp://127.0.0.1:${port[listener]}\";
		backup = true; } ); }"
}

# Frame 0 is the handshake's message, 1 is OPEN or its answer.
begin hold_up "$dead" -t "$long" -m hold -n 30
begin half_up "$dead" -t "$long" -m half -n 30
begin hold_down "$dead" -t "$long" -m hold -d down -n 5
begin half_down "$dead" -t "$long" -m half -d down -n 5
begin hold_both "$dead" -t "$long" -m half -d both -n 5
begin in_order "$dead reorder = 100;" -t "$long" -m half -n 30
begin patient 'dead = 20;' -t 3 -m half -n 30
begin not_again 'dead = 20; resend = false;' -t 3 -m hold -n 30
begin message1 '' -t "$long" -m half -n 0
begin message2 '' -t "$long" -m half -d down -n 0
begin opening '' -t "$long" -m half -n 1
begin accepted '' -t "$long" -m half -d down -n 1

begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( $tunnels );
END
start_file connector

# path NAME: the one through the relay.
path() {
	echo ".tunnels[] | select(.name == \"$1\").paths[0]"
}

is_up() {
	[ "$(query connector "[.tunnels[] | select(.name == \"$1\").paths[] |
	    select(.state == \"up\")] | length >= ${2:-1}")" = true ]
}

declare -A engine=() fds=() memory=()
descriptors() {
	find "/proc/${engine[$1]}/fd" -mindepth 1 2>/dev/null | wc -l
}

memory_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/${engine[$1]}/status"
}

for name in "${names[@]}"; do
	await 20 "a path of $name" is_up "$name"
	read -r from to at <<<"${ports[$name]}"
	start "$name.sink" "$dgram" sink -a 127.0.0.1 -p "$at" -i 600
	await_line 5 "$name.sink" '^port='
	start "$name.send" "$dgram" send -a 127.0.0.1 -p "$from" -r 200 \
	    -s 100-1400 127.0.0.1 "$to"
done
for name in "${names[@]}"; do
	await_line 20 "relay.$name" '^holds'
done
for name in listener connector; do
	engine[$name]=$(engine_of "$name")
	fds[$name]=$(descriptors "$name")
	memory[$name]=$(memory_kib "$name")
done
for name in "${names[@]}"; do
	await $((long + 10)) "release at relay.$name" \
	    has_line "relay.$name" '^fault'
done
for name in "${names[@]}"; do
	await 60 'both paths' is_up "$name" 2
done

for name in "${names[@]}"; do
	stop "$name.send"
done
for name in "${names[@]}"; do
	await 20 "end of what is under way in $name" has_settled "$name"
	stop "$name.sink" INT
	came=$(value "$name.sink" received)
	sent=$(value "$name.send" sent)
	most=$(value "$name.sink" delay_max_ms)
	drops=$(unread "$name")
	restarts=$(query connector "$(path "$name").restarts")
	note "$name: $came of $sent came, the last after $most ms;" \
	    "$restarts restarts:" \
	    "$(query connector "$(path "$name").last_error")"
	expect "$name.sink" corrupt 0
	expect "$name.sink" duplicates 0
	[ $((came + drops)) -ge "$sent" ] || fail "$name: $drops not taken"
	case $name in
	not_again)
		awk -v is="$most" 'BEGIN { exit is < 2500 }' ||
		    fail "$name: nothing was held"
		;;
	*)
		awk -v is="$most" -v may="$late_ms" 'BEGIN { exit is > may }' ||
		    fail "$name: it came late"
		;;
	esac
	case $name in
	hold_* | half_* | in_order)
		[ "$restarts" -ge 1 ] || fail "$name: the path did not end"
		;;
	patient | not_again)
		[ "$restarts" = 0 ] || fail "$name: the path did end"
		;;
	esac
done

holds_no_more() {
	[ "$(descriptors "$1")" -le $((fds[$1] + ${#names[@]} * 4)) ]
}
for name in listener connector; do
	await 15 'descriptors back' holds_no_more "$name"
	[ "$(engine_of "$name")" = "${engine[$name]}" ] ||
	    fail "$name: the engine died"
	note "$name: ${fds[$name]} descriptors, now $(descriptors "$name");" \
	    "${memory[$name]} KiB, now $(memory_kib "$name")"
	! grep -q __asan_init "$build/socktopus" || continue
	# A tunnel keeps some of what it sent, up to its `history`.
	[ "$(memory_kib "$name")" -le $((memory[$name] + ${#names[@]} * 4096)) ] ||
	    fail "$name: memory grows"
done
