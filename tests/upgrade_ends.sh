#!/bin/bash
# Upgrades in place, of both nodes, under every kind of end at once: who was
# learned, clients told apart by one socket and with one each, local sockets
# with a sender that waits, network devices, a pool, a path in the middle of
# its replacement and one that drains. Nothing is lost, and every answer goes to
# the one who asked.
. "$(dirname "$0")/lib.sh"
need jq socat bc

make_key near
make_key far
address=127.0.0.1 permits=

# The nodes may have network devices where they have networks of their own.
make_networks() {
	[ -n "${E2E_ISOLATED:-}" ] && [ -c /dev/net/tun ] && make_far || return
	address=10.9.0.2
	permits=', "tun:there"'
}
make_networks || note "no network devices here"

begin_file listener far <<END
listen = ( "$address:0" );
peers = ( { name = "near"; key = "$(public_key near)"; clients = 16;
	permit = ( "127.0.0.1:*", "unix:$work/far/out:$work/app",
	    "unix-seqpacket:$work/far/packets"$permits ); } );
END
wrap=("${at_far[@]}")
start_file listener
wrap=()
await_listening listener
for n in 1 2 3 4 5; do
	relay_socat "relay$n" "$address" "${port[listener]}"
done

# tunnel NAME LOCAL REMOTE KEYS
tunnel() {
	cat <<END
{ name = "$1"; peer = "far"; local = "$2"; remote = "$3"; $4
    destination = "tcp://$address:${port[listener]}"; }
END
}

# uri RELAY
uri() {
	echo "\"tcp://127.0.0.1:${port[$1]}\""
}

# shellcheck disable=SC2046
set -- $(free_ports 11)
learns=$1 learned=$2 out=$3 asked=$4 back=$5 asks=$6 pooled=$7 turns=$8
spare=$9 other=${10} plain=${11}
tunnels="$(tunnel learn "$learns:learn" "$learned:learn" ''),
$(tunnel out "$out:learn" "0:$asked" 'clients = 16;'),
$(tunnel back "0:$back" "$asks:*" 'clients = 16;'),
$(tunnel dgrams "unix:$work/near/in" "unix:$work/far/out:$work/app" ''),
$(tunnel packets "unix-seqpacket:$work/near/packets" \
    "unix-seqpacket:$work/far/packets" ''),
$(tunnel pooled "$pooled:learn" "$spare:$plain" \
    "pool = { use = 1; uris = ( $(uri relay1), $(uri relay2) ); };"),
