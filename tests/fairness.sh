#!/bin/bash
# One tunnel is flooded with more than can be carried; two others of the same
# processes, one in the same direction and one in the other, lose nothing and
# wait little for their turn.
. "$(dirname "$0")/lib.sh"
need jq
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"

rate=500 # datagrams a second that have to get through
seconds=${TEST_LONG:+30}
seconds=${seconds:-4}
make_key near
make_key far
begin_file listener far <<END
listen = ( "127.0.0.1:7000" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
start_file listener
await_listening listener
begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = (
	{ name = "flooded"; peer = "far"; destination = "tcp://127.0.0.1:7000";
	    local = "11000:10000"; remote = "12000:13000";
	    paths = ( { uri = "tcp://127.0.0.1:7000"; } ); },
	{ name = "there"; peer = "far"; destination = "tcp://127.0.0.1:7000";
	    local = "11001:10001"; remote = "12001:13001"; },
	{ name = "back"; peer = "far"; destination = "tcp://127.0.0.1:7000";
	    local = "11002:10002"; remote = "12002:13002"; } );
END
start_file connector
await_paths connector 4

# quiet NAME FROM TO AT: its report is in NAME.sink.log.
declare -A before=()
quiet() {
	before[$1]=$(unread "$1")
	start "$1.sink" "$dgram" sink -a 127.0.0.1 -p "$4" -i 10 -t 60 \
	    -n $((rate * seconds))
	await_line 5 "$1.sink" '^port='
	start "$1.send" "$dgram" send -a 127.0.0.1 -p "$2" -s 200 \
	    -n $((rate * seconds)) -r "$rate" 127.0.0.1 "$3"
}

# check_quiet NAME MS: nothing lost, and of 100 99 in this time. Where there is
# to be patience the processor may not suffice to read everything.
check_quiet() {
	local patience=${E2E_PATIENCE:-1} missing=0

	finish "$1.send" 60
	finish "$1.sink" 60
	note "$1: lost $(value "$1.sink" lost), delay" \
	    "$(value "$1.sink" delay_p50_ms) ms (median)," \
	    "$(value "$1.sink" delay_p99_ms) ms (p99)"
	[ "$patience" = 1 ] || missing=$(($(unread "$1") - ${before[$1]} +
	    $(value "$1.sink" kernel_drops)))
	[ "$(value "$1.sink" distinct)" -ge $((rate * seconds - missing)) ] ||
	    fail "$1: lost more than the $missing that the kernel dropped"
	awk -v is="$(value "$1.sink" delay_p99_ms)" -v most=$(($2 * patience)) \
	    'BEGIN { exit !(is <= most) }' || miss "$1: starved"
}

# flood NAME FROM TO AT: until it is stopped. Joined datagrams cost the generator
# much less than the tunnel, whoever gets how much of the processors.
flood() {
	start "$1.sink" "$dgram" sink -a 127.0.0.1 -p "$4" -i 600
	await_line 5 "$1.sink" '^port='
	start "$1" "$dgram" send -a 127.0.0.1 -G -p "$2" -s 1400 127.0.0.1 "$3"
}

counter() {
	query "$1" ".tunnels[] | select(.name == \"flooded\") | $2"
}

is_flooded() {
	[ "$(counter "$1" '.dropped.kernel')" -gt 1000 ]
}

calm() {
	quiet there 10001 11001 13001
	check_quiet there 100
}

# Both at once, beside the flood.
flooded() {
	carried=$(counter connector .sent) began=$(now_ms)
	quiet there 10001 11001 13001
	quiet back 13002 12002 10002
	check_quiet there 100
	check_quiet back 100
	is_alive flood || fail "the flood is over"
	carried=$((($(counter connector .sent) - carried) * 1000 /
	    ($(now_ms) - began)))
	note "meanwhile the flooded tunnel carried $carried datagrams a second"
	[ "$carried" -gt "$rate" ] || miss "the flooded tunnel is starved"
}

thrice calm
flood flood 10000 11000 13000
await 20 "drops of the flooded tunnel" is_flooded connector
thrice flooded
stop flood INT
