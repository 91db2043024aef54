#!/bin/bash
# Many connectors, each of a key of its own, at one listener: they come up,
# each carries its datagrams, the listener is killed and all of them are back
# soon, and what that costs in memory and processor time is said. With
# TEST_LONG=1 200 tunnels with 500 paths, else 20 with 50. Between, the listener
# is upgraded in place with all of them.
. "$(dirname "$0")/lib.sh"
need jq pgrep
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"

tunnels=20
patience_s=20
if [ -n "${TEST_LONG:-}" ]; then
	tunnels=200
	patience_s=60
fi
tunnels=${SCALE_TUNNELS:-$tunnels}
paths=0
rate=50 # datagrams a second and tunnel
ticks_s=$(getconf CLK_TCK)

# In namespaces of our own every port is free.
service=127.0.0.1:7000
near_at=10000 local_at=11000 bound_at=12000 far_at=13000

make_keys() {
	local i

	make_key listener
	for ((i = 0; i < tunnels; i++)); do
		make_key "c$i"
		printf '%s{ name = "c%d"; key = "%s"; }' \
		    "${peers:+,}" "$i" "$(public_key "c$i")"
		peers=some
	done >"$work/peers"
}

# Two and three paths in turn.
paths_of() {
	echo $((2 + $1 % 2))
}

start_many() {
	local i

	for ((i = 0; i < tunnels; i++)); do
		paths=$((paths + $(paths_of "$i")))
		begin_file "c$i" "c$i" <<-END
		peers = ( { name = "listener"; key = "$(public_key listener)"; } );
		tunnels = ( { name = "t$i"; peer = "listener"; direct = false;
		    destination = "tcp://$service";
		    local = "$((local_at + i)):$((near_at + i))";
		    remote = "$((bound_at + i)):$((far_at + i))";
		    paths = ( { uri = "tcp://$service";
			count = $(paths_of "$i"); } ); } );
		END
		start_file "c$i"
	done
}

begin_listener() {
	begin_file "$1" listener <<-END
	listen = ( "$service" );
	peers = ( $(cat "$work/peers") );
	END
	start_file "$1"
	await_listening "$1"
}

# Of the processes given, in ticks.
cpu_of() {
	local process

	for process in "$@"; do
		cat "/proc/$process/stat" 2>/dev/null
	done | awk '{ s += $14 + $15 } END { print s + 0 }'
}

pss_of() {
	local process

	for process in "$@"; do
		cat "/proc/$process/smaps_rollup" 2>/dev/null
	done | awk '$1 == "Pss:" { s += $2 } END { print s + 0 }'
}

# spend SECONDS: of the listener's engine and of its workers, in ms of
# processor time a second.
spend() {
	local engine workers before after

	engine=$(engine_of "$listener")
	workers=$(pgrep -P "${pid[$listener]}" socktopus-work)
	# shellcheck disable=SC2086
	before=$(cpu_of "$engine" $workers)
	sleep "$1"
	# shellcheck disable=SC2086
	after=$(cpu_of "$engine" $workers)
	echo $(((after - before) * 1000 / ticks_s / $1))
}

# exchange FIRST LAST COUNT RATE: datagrams through these tunnels, at once.
exchange() {
	local i

	for ((i = $1; i <= $2; i++)); do
		start "sink$i" "$dgram" sink -a 127.0.0.1 \
		    -p $((far_at + i)) -n "$3" -i 10 -t 60
	done
	for ((i = $1; i <= $2; i++)); do
		await_line 20 "sink$i" '^port='
		start "send$i" "$dgram" send -a 127.0.0.1 \
		    -p $((near_at + i)) -n "$3" -r "$4" -s 300 \
		    127.0.0.1 $((local_at + i))
	done
}

