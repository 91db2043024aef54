#!/bin/bash
# One key has 256 paths at a listener and no more, in one tunnel or in many,
# and 64 tunnels: what is beyond is refused with a reason, what stands stays,
# and another key has its paths all the same.
. "$(dirname "$0")/lib.sh"
need jq
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"

make_key listener
make_key many
make_key other
begin_file listener listener <<END
listen = ( "127.0.0.1:7000" );
peers = ( { name = "many"; key = "$(public_key many)"; },
	{ name = "other"; key = "$(public_key other)"; } );
END
start_file listener
await_listening listener

# tunnels_of FIRST LAST COUNT: of COUNT paths each.
tunnels_of() {
	local i

	for ((i = $1; i <= $2; i++)); do
		printf '%s { name = "t%d"; peer = "listener"; direct = false;
		    destination = "tcp://127.0.0.1:7000";
		    local = "%d:%d"; remote = "%d:%d";
		    paths = ( { uri = "tcp://127.0.0.1:7000"; count = %d; } ); }' \
		    "$([ "$i" = "$1" ] || echo ,)" "$i" $((11000 + i)) \
		    $((10000 + i)) $((12000 + i)) $((13000 + i)) "$3"
	done
}

# begin_connector NAME KEY FIRST LAST COUNT
begin_connector() {
	begin_file "$1" "$2" <<-END
	peers = ( { name = "listener"; key = "$(public_key listener)"; } );
	tunnels = ( $(tunnels_of "$3" "$4" "$5") );
	END
	start_file "$1"
}

is_refused() {
	[ "$(query "$1" "[.tunnels[].paths[] | select(.last_error ==
	    \"refused: $2\")] | length")" -ge "$3" ]
}

# So many at once are not all let in at the first try.
expect_problem 'more lines .*were left out' "$log_path_down"
near=10000 local=11000 bound=12000 far=13000
begin_connector paths many 0 4 52
await_paths listener 256 20
await 20 "refusal of the other 4 paths" is_refused paths \
    "this key has too many paths" 4
expect_problem 'refused: this key has too many paths'
begin_connector another other 100 100 2
await_paths another 2
both_ways standing -n 200 -s 1400 -r 5k
await_paths listener 258
note "256 paths of a key, the others are refused; another key has its own"

stop paths
await_paths listener 2
begin_connector tunnels many 0 65 1
await_paths tunnels 64 20
await_line 10 tunnels 'refused: .*: this key has too many tunnels'
expect_problem 'refused: .*: this key has too many tunnels'
# Which ones are refused nobody has chosen.
some=$(query tunnels '[.tunnels[] | select(.state == "up").name][0]')
i=${some#t}
near=$((10000 + i)) local=$((11000 + i)) bound=$((12000 + i)) far=$((13000 + i))
both_ways first -n 200 -s 1400 -r 5k
await_paths listener 66
note "64 tunnels of a key, the others are refused"
