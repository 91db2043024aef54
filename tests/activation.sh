#!/bin/bash
# Listening sockets that a service manager bound, and a kernel without IPv6.
. "$(dirname "$0")/lib.sh"
need jq ss

hand_over=$build/tests/hand_over
pick_tuple
service=$(free_ports 1)

# Who is stopped says so, unless his worker has no time to.
expect_problem "$log_path_down.*connection: "

# accepts NAME: a connector gets through to it.
accepts() {
	start_connector "$1.peer" "$loc" "$rem" "tcp://127.0.0.1:$service"
	stop "$1.peer"
	stop "$1"
	[ "$status" = 0 ] || fail "$1: exit status $status"
}

# The one that was passed serves.
wrap=("$hand_over" -p "$service")
start_listener passed "127.0.0.1:$service"
wrap=()
has_line passed "127.0.0.1:$service was passed to us" ||
    fail "the passed socket is not used"
[ "$(ss -Hltn "sport = :$service" | wc -l)" = 1 ] || fail "two sockets"
accepts passed

# All of IPv4 does for all of IPv6 and IPv4.
wrap=("$hand_over" -a 0.0.0.0 -p "$service")
start_listener wide "[::]:$service"
wrap=()
has_line wide "0.0.0.0:$service was passed to us" ||
    fail "the wide socket is not used"
accepts wide

# Another address: said, closed, and bound as configured.
other=$(free_ports 1)
expect_problem 'is not in .listen.'
wrap=("$hand_over" -p "$other")
start_listener other "127.0.0.1:$service"
wrap=()
has_line other "passed socket 127.0.0.1:$other is not in" ||
    fail "no word about the other socket"
is_listening "$other" && fail "the other socket is held open"
accepts other

# Without IPv6 the default address is all of IPv4.
wrap=("$hand_over" -n)
start_listener narrow "[::]:$service"
wrap=()
[ "$(grep -c 'the kernel has no IPv6' "$work/narrow.log")" = 1 ] ||
    fail "not one word about IPv6"
[ "$(ss -Hltn "sport = :$service" | awk '{ print $4 }')" = \
    "0.0.0.0:$service" ] || fail "not all of IPv4"
accepts narrow
