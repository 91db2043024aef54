#!/bin/bash
# Several applications on one port: each is told apart, answered rightly and
# has a source port of its own at the far end, in either direction. A flood of
# strangers harms nobody, who is idle makes way, and a reload can change how many
# there are.
. "$(dirname "$0")/lib.sh"
need jq ss

make_key near
make_key far
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; clients = 8; } );
END
start_file listener
await_listening listener
# shellcheck disable=SC2046
set -- $(free_ports 4)
here=$1 far=$2 there=$3 back=$4
declare -A entry=([out]=$here [back]=$there) answers_at=([out]=$far [back]=$back)
idle=$((3 * ${E2E_PATIENCE:-1})) # seconds
# connector_file OUT BACK [TUNNELS]: these of their keys, and others.
connector_file() {
	begin_file connector near <<-END
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( ${3-} { name = "out"; peer = "far"; $1
		local = "$here:learn"; remote = "0:$far";
		destination = "tcp://127.0.0.1:${port[listener]}"; },
	    { name = "back"; peer = "far"; $2
		local = "0:$back"; remote = "$there:*";
		destination = "tcp://127.0.0.1:${port[listener]}"; } );
	END
}
connector_file "clients = 8; clients_idle = $idle;" \
    "clients = 4; clients_idle = $idle;"
start_file connector
await_paths connector 2

# A listener keeps what its connector has left for a while.
of_tunnel() {
	query "$1" ".tunnels[] |
	    select(.name == \"$2\" and (.paths | length) > 0) | $3"
}

# What a kernel dropped so far since a program had no time to read it.
count_drops() {
	local at_echo

	at_echo=$(ss -Huanm "sport = :${answers_at[$asked]}" |
	    sed -n 's/.*,d\([0-9]*\)).*/\1/p')
	echo $(($(unread "$asked") + at_echo + $(backlog_drops)))
}

# ask TUNNEL NUMBER...: the payload of each is told by its seed.
ask() {
	local name

	asked=$1
	shift
	drops=$(count_drops)
	for name in "$@"; do
		start "ping$name" "$dgram" ping -a 127.0.0.1 -n 2000 -r 1000 \
		    -i 10 -s 24-1400 -S "$name" 127.0.0.1 "${entry[$asked]}"
	done
}

# answered NUMBER...: all but what was dropped, how much is in $drops.
answered() {
	local name lost=0 own=0

	for name in "$@"; do
		finish "ping$name" 30
		expect "ping$name" corrupt 0
		expect "ping$name" duplicates 0
		lost=$((lost + $(value "ping$name" lost)))
		own=$((own + $(value "ping$name" kernel_drops)))
	done
	drops=$(($(count_drops) - drops + own))
	[ "$lost" -le "$drops" ] ||
	    fail "$asked: $lost lost, and a kernel dropped $drops"
}

start echo "$dgram" echo -i 60 -a 127.0.0.1 -p "$far"
await_line 5 echo '^port='
ask out 1 2 3 4 5 6 7 8
are_known() {
	[ "$(of_tunnel connector out .clients)" = "$1" ] &&
	    [ "$(of_tunnel listener out .clients)" = "$1" ]
}
await 5 "8 clients" are_known 8
of_clients=$("$build/socktopusctl" -s "${control[connector]}" status out |
    sed -n 's/^  clients: //p')
[ "$of_clients" = "8 of 8 in use" ] || fail "status: clients: $of_clients"
[ "$(of_tunnel connector out .clients_max)" = 8 ] || fail "no clients_max"
[ "$(ss -Huna "dport = :$far" | awk '{ print $4 }' | sort -u | wc -l)" -ge 8 ] ||
    fail "there are fewer source ports than clients"
crowded='out: all 8 clients are in use: [0-9]* datagrams of others'
expect_problem "$crowded"
for _ in $(seq 20); do
	"$dgram" send -a 127.0.0.1 -n 5 127.0.0.1 "$here" >/dev/null
done
# They were heard just now, and are not idle yet.
are_known 8 || fail "strangers displaced somebody"
answered 1 2 3 4 5 6 7 8
strangers=$(of_tunnel connector out .dropped.stranger)
{ [ "$strangers" -le 100 ] && [ "$strangers" -ge $((100 - drops)) ]; } ||
    fail "strangers: $strangers, not 100"
await_line 5 connector "$crowded"
[ "$(grep -c "$crowded" "$work/connector.log")" = 1 ] ||
    fail "it is said more often than once a minute"
note "8 clients told apart, and 20 strangers kept out"

await 10 "clients forgotten" are_known 0
ask out 9 10
answered 9 10
note "who is idle makes way"

stop echo
start echo "$dgram" echo -i 60 -a 127.0.0.1 -p "$back"
await_line 5 echo '^port='
ask back 11 12 13 14
answered 11 12 13 14
note "the same from the far end"

# Another number of them, none, and the first again; and another time.
start echo_out "$dgram" echo -i 60 -a 127.0.0.1 -p "$far"
await_line 5 echo_out '^port='
for keys in '' 'clients = 4;' 'clients = 4; clients_idle = 1;' 'clients = 2;' \
    ''; do
	connector_file "$keys" "$keys"
	hup connector
	await_paths connector 2
	ask out 21
	answered 21
	ask back 22
	answered 22
	[[ $keys != *idle* ]] || await 10 "a client forgotten" are_known 0
	note "after a reload with: ${keys:-no clients}"
done

# Others at port 0, with clients and without, are in nobody's way.
connector_file 'clients = 4;' 'clients = 2;' "{ name = \"more\"; peer = \"far\";
	local = \"0:learn\"; remote = \"0:$far\"; clients = 2;
	destination = \"tcp://127.0.0.1:${port[listener]}\"; },
    { name = \"one\"; peer = \"far\"; local = \"0:learn\"; remote = \"0:$far\";
	destination = \"tcp://127.0.0.1:${port[listener]}\"; },"
hup connector
await_paths connector 4
ask out 31
answered 31
keeps_paths connector 4 || fail "tunnels at port 0 throw each other out"
[ "$(grep -c 'newer session' "$work/connector.log")" = 0 ] ||
    fail "port 0 was taken for one socket"
note "two tunnels with clients, and one without, under one key"

# More than the listener lets this key have; and what cannot be.
expect_problem 'clients, this key may have' "$log_path_down"
begin_file many near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "many"; peer = "far"; clients = 9;
	local = "0:learn"; remote = "0:$far";
	destination = "tcp://127.0.0.1:${port[listener]}"; } );
END
start_file many
await_line 10 many '9 clients, this key may have 8'
stop many
for wrong in 'local = "1"; remote = "0:2"' 'local = "*"; remote = "1:2"' \
    'local = "*"; remote = "0:*"' 'local = "*"; remote = "unix:/x"'; do
	begin_file wrong near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "wrong"; peer = "far"; $wrong;
	destination = "tcp://127.0.0.1"; clients = 2; } );
END
	start wrong "$build/socktopus" -n -f "$work/wrong.conf"
	finish wrong
	[ "$status" = 1 ] || fail "$wrong was taken"
	has_line wrong 'clients need|must ask for port 0' ||
	    fail "no word of what is wrong with $wrong"
done
