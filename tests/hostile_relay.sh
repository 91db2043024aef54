#!/bin/bash
# Relays that lie: each fault ends its path with a reason, the tunnel goes on
# over the direct path, and nothing wrong is ever delivered.
. "$(dirname "$0")/lib.sh"
need jq

expect_problem "$log_path_down"
start_listener listener

# at_fault NAME END REASON [OPTION...]: a tunnel with the direct path and the
# faulty relay, under load both ways while the fault happens. END, connector or
# listener, logs the REASON.
at_fault() {
	local name=$1 where=${2/connector/$1} reason=$3

	shift 3
	pick_tuple
	relay_faulty "relay.$name" 127.0.0.1 "${port[listener]}" "$@"
	socktopus "$name" UDPLOC="$loc" UDPREM="$rem" -- \
	    "tcp://127.0.0.1:${port[listener]}" \
	    "tcp://127.0.0.1:${port["relay.$name"]}"
	await 10 "direct path of $name" direct_is_up "$name"
	start echo "$dgram" echo -a 127.0.0.1 -p "$far"
	await_line 5 echo '^port='
	start "$name.ping" "$dgram" ping -a 127.0.0.1 -p "$near" -s 100-9000 \
	    -r 3000 -t 60 127.0.0.1 "$local"
	await_line 20 "relay.$name" "${fault:-^fault}"
	await_line 20 "$where" "down: $reason"
	await 10 "last error of $name" has_last_error "$name"
	await 10 "answers at $name" has_delivered "$name" 100
	stop "$name.ping"
	stop echo
	[ "$(value "$name.ping" received)" -gt 0 ] ||
	    fail "$name: nothing came back"
	expect "$name.ping" corrupt 0
	expect "$name.ping" duplicates 0
	direct_stands "$name" || fail "$name: the direct path is down"
	[ "$(query "$name" '.tunnels[0].paths[0].restarts')" = 0 ] ||
	    fail "$name: the direct path was restarted"
	note "$name: $(query "$name" '.tunnels[0].paths[1].last_error')"
	stop "$name"
	stop "relay.$name"
}

has_last_error() {
	query "$1" '.tunnels[0].paths[1].last_error // ""' | grep -q .
}

seal='.*(seal|open|verify|length)'
at_fault reset connector '.*(reset|closed)' -m reset -n 20000
at_fault garbage_at_once connector '.*' -m garbage -d down -n 0
at_fault garbage_up listener "$seal" -m garbage -n 20000
at_fault garbage_down connector "$seal" -m garbage -d down -n 20000
at_fault flip_up listener "$seal" -m flip -n 20000
at_fault flip_down connector "$seal" -m flip -d down -n 20000
at_fault replay_up listener "$seal" -m replay -n 5
at_fault replay_down connector "$seal" -m replay -d down -n 5
at_fault reorder_up listener "$seal" -m reorder -n 5
at_fault reorder_down connector "$seal" -m reorder -d down -n 5
at_fault handshake connector '.*(verify|seal|closed)' -m flip -d down -n 40
fault='^accepted' at_fault silent connector '.*no answer' -m silent
