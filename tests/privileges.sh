#!/bin/bash
# Started as root: who the processes are and what they may.
. "$(dirname "$0")/lib.sh"
need jq setpriv
is_root || skip "not root"

start_listener listener
pick_tuple
start_connector connector "$loc" "$rem" "tcp://127.0.0.1:${port[listener]}"

# of PID FIELD: from /proc/PID/status, blanks as single spaces
of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '[:blank:]' ' '
}

# must_be PID FIELD VALUE WHO
must_be() {
	[ "$(of "$1" "$2")" = "$3" ] ||
	    fail "$4: $2 is '$(of "$1" "$2")', not '$3'"
}

nothing=0000000000000000
spawning=00000000000000e0 # KILL, SETGID, SETUID

# unprivileged PID WHO
unprivileged() {
	local set

	[ "$(of "$1" Uid | tr ' ' '\n' | sort -u | wc -l)" = 1 ] ||
	    fail "$2: its user ids differ: $(of "$1" Uid)"
	[[ $(of "$1" Uid) != 0* ]] || fail "$2 is root"
	[[ $(of "$1" Gid) != 0* ]] || fail "$2 has root's group"
	must_be "$1" Groups "" "$2"
	must_be "$1" NoNewPrivs 1 "$2"
	for set in CapInh CapPrm CapEff CapAmb; do
		must_be "$1" "$set" "${3:-$nothing}" "$2"
	done
}

# as USER COMMAND...
as() {
	setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}" 2>/dev/null
}

# no_way_to USER PID: can neither look into the process nor signal it.
no_way_to() {
	local what

	for what in mem environ maps auxv cwd/. root/. fd/0; do
		# shellcheck disable=SC2016 # the other shell's
		! as "$1" bash -c ': <"$1"' - "/proc/$2/$what" ||
		    fail "user $1 opens /proc/$2/$what"
	done
	! as "$1" kill -0 "$2" || fail "user $1 may signal $2"
}

# out_of_reach USER PID...
out_of_reach() {
	local user=$1 process

	shift
	for process in "$@"; do
		no_way_to "$user" "$process"
	done
	as "$user" "$work/socktopusctl" -V >/dev/null ||
	    fail "user $user cannot ask"
	! as "$user" "$work/socktopusctl" -s "${control[$node]}" status ||
	    fail "user $user is answered"
}
cp "$build/socktopusctl" "$work"

# The tunnel may be up before it has come so far.
find_keeper() {
	find_child "$node" keeper && [ "$(of "$child" NoNewPrivs)" = 1 ] &&
	    [ "$(of "$child" CapInh)$(of "$child" CapPrm)" = \
		"$nothing$nothing" ]
}

for node in listener connector; do
	parent=${pid[$node]}
	await 5 "a worker of $node" find_worker "$node" '.tunnels[0].paths[0]'
	await 5 "a keeper of $node that is locked in" find_keeper
	engine=$(engine_of "$node")
	[[ $engine =~ ^[0-9]+$ ]] || fail "$node: which is the engine? $engine"
	must_be "$parent" CapInh "$spawning" "$node: supervisor"
	must_be "$parent" CapAmb "$spawning" "$node: supervisor"
	must_be "$parent" CapBnd "$nothing" "$node: supervisor"
	must_be "$parent" CapPrm "$spawning" "$node: supervisor"
	must_be "$parent" CapEff "$spawning" "$node: supervisor"
	must_be "$parent" NoNewPrivs 1 "$node: supervisor"
	[[ $(of "$parent" Uid) != 0* ]] || fail "$node: supervisor is root"
	unprivileged "$engine" "$node: engine"
	unprivileged "$worker" "$node: worker"
	unprivileged "$child" "$node: keeper"
	must_be "$worker" CapBnd "$nothing" "$node: worker"
	if ! grep -q __asan_init "$build/socktopus"; then
		must_be "$worker" Seccomp 2 "$node: worker"
	fi
	if getent passwd socktopus-worker >/dev/null; then
		[ "$(of "$engine" Uid)" != "$(of "$worker" Uid)" ] ||
		    fail "$node: engine and worker share a user"
	fi
	[ "$(tr -d '\0' <"/proc/$worker/environ" | wc -c)" = 0 ] ||
	    fail "$node: the worker inherited an environment"
	note "$node: supervisor $(of "$parent" Uid), engine" \
	    "$(of "$engine" Uid), worker $(of "$worker" Uid)"
	[ "$(find "/proc/$worker/fd" -type l | wc -l)" -le 10 ] ||
	    fail "$node: the worker holds too many descriptors"
	worker_id=$(of "$worker" Uid | cut -d ' ' -f 1)
	out_of_reach 61003 "$parent" "$engine" "$worker"
	out_of_reach "$worker_id" "$parent" "$engine"
done
note "other users have no way to them"
both_ways root -n 100 -r 5k
