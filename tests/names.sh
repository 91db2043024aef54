#!/bin/bash
# A relay's name is looked up each time that a path is dialled: where the relay
# moves to, its path follows, without a word to socktopus.
. "$(dirname "$0")/lib.sh"
need jq

[ -n "${E2E_ISOLATED:-}" ] || skip "/etc/hosts is everybody's here"
echo '127.0.0.5 relay.example' >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
expect_problem "$log_path_down"

start_listener listener
relay_faulty old 127.0.0.1 "${port[listener]}" -a 127.0.0.5
pick_tuple
start_connector connector "$loc" "$rem" "tcp://127.0.0.1:${port[listener]}" \
    "tcp://relay.example:${port[old]}"
both_ways before -n 100 -s 1400 -r 5k

relay_faulty new 127.0.0.1 "${port[listener]}" -a 127.0.0.6 -p "${port[old]}"
echo '127.0.0.6 relay.example' >"$work/hosts"
stop old
await_line 10 new '^accepted 1'
await_paths connector 2
both_ways after -n 100 -s 1400 -r 5k
note "a path goes where the relay's name leads by now"
