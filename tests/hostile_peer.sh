#!/bin/bash
# A peer whose key is good, and whose frames are evil: a connector to a
# listener, and a listener to a connector. What the protocol permits, at its
# worst, ends no path; anything else ends that one, with a reason. Another
# tunnel of the same process loses nothing, and neither memory, nor
# descriptors, nor the log grow.
#
# HOSTILE_SEED begins the frames; it is printed.
. "$(dirname "$0")/lib.sh"
need jq pgrep

asked=${1:-} # listener, or one kind of storm
seed=${HOSTILE_SEED:-$RANDOM$RANDOM}
rounds=2 connections=20 seconds=1 kinds='empty tiny policy'
if [ -n "${TEST_LONG:-}" ]; then
	rounds=4 connections=200 seconds=10
	kinds='empty tiny policy jump lost ping totals'
fi
note "HOSTILE_SEED=$seed"
impostor=$build/tests/impostor
sanitized=
! grep -q __asan_init "$build/socktopus" || sanitized=yes
reasons='malformed|out of place|impossible|failed to open|closed by the'
reasons+='|refused: |no answer in|connection: |replaced by a|was removed'
expect_problem "$log_path_down" 'refused: ' 'more lines .*were left out'
for name in near guest far; do
	make_key "$name"
done
# shellcheck disable=SC2046 # seven ports
set -- $(free_ports 7)
tuples=("127.0.0.1:$1:127.0.0.1:$2" "127.0.0.1:$3:127.0.0.1:$4"
    "127.0.0.1:$5:127.0.0.1:$6")
taken=$4 mine=$7
pick_tuple

begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; },
	{ name = "guest"; key = "$(public_key guest)"; clients = 8; } );
END
start_file listener
await_listening listener
start evil "$impostor" -M "$seed" -r "$work/guest.key" answer
await_line 5 evil '^port='
# With a tunnel to the evil listener, or without.
evil_tunnel=
write_connector() {
	begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; },
	{ name = "guest"; key = "$(public_key guest)"; } );
tunnels = ( { name = "calm"; peer = "listener"; local = "$loc";
    remote = "$rem"; destination = "tcp://127.0.0.1:${port[listener]}"; }
    ${evil_tunnel:+, $evil_tunnel} );
END
}
write_connector
start_file connector
await_paths connector 1
# Some of what the evil ones send is taken by somebody.
start taker "$dgram" echo -a 127.0.0.1 -p "$taken"
await_line 5 taker '^port='

# --- what must hold -----------------------------------------------------------

descriptors() {
	find "/proc/${engine[$1]}/fd" -mindepth 1 2>/dev/null | wc -l
}

memory_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/${engine[$1]}/status"
}

declare -A engine=() fds=() lines=() memory=()
for node in listener connector; do
	engine[$node]=$(engine_of "$node")
	fds[$node]=$(descriptors "$node")
	memory[$node]=$(memory_kib "$node")
	lines[$node]=1
done

# calm_begin; calm_end WHAT: nothing was lost that the connector took; for how
# long it waited is in $longest, in ms. A machine that has no time for it makes
# it take less.
calm_begin() {
	since=$SECONDS
	drops=$(($(backlog_drops) + $(unread calm)))
	start sink "$dgram" sink -a 127.0.0.1 -p "$far" -i 600
	await_line 5 sink '^port='
	start send "$dgram" send -a 127.0.0.1 -p "$near" -s 100-9000 -r 500 \
	    127.0.0.1 "$local"
}

