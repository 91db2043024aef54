#!/bin/bash
# A connector with a key that the listener does not know, a client that talks
# nonsense and one that says nothing get not one byte back, and no process.
. "$(dirname "$0")/lib.sh"
need socat jq

make_key right
make_key wrong
make_key far
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "connector"; key = "$(public_key right)"; } );
END
start_file listener
await_listening listener

workers() {
	pgrep -c -P "${pid[listener]}" socktopus-work
}

# Everything that the listener sends passes through this relay's record.
start relay socat -d -d -r "$work/asked" -R "$work/answered" \
    TCP-LISTEN:0,bind=127.0.0.1,fork "TCP:127.0.0.1:${port[listener]}"
await_line 10 relay 'listening on AF='
port[relay]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
    "$work/relay.log")

pick_tuple
expect_problem "$log_path_down"
begin_file connector wrong <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "logs"; peer = "listener";
    destination = "tcp://127.0.0.1:${port[relay]}";
    local = "$loc"; remote = "$rem"; } );
END
start_file connector
await_line 10 listener "$log_handshake_failed"
await_line 10 connector "$log_path_down.*to a key that it does not know"
[ -s "$work/asked" ] || fail "nothing was asked"
[ ! -s "$work/answered" ] || fail "the listener answered a wrong key"
stop connector
note "wrong key: refused in silence, and logged"

head -c 4000 /dev/urandom |
    timeout 20 socat -t 15 - "TCP:127.0.0.1:${port[listener]}" \
    >"$work/nonsense" 2>/dev/null
[ ! -s "$work/nonsense" ] || fail "the listener answered nonsense"
began=$(now_ms)
timeout 20 socat -u "TCP:127.0.0.1:${port[listener]}" - >"$work/silence"
[ ! -s "$work/silence" ] || fail "the listener spoke first"
took=$(($(now_ms) - began))
[ "$took" -lt $((11000 + 1000 * ${E2E_PATIENCE:-1})) ] || fail "a silent client was kept for $took ms"
[ "$(workers)" = 0 ] || fail "a worker was started"
note "nonsense and silence: no byte back, no worker"

# The right one is served all the same.
begin_file connector right <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "logs"; peer = "listener";
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem"; } );
END
start_file connector
await_paths connector 1
both_ways right -n 100 -r 1000

# What a path is called at the other end.
session=$(sed -n 's/.*: session \([0-9a-f]*\)$/\1/p' "$work/connector.log" |
    tail -n 1)
[ "${#session}" = 16 ] || fail "no session: $session"
has_line listener ": session $session\$" || fail "no session $session there"
