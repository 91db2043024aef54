#!/bin/bash
# No path is special at the start: where the direct one is refused and the first
# relay is silent, the last one carries all, by every scheduler.
. "$(dirname "$0")/lib.sh"
need jq

expect_problem "$log_path_down" "$log_tunnel_down"
listen_for near
relay_faulty silent 127.0.0.1 "${port[listener]}" -m silent
relay_faulty good 127.0.0.1 "${port[listener]}"
nowhere=$(free_ports 1)
for scheduler in earliest primary redundant; do
	pick_tuple
	begin_file "$scheduler" near <<-END
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "t"; peer = "far"; scheduler = "$scheduler";
	    destination = "tcp://127.0.0.1:$nowhere";
	    local = "$loc"; remote = "$rem";
	    paths = ( { uri = "tcp://127.0.0.1:${port[silent]}"; },
	        { uri = "tcp://127.0.0.1:${port[good]}"; } ); } );
	END
	start_file "$scheduler"
	await_paths "$scheduler" 1
	both_ways "$scheduler" -n 200 -s 1400 -r 5k
	await_line 5 "$scheduler" ":$nowhere: down: .*Connection refused"
	has_line "$scheduler" ":${port[silent]}: up" && fail "silence is up"
	stop "$scheduler"
done
note "a tunnel comes up by whichever path does"
