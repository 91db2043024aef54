#!/bin/bash
# The file is read anew on SIGHUP: what changed is changed, what did not is not
# touched, and a faulty file changes nothing.
. "$(dirname "$0")/lib.sh"
need jq ss

make_key near
make_key far
make_key other

listener_file() {
	begin_file listener far <<-END
	listen = ( $1 );
	peers = ( { name = "near"; key = "$(public_key near)"; $2 } );
	END
}

read -r gate second <<<"$(free_ports 2 | xargs)"
listener_file "\"127.0.0.1:$gate\"" ''
start_file listener
await_listening listener
relay_socat one 127.0.0.1 "$gate"
relay_socat two 127.0.0.1 "$gate"
pick_tuple

uri() {
	echo "uri = \"tcp://127.0.0.1:${port[$1]}\";"
}

# connector_file SETTINGS PATHS [LOCAL]
connector_file() {
	begin_file connector near <<-END
	log = { level = "debug"; };
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "t"; peer = "far"; local = "${3:-$loc}";
	    remote = "$rem"; destination = "tcp://127.0.0.1:$gate";
	    $1
	    paths = ( $2 ); } );
	END
}

# A tunnel's socket is connected, and so is not among those that listen.
is_held() {
	[ -n "$(ss -Hun "sport = :$1")" ]
}

same() {
	[ "$(inode "$1")" = "$2" ] || fail "$3: the connection to $1 is another"
}

# The direct path's and that of the relay are all that there is at the gate.
are_two() {
	[ "$(inode "$gate" | wc -l)" = 2 ]
}

# keep PORT INODES WHAT: each of these goes on, whatever came besides.
keep() {
	[ -z "$(comm -13 <(inode "$1") <(echo "$2"))" ] ||
	    fail "$3: a connection to $1 is another"
}

connector_file '' "{ $(uri one) }"
start_file connector
await_paths connector 2
both_ways before -n 100 -s 1400 -r 5k
await 5 "two connections to the gate" are_two
inner=$(inode "$gate")
first=$(inode "${port[one]}")
[ -n "$first" ] || fail "no socket is to be seen"

# The neighbour of a path comes, is changed, and goes, under traffic.
start sink "$dgram" sink -p "$far" -n 12000 -i 5 -t 30
await_line 5 sink '^port='
start send "$dgram" send -p "$near" -n 12000 -r 3000 -s 1000 127.0.0.1 "$local"
connector_file '' "{ $(uri one) }, { $(uri two) }"
hup connector
await_paths connector 3
same "${port[one]}" "$first" "a new neighbour"
next=$(inode "${port[two]}")

connector_file '' "{ $(uri one) }, { $(uri two) rate_limit = 5000000; }"
hup connector
await 10 "another connection" is_other "${port[two]}" "$next"
await_paths connector 3
same "${port[one]}" "$first" "a neighbour that is changed"

connector_file '' "{ $(uri one) }"
hup connector
await_paths connector 2
same "${port[one]}" "$first" "a neighbour that is removed"
keep "$gate" "$inner" "a neighbour that came and went"
finish send 30
finish sink 30
lost_to_changes sink
expect sink duplicates 0
expect sink corrupt 0
note "paths came, changed and went under traffic, and nothing was lost"

# Numbers, at both ends.
connector_file 'scheduler = "redundant"; reorder = 100; max_queue = 30;' \
    "{ $(uri one) }"
hup connector
[ "$(query connector '.tunnels[].scheduler')" = redundant ] ||
    fail "the connector has another scheduler"
other_scheduler() {
	[ "$(query listener '.tunnels[].scheduler')" = redundant ]
}
await 5 "other scheduler at the listener" other_scheduler
both_ways numbers -n 200 -s 1400 -r 5k
same "${port[one]}" "$first" "other numbers"

# A faulty file changes nothing and says why.
expect_problem 'configuration: .*unknown key bakup' 'not reloaded' \
    'configuration: .*cannot read the key file' \
    'configuration: bind .*: ' 'configuration: tunnel t: bind .*in use' \
    'user: another value' "$log_path_down" 'handshake'
connector_file '' "{ $(uri two) bakup = true; }"
hup connector
has_line connector 'connector.conf:[0-9]*: unknown key bakup' ||
    fail "nobody says what is wrong"
