#!/bin/bash
# Descriptors run out at the listener, then at the connector, and then there
# may be no more processes: what runs is served, nothing spins, and everything
# is back once there is room again.
. "$(dirname "$0")/lib.sh"
is_root || skip "it looks into the processes, and limits them"
need jq pgrep prlimit

start_listener listener "0.0.0.0:0"
pick_tuple
tuple=("$near" "$local" "$bound" "$far")
start_connector connector "$loc" "$rem" "tcp://127.0.0.1:${port[listener]}"

# limit_descriptors NAME MORE: so many more than there are.
limit_descriptors() {
	local engine used

	engine=$(engine_of "$1")
	used=$(find "/proc/$engine/fd" -mindepth 1 | wc -l)
	limit "$engine" --nofile=$((used + $2)):
}

# no_descriptors NAME: not one more
no_descriptors() {
	local engine lowest=0

	engine=$(engine_of "$1")
	while [ -L "/proc/$engine/fd/$lowest" ]; do
		lowest=$((lowest + 1))
	done
	limit "$engine" --nofile="$lowest:"
}

# limit PID LIMIT: as the user of that process, who needs no capability for it.
limit() {
	local ids

	read -r -a ids < <(ps -o uid=,gid= -p "$1")
	if [ "${ids[0]}" = "$(id -u)" ]; then
		ids=(env)
	else
		ids=(setpriv --reuid "${ids[0]}" --regid "${ids[1]}"
		    --clear-groups)
	fi
	"${ids[@]}" prlimit --pid "$1" "$2" || skip "prlimit is not permitted"
}

count_lines() {
	grep -Ec -- "$2" "$work/$1.log"
}

with_first_tuple() {
	near=${tuple[0]} local=${tuple[1]} bound=${tuple[2]} far=${tuple[3]}
	"$@"
}

log_paused='accept: Too many open files; paused'
expect_problem "$log_paused" "$log_path_down" 'fork: '
limit_descriptors listener 6
began=$SECONDS
start flood "$build/tests/flood" -h -n 100 -t 4 "${port[listener]}"
await_line 10 listener "$log_paused"
# Nobody can be asked meanwhile what the kernel dropped.
E2E_PATIENCE=1 with_first_tuple both_ways short -n 2000 -s 1400 -r 2k
finish flood
pauses=$(count_lines listener "$log_paused")
[ "$pauses" -le $((SECONDS - began + 2)) ] ||
    fail "paused $pauses times in $((SECONDS - began)) s"
expect flood answered_bytes 0
limit_descriptors listener 100
pick_tuple
start_connector late "$loc" "$rem" "tcp://127.0.0.1:${port[listener]}"
with_first_tuple both_ways long -n 500 -s 1400 -r 2k
stop late
has_line listener 'notice engine: .*: accepting again' || fail "not said"
note "listener: $pauses pauses, then a new peer"

# kill_path: the connector's worker goes, and no other can be had.
kill_path() {
	restarts=$(query connector '.tunnels[0].paths[0].restarts')
	began=$SECONDS
	kill_worker_of connector '.tunnels[0].paths[0]'
	await_line 10 connector "$1"
	sleep 2 # to see whether it spins
	restarts=$(($(query connector '.tunnels[0].paths[0].restarts') -
	    restarts))
	began=$((SECONDS - began))
	[ "$restarts" -le $((6 + began)) ] ||
	    fail "restarted $restarts times in $began s"
	note "$1: $restarts restarts in $began s"
}

limit_descriptors connector 2
kill_path 'down: worker: cannot start: Too many open files'
limit_descriptors connector 100
await_paths connector 1 15
with_first_tuple both_ways again -n 500 -s 1400 -r 2k

# Who asks has to wait.
began=$SECONDS
no_descriptors connector
start asks "$build/socktopusctl" -s "${control[connector]}" status
await_line 5 connector "sock: $log_paused"
limit_descriptors connector 100
finish asks 10
pauses=$(count_lines connector 'ccept.*Too many open files')
[ "$pauses" -le $((SECONDS - began + 4)) ] ||
    fail "a client was refused $pauses times in $((SECONDS - began)) s"
note "control socket: $pauses pauses, then an answer"

[ "$(ps -o uid= -p "${pid[connector]}" | tr -d ' ')" != 0 ] ||
    skip "root has no limit of processes"
limit "${pid[connector]}" --nproc=1:
kill_path 'down: worker: cannot fork: Resource temporarily unavailable'
limit "${pid[connector]}" --nproc="$(ulimit -Hu)":
await_paths connector 1 15
with_first_tuple both_ways last -n 500 -s 1400 -r 2k
