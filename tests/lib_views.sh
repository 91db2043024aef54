# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # of lib.sh and of the tests
#
# Sourced by the tests of what socktopusctl shows: a tunnel that has something
# to show, a stand-in with hostile words, and the exporter. All sockets are
# where they are found.

sockets=$run/socktopus

# A listener and a connector; of the three paths one leads nowhere.
start_pair() {
	local nowhere

	expect_problem 'Connection refused' 'no path is up'
	install -d -m 755 "$sockets"
	! is_root || chown socktopus: "$sockets"
	make_key near
	make_key far
	begin_file listener far <<-END
	listen = ( "127.0.0.1:0" );
	peers = ( { name = "web-server"; key = "$(public_key near)"; } );
	END
	start_found listener
	await_listening listener
	relay_socat relay1 127.0.0.1 "${port[listener]}"
	relay_socat relay2 127.0.0.1 "${port[listener]}"
	nowhere=$(free_ports 1)
	pick_tuple
	begin_file connector near <<-END
	peers = ( { name = "collector"; key = "$(public_key far)"; } );
	tunnels = ( { name = "logs"; peer = "collector"; direct = false;
	    destination = "tcp://127.0.0.1:${port[listener]}";
	    local = "$loc"; remote = "$rem";
	    paths = ( { uri = "tcp://127.0.0.1:${port[relay1]}"; },
	        { uri = "tcp://127.0.0.1:${port[relay2]}"; },
	        { uri = "tcp://127.0.0.1:$nowhere"; } ); } );
	END
	start_found connector
	await_paths connector 2
}

start_found() {
	sed -i "s|^control = .*|control = \"$sockets/$1.sock\";|" \
	    "$work/$1.conf"
	start_file "$1"
	control[$1]=$sockets/$1.sock
}

# stand_in NAME: answers every client with $work/NAME.answer, then closes.
stand_in() {
	start "$1" socat -d -d -t 1 \
	    "UNIX-LISTEN:$sockets/$1.sock,fork,mode=666" \
	    "SYSTEM:read line; cat '$work/$1.answer'"
	await_line 5 "$1" 'listening on AF='
}

# Markup, line ends and quotes, as another user's process may say them.
hostile_answer() {
	cat <<-'END'
	process version=%3cb%3e pid=1 mode=quick uptime_ms=1000
	tunnel name=%3cimg%20src%3dx%20onerror%3ddocument.title%3d'owned'%3e role=connector state=up peer=%22%7d%201%0aup%7bx%3d%22 sent=5 delivered=4
	drop cause=__proto__ count=3
	path id=0 uri=javascript:alert(1)//%3cscript%3edocument.title='owned'%3c/script%3e state=up pid=12 uptime_ms=10 rtt_ms=0.125 tx_rate=5 rx_rate=0 tx_bytes=9 rx_bytes=8 restarts=0 last_error=%3csvg%20onload%3dalert(1)%3e
	end
	END
}

# start_exporter NAME [ARGUMENT...]: its port is in ${port[NAME]}.
start_exporter() {
	local name=$1

	shift
	start "$name" "${wrap[@]}" "$build/socktopusctl" exporter \
	    --listen 127.0.0.1:0 "$@"
	socktopus_logs+=("$name")
	# An engine that gets no time from the machine is none that is gone.
	expect_problem 'no answer: no answer in time'
	await_line 10 "$name" "$log_listening"
	port["$name"]=$(sed -n "s/.*$log_listening.*:\\([0-9]*\\)\$/\\1/p" \
	    "$work/$name.log" | head -n 1)
	url=http://127.0.0.1:${port[$name]}
}

# fetch PATH [OPTION...]: into $work/fetched, its headers into $work/headers.
fetch() {
	local path=$1

	shift
	curl -s -m 10 -D "$work/headers" -o "$work/fetched" "$@" "$url$path" ||
	    fail "curl $path $*: $?"
}

# code: the status of the last answer.
code() {
	sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$work/headers"
}
