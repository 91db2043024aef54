#!/bin/bash
# README.md, by the letter: its commands run on hosts with systemd, in the
# order in which they stand there, and a datagram arrives in the end. What
# stands before a block names its hosts:
#
#	<!-- at: HOST... -->			run it as it is, on each
#	<!-- at: HOST, a terminal each -->	its lines stay; the last may end
. "$(dirname "$0")/lib.sh"
. "$tests/lib_hosts.sh"
need awk socat microsocks nc jq make ss pgrep
need_hosts
! grep -q __asan_init "$build/socktopus" ||
    skip "the units forbid what a sanitizer needs"

# Block N in block.N, and its hosts in hosts.N.
blocks=$(awk -v work="$work" '
	/^<!-- at: .* -->$/ {
		sub(/^<!-- at: /, ""); sub(/ -->$/, ""); hosts = $0
	}
	/^```$/ { inside = 0 }
	inside { print >file }
	/^```sh$/ && hosts != "" {
		file = work "/block." ++n
		print hosts >(work "/hosts." n)
		hosts = ""
		inside = 1
	}
	END { print n + 0 }' "$tests/../README.md")
[ "$blocks" -ge 10 ] || fail "$blocks blocks in README.md"

names=(desk collector sender relay1 relay2 relay3)
name_hosts "${names[@]}"
for host in "${names[@]}"; do
	boot "$host"
done
note "${#names[@]} hosts with systemd"

has_socket() {
	[ -n "$(on "$1" ss -Hln"$2" "sport = :$3")" ]
}

# settle NAME HOST COMMAND: as somebody would wait before he goes on.
settle() {
	local at=${3##* }

	case $3 in
	*'./socktopus tcp'*) await_line 10 "$1" "$log_path_up" ;;
	*./socktopus) await_line 10 "$1" "$log_listening" ;;
	socat*) await 5 "relay" has_socket "$2" t 23461 ;;
	microsocks*) await 5 "proxy" has_socket "$2" t "$at" ;;
	'nc -u -l'*)
		await 5 "application" has_socket "$2" u "$at"
		application[$at]=$1
		;;
	esac
}

declare -A application=()
terminals=0
in_terminals() {
	local host=$1 line

	while IFS= read -r line; do
		terminals=$((terminals + 1))
		start "terminal$terminals" on "$host" \
		    bash -c "cd '$build' && $line"
		settle "terminal$terminals" "$host" "$line"
	done <"$2"
}

# The keys are what somebody would copy.
in_turn() {
	local host=$1

	sed -i "s|THE SENDER'S PUBLIC KEY|$(key_of sender)|
	    s|THE COLLECTOR'S PUBLIC KEY|$(key_of collector)|" "$2"
	on "$host" bash -euc "cd '$build'; . /dev/stdin" <"$2" \
	    >"$work/$host.out" 2>&1 || {
		cat "$work/$host.out"
		fail "at $host: $(cat "$2")"
	}
	tail -n 1 "$work/$host.out" | grep -E '^[A-Za-z0-9+/]{43}=$' \
	    >"$work/$host.shown" && mv "$work/$host.shown" "$work/$host.pub"
}

key_of() {
	cat "$work/$1.pub" 2>/dev/null
}

began=$(now_ms)
for ((n = 1; n <= blocks; n++)); do
	places=$(cat "$work/hosts.$n")
	for host in ${places%%,*}; do
		case $places in
		*,*) in_terminals "$host" "$work/block.$n" ;;
		*) in_turn "$host" "$work/block.$n" ;;
		esac
	done
done
note "$blocks blocks, $(($(now_ms) - began)) ms"

# heard PORT: the application's terminal.
heard() {
	grep -q '^hello' "$work/${application[$1]}.log"
}

await 5 "hello in the shortest example" heard 1236
await 5 "hello over the relays" heard 5143

paths() {
	on sender socktopusctl status -j |
	    jq -r '.tunnels[].paths[] | select(.state == "up") | .uri'
}
all_up() {
	[ "$(paths | wc -l)" = 7 ]
}
await 15 "seven paths" all_up
for relay in tcp://relay1 tcp://relay2 socks://relay3 tcp://collector; do
	paths | grep -q "^$relay" || fail "no path over $relay: $(paths)"
done
note "seven paths up"

# What the page says of the service.
in_journal() {
	on "$1" journalctl -q -o cat -p notice -t socktopus \
	    SOCKTOPUS_TUNNEL=logs | grep -qx 'engine: logs: up'
}
for host in collector sender; do
	await 5 "tunnel in the journal of $host" in_journal $host
	on $host systemctl stop socktopus || fail "$host: stop"
	[ "$(on $host systemctl show -P Result socktopus)" = success ] ||
	    fail "$host: $(on $host systemctl status --no-pager socktopus)"
done
