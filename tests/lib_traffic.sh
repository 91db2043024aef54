# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # of lib.sh and of the tests
#
# Sourced by lib.sh: the relays that the end-to-end tests put between the two
# ends, and the datagrams that they send over them.

# --- relays: each has its port in ${port[NAME]} -----------------------------

relay_socat() {
	start "$1" socat -d -d "TCP-LISTEN:0,bind=127.0.0.1,fork,reuseaddr" \
	    "TCP:$2:$3"
	await_line 10 "$1" 'listening on AF='
	port[$1]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
	    "$work/$1.log")
}

relay_xinetd() {
	local family=IPv4

	[[ ${4:-} != *:* ]] || family=IPv6
	cat >"$work/$1.conf" <<-END
	service reflector
	{
		type		= UNLISTED
		socket_type	= stream
		protocol	= tcp
		wait		= no
		user		= $(id -un)
		bind		= ${4:-127.0.0.1}
		flags		= $family
		port		= PORT
		redirect	= $2 $3
		instances	= UNLIMITED
		per_source	= UNLIMITED
		cps		= 1000 1
	}
	END
	start_on_port "$1" xinetd -dontfork -f "$work/$1.conf" \
	    -pidfile "$work/$1.pid" -filelog "$work/$1.xinetd.log"
}

relay_haproxy() {
	cat >"$work/$1.conf" <<-END
	defaults
		mode tcp
		timeout connect 5s
		timeout client 1h
		timeout server 1h
		timeout tunnel 1h
	listen reflector
		bind 127.0.0.1:PORT
		server destination $2:$3
	END
	start_on_port "$1" haproxy -db -f "$work/$1.conf"
}

# relay_faulty NAME HOST PORT [OPTION...]
relay_faulty() {
	local name=$1 host=$2 target=$3

	shift 3
	start "$name" "$faulty_relay" "$@" "$host" "$target"
	await_line 10 "$name" '^port='
	port["$name"]=$(value "$name" port)
}

# --- datagrams ------------------------------------------------------------