$(tunnel turns "$turns:learn" "$other:$plain" "direct = false; rotate = 3;
    paths = ( { uri = $(uri relay3); }, { uri = $(uri relay4); },
    { uri = $(uri relay5); } );")"
[ -z "$permits" ] || tunnels+=",
$(tunnel devices tun:here tun:there '')"
begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( $tunnels );
END
start_file connector

of() {
	query "$1" ".tunnels[] | select(.name == \"$2\") | $3"
}

all_up() {
	[ "$(query connector '[.tunnels[].state] | unique | .[]')" = up ] &&
	    [ "$(of connector turns \
		'[.paths[] | select(.state == "up")] | length')" -ge 3 ]
}
await 10 "tunnels up" all_up

# --- who talks ---------------------------------------------------------------

# echo_at NAME ARGUMENT...: at the far end
echo_at() {
	start "$1" bash -c 'umask 0; exec "$@"' - "${at_far[@]}" "$dgram" echo \
	    -i 60 "${@:2}"
	await_line 5 "$1" '^port='
}

# ask NAME ARGUMENT...: the content of each is its own
asking=()
ask() {
	start "$1" "${from[@]}" "$dgram" ping -n "$count" -r "$rate" -i 5 \
	    -s 24-1400 -S "$((${#asking[@]} + 1))" "${@:2}"
	asking+=("$1")
}

# What the kernel had no room for while an engine got no time from the machine,
# or no path could take more: with upgrades or without.
drops() {
	local node

	{
		for node in connector listener; do
			query "$node" \
			    '[.tunnels[].dropped | .kernel + .no_room] | add'
		done
		[ -z "$permits" ] || {
			ip -j -s link show here
			"${at_far[@]}" ip -j -s link show there
		} | jq '.[0].stats64.tx.dropped'
	} | paste -sd+ | bc
}
drops_before=0

answered() {
	local name lost=0 drops

	for name in "${asking[@]}"; do
		finish "$name" 60
		expect "$name" corrupt 0
		expect "$name" duplicates 0
		lost=$((lost + $(value "$name" lost)))
	done
	drops=$(drops)
	[ "$lost" -le $((drops - drops_before)) ] ||
	    fail "$lost answers are missing, and the kernel dropped" \
	    "$((drops - drops_before))"
	drops_before=$drops
	note "${#asking[@]} applications had their $count answers each, but for" \
	    "$lost that the kernel had no room for"
	asking=()
}

count=1200 rate=200
[ -z "$permits" ] || {
	ip addr add 10.8.0.1/24 dev here
	ip link set here up
	"${at_far[@]}" ip addr add 10.8.0.2/24 dev there
	"${at_far[@]}" ip link set there up
	echo_at device_echo -a 10.8.0.2
}
echo_at asked_echo -a 127.0.0.1 -p "$asked"
echo_at plain_echo -a 127.0.0.1 -p "$plain"
home=$(free_ports 1)
"${at_far[@]}" "$dgram" send -a 127.0.0.1 -p "$home" -n 1 127.0.0.1 "$learned" \
    >/dev/null
is_learned() {
	[ "$(of listener learn .remote)" = "127.0.0.1:$home" ]
}
await 5 "the far application known" is_learned
echo_at learned_echo -a 127.0.0.1 -p "$home"
start back_echo "$dgram" echo -i 60 -a 127.0.0.1 -p "$back"
await_line 5 back_echo '^port='

# all_ask: through each end; clients of one socket, and of one each, at either
# end.
all_ask() {
	local n from=()

	ask learn -a 127.0.0.1 127.0.0.1 "$learns"
	for n in 1 2 3; do
		ask "out$n" -a 127.0.0.1 127.0.0.1 "$out"
	done
	from=("${at_far[@]}")
	for n in 1 2 3; do
		ask "back$n" -a 127.0.0.1 127.0.0.1 "$asks"
	done
	from=()
	ask pooled -a 127.0.0.1 127.0.0.1 "$pooled"
	ask turns -a 127.0.0.1 127.0.0.1 "$turns"
	[ -z "$permits" ] ||
	    ask device -a 10.8.0.1 10.8.0.2 "$(value device_echo port)"
}

# What a client has at the far end: a port of its own, which stays.
ports_of_clients() {
	"${at_far[@]}" ss -Huna "dport = :$asked" | awk '{ print $4 }' | sort
	ss -Huna "dport = :$back" | awk '{ print $4 }' | sort
}

has_clients() {
	[ "$(of connector out .clients)" = 3 ] &&
	    [ "$(of listener out .clients)" = 3 ] &&
	    [ "$(of connector back .clients)" = 3 ] &&
	    [ "$(of listener back .clients)" = 3 ]
}

# --- upgrades ----------------------------------------------------------------

declare -A upgrades=([connector]=0 [listener]=0)
has_upgraded() {
	[ "$(grep -c 'upgraded to' "$work/$1.log")" -ge "${upgrades[$1]}" ]
}

upgrade() {
	local engine

	engine=$(engine_of "$1")
	upgrades[$1]=$((${upgrades[$1]} + 1))
	"$build/socktopusctl" -s "${control[$1]}" upgrade ||
	    fail "no upgrade of $1"
	await 10 "upgrade of $1" has_upgraded "$1"
	[ "$(engine_of "$1")" != "$engine" ] || fail "$1: the same engine"
}

start packets_sink "$dgram" sink -Q "$work/far/packets" -n 40000 -i 30 -t 90
await_line 5 packets_sink '^port='
start dgrams_sink bash -c 'umask 0; exec "$@"' - "$dgram" sink \
    -B "$work/app" -n 40000 -i 30 -t 90
await_line 5 dgrams_sink '^port='
kill -STOP "${pid[packets_sink]}" "${pid[dgrams_sink]}"
start packets_send "$dgram" send -Q "$work/near/packets" -n 40000 -s 200-1400
start dgrams_send "$dgram" send -U "$work/near/in" -n 40000 -s 200-1400

sender_waits() {
	is_waiting 1 ".tunnels[] | select(.name == \"$1\")"
}
for name in packets dgrams; do
	await 20 "back pressure of $name" sender_waits "$name"
	is_alive "${name}_send" || fail "the sender of $name did not wait"
done

all_ask
await 5 "three clients each way" has_clients
ports=$(ports_of_clients)
[ "$(wc -l <<<"$ports")" = 6 ] || fail "ports of clients: $ports"
for turn in 1 2; do
	upgrade connector
	upgrade listener
	for name in packets dgrams; do
		# What told it to wait may have been forgotten for a while. If
		# it went on for good, all would have been sent.
		await 10 "back pressure of $name after upgrade $turn" \
		    sender_waits "$name"
		is_alive "${name}_send" ||
		    fail "upgrade $turn: the sender of $name does not wait"
	done
done
[ "$(ports_of_clients)" = "$ports" ] || fail "the clients have other ports:
$ports
$(ports_of_clients)"
kill -CONT "${pid[packets_sink]}" "${pid[dgrams_sink]}"
upgrade connector
upgrade listener
answered
has_clients || fail "there are other clients than before"
for name in packets dgrams; do
	finish "${name}_send" 60
	finish "${name}_sink" 60
	expect "${name}_sink" lost 0
	expect "${name}_sink" duplicates 0
	expect "${name}_sink" corrupt 0
	expect "${name}_sink" received 40000
done
note "40000 datagrams each over local sockets, none lost"

# --- paths that come and go -----------------------------------------------

# A relay that accepts no more: the path's successor waits for its listener.
is_rotating() {
	[ "$(of connector turns '.paths | length')" -gt 3 ]
}
for n in 3 4 5; do
	kill -STOP "${pid[relay$n]}"
done
await 10 "a path in the middle of its replacement" is_rotating
count=600
all_ask
upgrade connector
upgrade listener
await 5 "replacement still under way" is_rotating
rotations() {
	grep -c 'down: rotated' "$work/connector.log"
}
has_rotated() {
	[ "$(rotations)" -gt "$1" ]
}
before=$(rotations)
for n in 3 4 5; do
	kill -CONT "${pid[relay$n]}"
done
await 15 "a path replaced" has_rotated "$before"
answered
note "a path was replaced after both had changed"

# A relay that stands still under a path that drains; its connections may be
# given up.
expect_problem "$log_path_down"
count=600
all_ask
frozen=$(pgrep -P "${pid[relay4]}")
# shellcheck disable=SC2086 # several
kill -STOP $frozen
"$build/socktopusctl" -s "${control[connector]}" path drain turns \
    "tcp://127.0.0.1:${port[relay4]}" || fail "no drain"
upgrade connector
upgrade listener
# shellcheck disable=SC2086
kill -CONT $frozen
await_line 10 connector "${port[relay4]}: down: removed"
answered
[ "$(of connector turns '.paths | length')" -ge 2 ] || fail "no path is left"
note "a path drained while both changed"