same "${port[one]}" "$first" "a faulty file"
keeps_paths connector 2 || fail "a faulty file has changed something"
mv "$work/near.key" "$work/away.key"
connector_file '' "{ $(uri one) }"
hup connector
mv "$work/away.key" "$work/near.key"
has_line connector 'cannot read the key file' || fail "no word of the key"
same "${port[one]}" "$first" "a missing key"

# An address that is somebody else's: so too.
start thief "$dgram" sink -p "$second" -i 30 -t 30
await_line 5 thief '^port='
connector_file '' "{ $(uri one) }" "127.0.0.1:$second:127.0.0.1:$near"
hup connector
has_line connector 'Address already in use' || fail "no word of the address"
same "${port[one]}" "$first" "an address in use"
stop thief

# What a process cannot change waits, and the rest does not. To whom started it
# as a plain user other users mean nothing.
connector_file '' "{ $(uri one) }, { $(uri two) }"
echo 'user = "nobody";' >>"$work/connector.conf"
hup connector
! is_root || has_line connector 'user: another value waits' ||
    fail "no word of the user"
await_paths connector 3
same "${port[one]}" "$first" "what has to wait"

# Another local address; the log's level; nothing at all.
connector_file '' "{ $(uri one) }" "127.0.0.1:$second:127.0.0.1:$near"
sed -i 's/"debug"/"info"/' "$work/connector.conf"
hup connector
await 5 "the other local port" is_held "$second"
is_held "$local" && fail "the old local port is still bound"
await_paths connector 2
local=$second
both_ways moved -n 100 -s 1400 -r 5k
first=$(inode "${port[one]}")
lines=$(grep -c ' debug ' "$work/connector.log")
hup connector
[ "$(grep -c ' debug ' "$work/connector.log")" = "$lines" ] ||
    fail "debug lines at level info"
same "${port[one]}" "$first" "the same file"

# The listener's side: another gate, what is permitted, and the peer itself.
await 5 "two connections to the gate" are_two
inner=$(inode "$gate")
listener_file "\"127.0.0.1:$gate\", \"127.0.0.1:$second\"" ''
hup listener
is_listening "$second" || fail "no second gate"
listener_file "\"127.0.0.1:$second\"" ''
hup listener
is_listening "$gate" && fail "the first gate is open"
same "$gate" "$inner" "a gate that is closed"
both_ways gates -n 100 -s 1400 -r 5k
listener_file "\"127.0.0.1:$gate\"" ''
hup listener
await_paths connector 2
has_paths() {
	[ "$(query listener '.tunnels | length')" = "$1" ]
}
# Addresses that overlap, and the same one in other words.
await 5 "two connections to the gate" are_two
inner=$(inode "$gate")
for address in "0.0.0.0:$gate" "[::]:$gate" "127.0.0.1:$gate" \
    "localhost:$gate"; do
	listener_file "\"$address\"" ''
	hup listener
	grep 'supervisor: .*reloaded' "$work/listener.log" | tail -n 1 |
	    grep -q 'supervisor: reloaded' ||
	    fail "$address is refused: $(tail -n 3 "$work/listener.log")"
	[ "$(ss -Hltn "sport = :$gate" | wc -l)" = 1 ] ||
	    fail "$address: $(ss -Hltn "sport = :$gate")"
	keep "$gate" "$inner" "$address"
	"$build/socktopusctl" -s "${control[connector]}" path add t \
	    "tcp://127.0.0.1:${port[two]}"
	await_paths connector 3
	"$build/socktopusctl" -s "${control[connector]}" path del t \
	    "tcp://127.0.0.1:${port[two]}"
	await_paths connector 2
done
note "addresses that overlap follow each other"
listener_file "\"127.0.0.1:$gate\"" 'permit = ( "192.0.2.1:*" );'
hup listener
has_line listener 'ended: not permitted any more' || fail "still permitted"
listener_file "\"127.0.0.1:$gate\"" ''
hup listener
await_paths connector 2 20
sed -i "s|$(public_key near)|$(public_key other)|" "$work/listener.conf"
hup listener
await 5 "end of the removed peer's tunnel" has_paths 0
listener_file "\"127.0.0.1:$gate\"" ''
hup listener
await_paths connector 2 20

