#!/bin/bash
# A pool of twelve relays, of which three are slow, one changes what it carries
# and one is dead: after a while four good ones are in service and the traffic
# never stopped.
. "$(dirname "$0")/lib.sh"
need jq

expect_problem "$log_path_down" 'frame failed to open'
listen_for connector

declare -A kind
uris=

# add_relay KIND NAME [OPTION...]
add_relay() {
	local what=$1 name=$2

	shift 2
	relay_faulty "$name" 127.0.0.1 "${port[listener]}" "$@"
	kind[$name]=$what
	uris+="${uris:+, }\"tcp://127.0.0.1:${port[$name]}\""
}

# The bad ones come first.
port[dead]=$(free_ports 1)
uris="\"tcp://127.0.0.1:${port[dead]}\""
for n in 1 2 3; do
	add_relay slow "slow$n" -r 40000
done
# In its answers to a trial: how much else comes down is the scheduler's choice.
add_relay forger forger -m flip -d down -n 450
for n in 1 2 3 4 5 6 7; do
	add_relay good "good$n"
done

pick_tuple
begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "logs"; peer = "listener"; direct = false;
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem";
    pool = { use = 4; uris = ( $uris ); }; } );
END
start_file connector
is_up() {
	[ "$(query connector '.tunnels[0].state')" = up ]
}

await 10 'first path' is_up

start sink "$dgram" sink -a 127.0.0.1 -p "$far" -i 20 -t 240 -s 200-1400
await_line 5 sink '^port='
start send "$dgram" send -a 127.0.0.1 -p "$near" -t 220 -r 2000 -s 200-1400 \
    127.0.0.1 "$local"

# ports_where FILTER: the ports of the paths for which it holds
ports_where() {
	query connector ".tunnels[0].paths[] | select($1) |
	    .uri | sub(\".*:\"; \"\")"
}

# Four serve, all of them good, and are up; all of them were looked at.
is_settled() {
	local serving name

	serving=" $(ports_where '.role == "serving" and .state == "up"' |
	    tr '\n' ' ') "
	[ "$(wc -w <<<"$serving")" = 4 ] || return
	for name in dead slow1 slow2 slow3 forger; do
		[[ $serving != *" ${port[$name]} "* ]] || return
	done
}

has_tried_all() {
	ports_where '.role == "aside"' | grep -qx "${port[forger]}" &&
	    ports_where '.last_error | tostring | test("refused")' |
	    grep -qx "${port[dead]}" &&
	    [ "$(ports_where '.tx_bytes > 0' | wc -l)" = 11 ]
}

await 60 'look at every relay' has_tried_all
await 40 'service of the good ones alone' is_settled
[ "$(paths_up connector)" -le 6 ] || fail 'all are up at once'
query connector '.tunnels[0].paths[] | "\(.uri) \(.state) \(.role)"'

# One in service goes away: another is there at once.
victim=$(ports_where '.role == "serving"' | head -n 1)
for name in "${!kind[@]}"; do
	[ "${port[$name]}" != "$victim" ] || break
done
is_replaced() {
	is_settled && ! ports_where '.role == "serving"' | grep -qx "$victim"
}
stop "$name"
await 5 'replacement' is_replaced
note "$name was stopped"

stop send INT
stop sink INT
[ "$status" = 0 ] || fail 'damaged datagrams'
expect sink corrupt 0
# On a busy machine the kernel may drop before anybody reads.
drops=$(query connector '.tunnels[0].dropped.kernel')
drops=$((drops + $(value sink kernel_drops)))
note "lost $(value sink lost) of $(value send sent), longest gap" \
    "$(value sink gap_max_ms) ms"
[ "$(gap_ms sink send)" -lt $((1000 * ${E2E_PATIENCE:-1})) ] ||
    fail 'the traffic stopped'
[ $(($(value sink lost) - drops)) -lt $(($(value send sent) / 100)) ] ||
    fail 'too much was lost'