calm_end() {
	local came

	stop send
	await 30 "end of what is under way, $1" has_settled calm
	stop sink INT
	longest=$(value sink delay_max_ms)
	came=$(value sink received)
	drops=$(($(backlog_drops) + $(unread calm) - drops +
	    $(value sink kernel_drops)))
	[ $((came + drops)) -ge "$(value send sent)" ] ||
	    fail "$1: $came of $(value send sent) came, $drops not taken"
	expect sink corrupt 0
	expect sink duplicates 0
	note "$1: $came of $(value send sent) came, the longest in $longest ms"
	[ "$(query connector '.tunnels[] | select(.name == "calm") |
	    .paths[0].restarts')" = 0 ] || fail "$1: its path was interrupted"
}

# lives_on NODE WHAT: and tells why paths ended, in not too many lines.
lives_on() {
	local workers said

	[ "$(engine_of "$1")" = "${engine[$1]}" ] || fail "$2: the engine died"
	[ -n "$(query "$1" .process.pid)" ] || fail "$2: it answers no more"
	tail -n +"${lines[$1]}" "$work/$1.log" >"$work/$1.part"
	grep -E ' down( again)?: ' "$work/$1.part" |
	    grep -Ev "$log_tunnel_down|were left out" >"$work/ends"
	! grep -Ev " down( again)?: .*($reasons)" "$work/ends" ||
	    fail "$2: ended without a reason"
	workers=$(grep -Ec 'slot [0-9]+: worker [0-9]+$' "$work/$1.part")
	said=$(grep -vc ' debug ' "$work/$1.part")
	note "$2: $workers workers, $said lines logged," \
	    "with debug $(wc -l <"$work/$1.part")"
	[ "$said" -le $((2000 + 20 * (SECONDS - since))) ] ||
	    fail "$2: it fills the log"
	[ "$(wc -l <"$work/$1.part")" -le $((said + 20 * workers + 100)) ] ||
	    fail "$2: it fills the log at debug"
	lines[$1]=$(($(wc -l <"$work/$1.log") + 1))
}

# A tunnel that nobody serves stands for a minute.
has_little() {
	[ "$(query "$1" '[.tunnels[] | select(.peer == "guest").paths[] |
	    select(.state == "up")] | length')" = 0 ] &&
	    [ "$(descriptors "$1")" -le $((fds[$1] + $2)) ]
}

# What two tunnels hold comes and goes.
hardly_grows() {
	[ -z "$sanitized" ] || return 0
	[ "$(memory_kib "$1")" -le $((memory[$1] + 24576)) ] ||
	    fail "$1: from ${memory[$1]} to $(memory_kib "$1") KiB"
	note "$1: from ${memory[$1]} to $(memory_kib "$1") KiB"
}

# stood LOG...: no fair frame ended a path. In $frames, how many there were. A
# tunnel that is removed takes paths with it that have not yet read a handshake:
# they leave unheard.
stood() {
	cat "$@" >"$work/raved"
	! grep '^unfair' "$work/raved" | grep -v ': the tunnel was removed$' ||
	    fail "fair frames ended a path"
	grep -q '^over: [1-9]' "$work/raved" || fail "nobody was fair"
	frames=$(sed -n 's/.* \([0-9]*\) frames: .*/\1/p' "$work/raved" |
	    awk '{ sum += $1 } END { print sum + 0 }')
	note "$(grep -c '^over' "$work/raved") connections," \
	    "$(grep -c '^refused' "$work/raved") refused," \
	    "$(grep -c '^unheard' "$work/raved") unheard, $frames frames"
}

# --- a connector ---------------------------------------------------------------

# rave NAME SEED TUPLE OPTION...
rave() {
	local name=$1 from=$2 tuple=$3

	shift 3
	start "$name" "$impostor" -M "$from" -i "$work/guest.key" \
	    -R "$(public_key far)" "$@" \
	    dial "${port[listener]}" "$tuple"
}

evil_connectors() {
	local round i

	calm_begin
	# Each tunnel with clients is one of its own, of up to 64, for a minute.
	rave evil1c "$seed" "${tuples[1]}" -n $((connections / 2)) -c 8
	for ((round = 1; round <= rounds; round++)); do
		for i in 0 2; do
			rave "evil$round$i" $((seed + round * 1000 + i)) \
			    "${tuples[i]}" -n "$connections"
		done
		for i in 0 2; do
			finish "evil$round$i" 600
			[ "$status" = 0 ] || fail "impostor: status $status"
		done
		[ "$round" != 1 ] || finish evil1c 600
	done
	calm_end "$1"
	stood "$work"/evil[0-9]*.log
	lives_on listener "$1"
	hardly_grows listener
	await 15 'end of evil paths' has_little listener 450
}

# On and on: others have to wait, and not for long.
storm_of() {
	calm_begin
	rave "storm$1" "$seed" "${tuples[1]}" -t "$1"
	sleep "$seconds"
	is_alive "storm$1" || fail "storm of $1: is over"
	stop "storm$1"
	calm_end "storm of $1"
	lives_on listener "storm of $1"
	awk -v is="$longest" -v may=$((1000 * ${E2E_PATIENCE:-1})) \
	    'BEGIN { exit is > may }' ||
	    miss "storm of $1: the calm tunnel had to wait $longest ms"
}

# --- a listener ----------------------------------------------------------------

has_sessions() {
	[ "$(grep -Ec '^(over|unfair|unheard)' "$work/evil.log")" -ge "$1" ]
}

# A tunnel of another name each time, so that its paths are not put off.
evil_listener() {
	local round

	calm_begin
	for ((round = 1; round <= rounds; round++)); do
		evil_tunnel="{ name = \"evil$round\"; peer = \"guest\";
		    direct = false; reorder = $((round * 50));
		    local = \"127.0.0.1:$mine:127.0.0.1:$taken\";
		    remote = \"1:2\"; destination = \"tcp://127.0.0.1:1\";
		    paths = ( { count = 32;
			uri = \"tcp://127.0.0.1:$(value evil port)\"; } ); }"
		write_connector
		hup connector
		await 30 'evil sessions' has_sessions $((round * connections * 3))
		evil_tunnel=
		write_connector
		hup connector
	done
	calm_end "$1"
	stood "$work/evil.log"
	lives_on connector "$1"
	hardly_grows connector
	await 15 'end of evil paths' has_little connector 0
}

case $asked in
'')
	evil_connectors 'evil connectors'
	for kind in $kinds; do
		thrice storm_of "$kind"
	done
	evil_listener 'an evil listener'
	;;
listener)
	evil_listener 'an evil listener'
	;;
*)
	thrice storm_of "$asked"
	;;
esac
