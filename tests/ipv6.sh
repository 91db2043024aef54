#!/bin/bash
# IPv6: listener, URIs and both UDP tuples.
. "$(dirname "$0")/lib.sh"
need socat jq
ip -6 addr show dev lo 2>/dev/null | grep -q '::1/128' ||
    skip "no IPv6 on the loopback"

start_listener listener '[::1]:0'
start relay socat -d -d "TCP6-LISTEN:0,bind=[::1],fork" \
    "TCP6:[::1]:${port[listener]}"
await_line 10 relay 'listening on AF='
port[relay]=$(sed -n 's/.*listening on AF=.*:\([0-9]*\)$/\1/p' \
    "$work/relay.log")
more=() through=socat
if command -v xinetd >/dev/null; then
	relay_xinetd xinetd ::1 "${port[listener]}" ::1
	more+=("tcp://[::1]:${port[xinetd]}")
	through+=', xinetd'
fi
if command -v haproxy >/dev/null; then
	relay_haproxy haproxy ::1 "${port[listener]}"
	more+=("tcp://127.0.0.1:${port[haproxy]}")
	through+=', HAProxy'
fi
pick_tuple
start_connector connector "[::1]:$local:[::1]:$near" \
    "[::1]:$bound:[::1]:$far" "tcp://[::1]:${port[listener]}" \
    "tcp://[::1]:${port[relay]}" "${more[@]}"
# shellcheck disable=SC2034 # where lib_traffic.sh sends
host=::1
both_ways ipv6 -n 100 -s 0,1,1400,9000,65507 -r 500
note "datagrams over IPv6, both ways, directly and through $through"
