#!/bin/bash
# socktopusctl why: each limit that it can name is provoked on emulated links,
# and it names that one.
# shellcheck disable=SC2154 # of lib_links.sh
LINKS_WARM_S=1
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_links.sh
. "$tests/lib_links.sh"
need_links
need taskset

# why NODE HOST [OPTION...]: into $work/why.log.
why() {
	local node=$1 at=$2

	shift 2
	inside "$at" "$build/socktopusctl" -s "${control[$node]}" why "$@" \
	    >"$work/why.log" 2>&1 || fail "why: $(cat "$work/why.log")"
}

hears() {
	local pattern=$1

	shift
	why "$@"
	grep -Eq -- "$pattern" "$work/why.log"
}

# await_word PATTERN NODE HOST [OPTION...]: from why, at one time or another: in
# the first seconds, or where the machine stands still, it sees something else.
await_word() {
	await 15 "'$1' from why" hears "$@"
}

# says WHAT PATTERN: one line of it.
says() {
	grep -Eq -- "$2" "$work/why.log" ||
	    fail "$1: no '$2' in: $(cat "$work/why.log")"
	note "$1:$(grep -E -- "$2" "$work/why.log" | head -n 1)"
}

engine_of() {
	query "$1" .process.engine_pid
}

# rests PROCESS: in nanosleep(2).
rests() {
	grep -q nanosleep "/proc/$1/wchan"
}

is_sending() {
	[ "$(query connector ".tunnels[0].delivered + .tunnels[0].sent")" -gt \
	    "$1" ]
}

# loaded MBIT: and it is under way.
loaded() {
	local before

	before=$(query connector '.tunnels[0].sent')
	begin_load "$1" 100
	await 10 "load" is_sending $((before + 200))
}

# However long it took to look.
stop_load() {
	kill -INT "${pid[$sender]}"
	end_load
}

make_links 'delay=10ms rate=30Mbit' 'delay=25ms rate=15Mbit'
start_tunnel 'dead = 2;'
await_paths connector 2

# --- rates, and nothing -------------------------------------------------------

loaded 80
await_word 'The rates of 2 paths: ' connector near -t 2
says 'all paths' 'The rates of 2 paths: together .* full for .*10\.1\.1\.2'
why connector near -j -t 1
jq -e '.tunnels[0] | .limit == "paths" and .pays and .figures.blocked > 0.5
    and ([.paths[].carried] | add) > 3e6 and .engine.busy > 0' \
    "$work/why.log" >"$work/jq.log" || fail "JSON: $(cat "$work/why.log")"
says 'two pay' 'Multipath pays: .* times what tcp://10\.1\.1\.2:7000 alone'
stop_load

loaded 5
await_word 'Nothing: the [45]\.' connector near -t 2
says 'a light load' 'Nothing: the [45]\.[0-9] Mbit/s .* below the'
says 'one would do' 'does not pay in rate now: tcp://10\.1\.1\.2:7000'
why connector near -q -t 1 bench
says 'in a word' '^bench nothing$'
stop_load

# --- the receive buffer -------------------------------------------------------

engine=$(engine_of connector)
start why.buffer nsenter --net=/run/netns/near "$build/socktopusctl" \
    -s "${control[connector]}" why -t 3
# When it has asked for the first time, it does nothing for three seconds.
await 5 "rest of why" rests "${pid[why.buffer]}"
kill -STOP "$engine"
inside near "$dgram" send -a 127.0.0.1 -p 5141 -s 1400 -n 20000 \
    127.0.0.1 5140 >"$work/burst.log"
kill -CONT "$engine"
finish why.buffer 20
mv "$work/why.buffer.log" "$work/why.log"
says 'a burst' 'The UDP receive buffer: the kernel dropped [0-9]+ of'

# --- one path's rate ----------------------------------------------------------

expect_problem "$log_path_down"
change_link w2 hole=on
await_paths connector 1 20
loaded 60
await_word 'The rate of tcp:' connector near -t 2
says 'one path' 'The rate of tcp://10\.1\.1\.2:7000: it carries'
says 'one path' 'does not apply: only one path'
stop_load

# --- no path --------------------------------------------------------------------

expect_problem "$log_tunnel_down"
change_link w1 hole=on
await_paths connector 0 20
why connector near -t 1
says 'no path' 'Nothing gets through: of 2 paths none is up, one of them: '
says 'no path' 'does not apply: no path is up'
change_link w1 hole=off
await_paths connector 1 20

# --- the receiver -------------------------------------------------------------

start deaf nsenter --net=/run/netns/far "$dgram" sink -a 127.0.0.1 -p 5143 \
    -b 20000 -t 60
await_line 5 deaf '^port='
kill -STOP "${pid[deaf]}"
start talker nsenter --net=/run/netns/near "$dgram" send -a 127.0.0.1 -p 5141 \
    -s 1400 -r 10Mbit -t 100 127.0.0.1 5140
# What was sent before is counted too.
await 10 "load" is_sending $(($(query connector \
    '.tunnels[0].delivered + .tunnels[0].sent') + 500))
await_word 'does not keep up' listener far -t 2
says 'a deaf receiver' 'local receiver: .* 127\.0\.0\.1:5143 does not keep up'
kill -CONT "${pid[deaf]}"
stop deaf
await_word 'does an application listen' listener far -t 1
says 'no receiver' 'local receiver: .* does an application listen there'
stop talker
end_links

# --- the reorder wait ---------------------------------------------------------

make_links 'delay=10ms rate=30Mbit' 'delay=90ms rate=15Mbit'
start_tunnel 'reorder = 300;'
await_paths connector 2
loaded 34
await_word 'The reorder wait: ' listener far -t 2
says 'early ones wait' 'The reorder wait: a datagram is held for [0-9]+ ms'
stop_load
end_links

if [ -z "${TEST_LONG:-}" ]; then
	note "left for make check-long: the CPU"
	exit 0
fi

# --- the CPU ------------------------------------------------------------------

# Without links: every datagram comes eight times, to an engine that shares a
# core with eight workers.
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
start_file listener
await_listening listener
pick_tuple
begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "busy"; peer = "far"; direct = false;
    scheduler = "redundant"; copies = 8;
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem";
    paths = ( { uri = "tcp://127.0.0.1:${port[listener]}"; count = 8; } ); } );
END
start_file connector
await_paths connector 8
for process in "$(engine_of listener)" \
    $(query listener '.tunnels[0].paths[].pid'); do
	taskset -cp 0 "$process" >"$work/taskset.log" ||
	    skip "no core can be chosen"
done
start sink "$dgram" sink -G -a 127.0.0.1 -p "$far" -t 60
await_line 5 sink '^port='
start flood "$dgram" send -G -a 127.0.0.1 -p "$near" -s 1400 -r 0 -t 8 \
    127.0.0.1 "$local"
await 10 "load" is_sending 1000
# Where much else runs, another of the processes may be the one that is short.
for node in listener connector; do
	"$build/socktopusctl" -s "${control[$node]}" why -t 2
done >"$work/why.log"
says 'a busy core' 'The CPU: the (engine|worker)[^,]*, process [0-9]+,'
finish flood
stop sink