# unread TUNNEL: of its datagrams so far, those that the kernel dropped at the
# connector or the listener before they were read, or that found no room.
unread() {
	local node sum=0

	for node in connector listener; do
		sum=$((sum + $(query "$node" "[.tunnels[] |
		    select(.name == \"$1\").dropped |
		    .kernel + .no_room] | add // 0")))
	done
	echo "$sum"
}

# excused: as many are so far, in all that runs here, where there is to be
# patience; else none, since a machine with nothing else to do reads them all.
excused() {
	local node own sum=0

	for node in "${!control[@]}"; do
		[ "${E2E_PATIENCE:-1}" != 1 ] || break
		own=$(query "$node" '[.tunnels[].dropped | .kernel + .no_room] |
		    add // 0')
		sum=$((sum + ${own:-0}))
	done
	echo "$sum"
}

# lost_only_excused NAME BEFORE: since excused told that number, its sink lost no
# more than what the kernel dropped.
lost_only_excused() {
	local more=$(($(excused) - $2))

	# A tunnel that is gone has taken its counts with it.
	[ "$more" -ge 0 ] || more=0
	[ "${E2E_PATIENCE:-1}" = 1 ] ||
	    more=$((more + $(value "$1" kernel_drops)))
	[ "$(value "$1" lost)" -le "$more" ] ||
	    fail "$1: lost $(value "$1" lost), and the kernel dropped $more:
$(cat "$work/$1.log")"
}

# Of packets on their way over the loopback device, in which a flood of
# datagrams leaves the kernel no room for those of others: what a sender has sent
# and nobody has seen. It counts for the whole machine.
backlog_drops() {
	local sum=0 drops

	while read -r _ drops _; do
		sum=$((sum + 0x$drops))
	done </proc/net/softnet_stat
	echo "$sum"
}

# gap_ms SINK SENDER: the longest time in which nothing arrived, less that in
# which nothing was sent: a machine without time for us stops both.
gap_ms() {
	local gap sent_gap

	gap=$(value "$1" gap_max_ms)
	sent_gap=$(value "$2" send_gap_max_ms)
	echo $((${gap%.*} - ${sent_gap%.*}))
}

# books_of TUNNEL [NODE]: of what its application sent, how much came in, and
# whether all of that is accounted for.
books_of() {
	query "${2:-connector}" ".tunnels[] | select(.name == \"$1\") |
	    .ledger.out | \"\(.state) \(.came_in)\""
}

# has_settled TUNNEL [NODE]: nothing is under way any more. What the kernel has
# for an engine that is late shows in its second answer.
has_settled() {
	local before

	before=$(books_of "$@")
	[[ $before = settled* ]] || return
	sleep 0.1
	[ "$(books_of "$@")" = "$before" ]
}

# stands_still NODE FILTER [LEAST]: that number of its status, for most of a
# second; below the least it has not begun to move.
stands_still() {
	local before turn

	before=$(query "$1" "$2")
	[ -n "$before" ] && [ "$before" -ge "${3:-0}" ] || return
	for turn in 1 2 3; do
		sleep 0.3
		[ "$(query "$1" "$2")" = "$before" ] || return
	done
}

# is_waiting LEAST [FILTER]: who sends into that tunnel of the connector, or into
# its only one, having sent so many: what is sent stands still.
is_waiting() {
	stands_still connector "${2:-.tunnels[0]}.sent" "$1"
}

# came_or_too_old COUNT: all of them, in the one tunnel; the latter are $too_old.
came_or_too_old() {
	local came

	too_old=$(query connector '.tunnels[0].dropped.too_old')
	came=$(query listener '.tunnels[] | select(.state == "up").delivered')
	[ $((too_old + came)) = "$1" ]
}

# has_delivered NODE COUNT: in its only tunnel, to the application here.
has_delivered() {
	[ "$(query "$1" '.tunnels[0].delivered')" -ge "$2" ] 2>/dev/null
}

# one_way NAME FROM TO AT [OPTION...]: send from port FROM to port TO, expect
# all at port AT. The options are dgram's; -n is needed.
one_way() {
	local name=$1 from=$2 to=$3 at=$4 before

	shift 4
	before=$(excused)
	start "$name.sink" "$dgram" sink -a "$host" -p "$at" -i 10 -t 60 "$@"
	await_line 5 "$name.sink" '^port='
	start "$name.send" "$dgram" send -a "$host" -p "$from" "$@" "$host" \
	    "$to"
	finish "$name.send" 30
	[ "$status" = 0 ] || fail "$name: the sender failed"
	finish "$name.sink" 60
	expect "$name.sink" corrupt 0
	lost_only_excused "$name.sink" "$before"
	expect "$name.sink" duplicates 0
}

# both_ways NAME [OPTION...]: over the tunnel of pick_tuple.
both_ways() {
	local name=$1

	shift
	one_way "$name.there" "$near" "$local" "$far" "$@"
	expect "$name.there.sink" from "$(shown "$bound")"
	one_way "$name.back" "$far" "$bound" "$near" "$@"
	expect "$name.back.sink" from "$(shown "$local")"
}

shown() {
	case $host in
	*:*) echo "[$host]:$1" ;;
	*) echo "$host:$1" ;;
	esac
}

# traffic NAME TUNNEL: 10 000 datagrams a second for $seconds.
traffic() {
	loaded=$2 unread_before=$(unread "$2")
	start "$1.sink" "$dgram" sink -a 127.0.0.1 -p "$far" -i 600
	await_line 5 "$1.sink" '^port='
	start "$1.send" "$dgram" send -a 127.0.0.1 -p "$near" -r 10k \
	    -t "$seconds" 127.0.0.1 "$local"
}

# traffic_came NAME: how many came is in $came. Where there is to be patience
# the processor may not suffice to send and to read everything: what was not is
# in $missing.
traffic_came() {
	local unsent

	finish "$1.send" 60
	await 20 "end of what is under way in $loaded" has_settled "$loaded"
	stop "$1.sink" INT
	expect "$1.sink" corrupt 0
	came=$(value "$1.sink" received) missing=0
	[ "${E2E_PATIENCE:-1}" != 1 ] || return 0
	unsent=$((10000 * seconds - $(value "$1.send" sent)))
	missing=$(($(unread "$loaded") - unread_before +
	    $(value "$1.sink" kernel_drops) + (unsent > 0 ? unsent : 0)))
}