# Another identity.
cp "$work/other.key" "$work/near.key"
connector_file '' "{ $(uri one) }" "127.0.0.1:$second:127.0.0.1:$near"
sed -i "s|$(public_key near)|$(public_key other)|" "$work/listener.conf"
hup listener
hup connector
await_paths connector 2 20
both_ways identity -n 100 -s 1400 -r 5k
# A pre-shared key: at one end alone the old connections go on, and no datagram
# is lost; at both, others take over.
make_key shared
first=$(inode "${port[one]}")
sed -i "s|key = \"$(public_key far)\";|& psk = \"$work/shared.key\";|" \
    "$work/connector.conf"
hup connector
both_ways one_end -n 200 -s 1400 -r 5k
same "${port[one]}" "$first" "another psk at one end"
sed -i "s|key = \"$(public_key other)\";|& psk = \"$work/shared.key\";|" \
    "$work/listener.conf"
hup listener
await 30 "connection of another psk" is_other "${port[one]}" "$first"
await_paths connector 2 20
both_ways psk -n 200 -s 1400 -r 5k
first=$(inode "${port[one]}")
chmod 644 "$work/shared.key"
expect_problem 'configuration: .*shared.key'
hup connector
has_line connector 'configuration: .*shared.key.* open to others' ||
    fail "a psk that others can read is taken"
chmod 600 "$work/shared.key"
same "${port[one]}" "$first" "a psk that others can read"
# A pool: its one path in service stays when candidates come, and another takes
# over when it goes itself.
# The others are slower, or it would take one for better that the machine favours.
relay_faulty slow 127.0.0.1 "$gate" -r 5000000
relay_faulty slower 127.0.0.1 "$gate" -r 4000000
# pool NAME...: of these relays
pool() {
	local name uris=

	for name in "$@"; do
		uris+="${uris:+, }\"tcp://127.0.0.1:${port[$name]}\""
	done
	connector_file "direct = false; pool = { use = 1; uris = ( $uris ); };" \
	    '' "127.0.0.1:$second:127.0.0.1:$near"
	sed -i "s|key = \"$(public_key far)\";|& psk = \"$work/$shared.key\";|" \
	    "$work/connector.conf"
	hup connector
}
serving() {
	query connector '.tunnels[0].paths[] | select(.role == "serving" and
	    (.state == "up" or .state == "stalled")).uri' | sed 's/.*://'
}
serves_one() {
	[ "$(serving | grep -c .)" = 1 ]
}
serves_another() {
	serves_one && [ "$(serving)" != "$1" ]
}
is_trying() {
	query connector '.tunnels[0].paths[] | select(.role == "on trial" and
	    .state == "up").uri' | grep -q .
}
shared=shared
pool one
await 30 "a path of the pool" serves_one
pool one slow
await 30 "trial of the other" is_trying
before=$(serving)
first=$(inode "$before")
pool slow slower one
same "$before" "$first" "a pool with one more candidate"
"$build/socktopusctl" -s "${control[connector]}" path set t \
    "tcp://127.0.0.1:$before" count=2 2>"$work/err" &&
    fail "a candidate counts twice"
grep -q "a pool's candidate" "$work/err" || fail "$(cat "$work/err")"
same "$before" "$first" "a candidate that was to count twice"
# Its psk, too: what serves stands until the other end has the new one, and the
# pool goes on with what takes over.
make_key shared2
shared=shared2
pool slow slower one
both_ways pool_one_end -n 200 -s 1400 -r 5k
same "$before" "$first" "a pool with another psk at one end"
sed -i "s|$work/shared.key|$work/shared2.key|" "$work/listener.conf"
hup listener
is_new_and_serves() {
	[ -n "$(serving)" ] && is_other "$(serving)" "$first"
}
await 30 "connection of another psk in the pool" is_new_and_serves
both_ways pool_psk -n 200 -s 1400 -r 5k
before=$(serving) others=
for name in one slow slower; do
	[ "${port[$name]}" = "$before" ] || others+=" $name"
done
# shellcheck disable=SC2086
pool $others
await 30 "another path of the pool" serves_another "$before"
is_over() {
	[ -z "$(inode "$1")" ]
}
await 10 "end of the one before" is_over "$before"
both_ways pool -n 200 -s 1400 -r 5k
note "candidates of a pool came and went"
note "gates, permits, peers and the identity changed without a restart"