check_exchange() {
	local i

	for ((i = $1; i <= $2; i++)); do
		finish "send$i" 60
		finish "sink$i" 60
		[ "$status" = 0 ] || fail "tunnel $i: lost or damaged:
$(cat "$work/sink$i.log")"
		expect "sink$i" distinct "$3"
		expect "sink$i" lost 0
	done
}

# No connector waits for its turn longer than the others by much.
times_up() {
	local i

	for ((i = 0; i < tunnels; i++)); do
		query "c$i" '[.tunnels[].paths[].restarts] | add'
	done | sort -n | awk '{ s += $1; v[NR] = $1 }
		END { print s, v[int((NR + 1) / 2)], v[NR] }'
}

make_keys
listener=listener
begin_listener listener
empty_kb=$(pss_of "${pid[listener]}" "$(engine_of listener)")
began=$(now_ms)
start_many
await_paths listener "$paths" "$patience_s"
note "$tunnels tunnels, $paths paths: up $(($(now_ms) - began)) ms after" \
    "the first connector was begun"

if is_root; then
	engine_kb=$(pss_of "${pid[listener]}" "$(engine_of listener)")
	# shellcheck disable=SC2046
	worker_kb=$(pss_of $(pgrep -P "${pid[listener]}" socktopus-work))
	note "listener: supervisor and engine $empty_kb kB empty," \
	    "$((engine_kb - empty_kb)) kB more with the tunnels," \
	    "workers $worker_kb kB"
	note "an idle path: $((worker_kb / paths)) kB of worker; a tunnel with" \
	    "its paths in the engine:" \
	    "$(((engine_kb - empty_kb) / tunnels)) kB"
fi

note "idle: $(spend 4) ms of processor time a second"
each=$((rate * 5))
exchange 0 $((tunnels - 1)) "$each" "$rate"
many=$(spend 4)
check_exchange 0 $((tunnels - 1)) "$each"
exchange 0 0 $((tunnels * each)) $((tunnels * rate))
one=$(spend 4)
check_exchange 0 0 $((tunnels * each))
note "$((tunnels * rate)) datagrams a second: $many ms of processor time a" \
    "second over $tunnels tunnels, $one ms over one"

# Into another process, under all of them: none ends, and none is dialled again.
has_upgraded() {
	grep -q 'engine serves, after' "$work/listener.log" &&
	    grep -q 'upgraded to' "$work/listener.log"
}

restarts() {
	times_up | cut -d' ' -f1
}

before=$(restarts)
exchange 0 $((tunnels - 1)) "$each" "$rate"
kill -USR2 "${pid[listener]}"
await 20 "upgrade of the listener" has_upgraded
pause=$(sed -n 's/.*engine serves, after a //p' "$work/listener.log")
check_exchange 0 $((tunnels - 1)) "$each"
[ "$(restarts)" = "$before" ] || fail "paths were dialled anew"
await_paths listener "$paths" 1
note "upgrade of the listener, with datagrams on all $paths paths: a $pause"
# Work on a busy machine takes longer, too, but not so.
work_ms=$(sed -n 's/.* of which \([0-9]*\)[.].* ms were work/\1/p' <<<"$pause")
[ "$work_ms" -lt 200 ] || fail "work of $work_ms ms in the pause"

# Killed outright: everybody notices at once and dials again.
# Many lines at once are left out.
expect_problem 'more lines .*were left out'
expect_problem "$log_path_down" "$log_tunnel_down" "$log_supervisor_gone"
stop listener KILL
sleep "${SCALE_OUTAGE_S:-3}"
listener=listener2
begin_listener listener2
began=$(now_ms)
await_paths listener2 "$paths" "$patience_s"
note "after a restart of the listener: all $paths paths again after" \
    "$(($(now_ms) - began)) ms"
read -r total median most < <(times_up)
note "dialled again: $total times in all, per tunnel $median (median)" \
    "and $most (most)"
exchange 0 $((tunnels - 1)) 20 100
check_exchange 0 $((tunnels - 1)) 20
note "every tunnel carries its datagrams again"
