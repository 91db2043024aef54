# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # of lib.sh and of the tests
#
# Sourced behind lib.sh by the tests of workers that were taken over: two nodes
# with a calm tunnel, and one with paths on which workers go bad.

hostile=$work/hostile
mkdir "$hostile"
cp "$build/socktopus" "$build/socktopusctl" "$hostile"
cp "$build/tests/hostile_worker" "$hostile/socktopus-worker"
chmod 755 "$hostile" "$hostile"/*
: >"$hostile/attacks"
expect_problem "$log_path_down" 'slot [0-9]+: worker' \
    'more lines .*were left out'

make_key near
make_key far
pick_tuple
calm_near=$near calm_local=$local calm_far=$far
calm="local = \"$loc\"; remote = \"$rem\";"
pick_tuple

# start_nodes SIDE COUNT: with so many paths for workers to go bad on.
start_nodes() {
	local side=$1 number paths=

	begin_file listener far <<-END
	listen = ( "0.0.0.0:0" );
	peers = ( { name = "connector"; key = "$(public_key near)"; } );
	END
	start_side "$side" listener
	await_listening listener
	for ((number = 1; number <= $2; number++)); do
		paths+="${paths:+, }{ source = \"127.0.1.$number\";
		    uri = \"tcp://127.0.1.$number:${port[listener]}\"; }"
	done
	begin_file connector near <<-END
	peers = ( { name = "listener"; key = "$(public_key far)"; } );
	tunnels = ( { name = "calm"; peer = "listener"; $calm
	    destination = "tcp://127.0.0.1:${port[listener]}"; },
	    { name = "storm"; peer = "listener";
	    destination = "tcp://127.0.0.1:${port[listener]}";
	    local = "$loc"; remote = "$rem"; paths = ( $paths ); } );
	END
	start_side "$side" connector
	await_paths connector $(($2 + 2))
	await_paths listener $(($2 + 2))
}

start_side() {
	local build=$build wrap=()

	if [ "$1" = "$2" ]; then
		wrap=("$build/tests/old_kernel")
		expect_problem 'lock-in: this kernel has no '
		build=$hostile
		echo 'sandbox = "best-effort";' >>"$work/$2.conf"
	fi
	start_file "$2"
}

# go_bad SIDE ATTACK...: a path for each, from now on.
go_bad() {
	local side=$1 number=0 name

	shift
	for name in "$@"; do
		number=$((number + 1))
		echo "127.0.1.$number: $name" >>"$hostile/attacks"
	done
	# Those that were honest so far are ended, and come again.
	await 10 "worker of each of $number paths" knows_workers "$side" \
	    "$number"
	# shellcheck disable=SC2046 # several
	kill -KILL $(workers_of "$side") 2>/dev/null
}

# Only workers of this test's own process, and only those of the bad paths.
workers_of() {
	query "$1" '.tunnels[].paths[] |
	    select(.uri | contains("127.0.1.")).pid | select(. > 0)'
}

# The supervisor may tell of a worker later than its path comes up.
knows_workers() {
	[ "$(workers_of "$1" | wc -l)" = "$2" ]
}
