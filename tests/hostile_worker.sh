#!/bin/bash
# Workers that were taken over, at either end. Each attacks on a path of its
# own: that path ends with a reason that fits, nothing corrupt is delivered,
# supervisor and engine live on, respawning is bounded, and another tunnel of
# the same process loses no more than a tenth of its goodput.
. "$(dirname "$0")/lib.sh"
need jq pgrep

# shellcheck source-path=SCRIPTDIR source=lib_hostile.sh
. "$tests/lib_hostile.sh"

rate=${HOSTILE_RATE:-10k}

# The reason that must be logged for an attack.
reason_of() {
	case $1 in
	head_* | tail_* | punch_words) echo 'broke the ring' ;;
	length_zero) echo 'impossible length' ;;
	length_most | garbage | replay | flip | punch | fill)
		echo 'impossible length|failed to open|broke the ring' ;;
	memfds) echo 'the regions held' ;;
	bell_*) echo 'rings for nothing' ;;
	*_flood) echo 'messages on and on' ;;
	message_empty | close_channel | close_bell_out) echo 'SIGKILL' ;;
	message_random) echo 'impossible message|SIGKILL' ;;
	message_*) echo 'impossible message' ;;
	drip) echo 'rings for nothing|failed to open|no answer in|replaced by a' ;;
	never_drain | stop | spin | close_*) echo 'no answer in|replaced by a' ;;
	crash) echo 'SIGSEGV' ;;
	leave) echo 'worker ended' ;;
	dribble) echo '.*' ;;
	*) fail "$1: no such attack" ;;
	esac
}

# run SIDE SECONDS ATTACK...: all at once; the calm tunnel's goodput of those
# seconds is in $goodput.
run() {
	local side=$1 seconds=$2 engine

	shift 2
	: >"$hostile/attacks"
	start_nodes "$side" $#
	engine=$(engine_of "$side")
	bad_since=$SECONDS
	go_bad "$side" "$@"
	start echo "$dgram" echo -a 127.0.0.1 -p "$far"
	await_line 5 echo '^port='
	start ping "$dgram" ping -a 127.0.0.1 -p "$near" -s 100-9000 -r 1500 \
	    -t "$seconds" -i 1 127.0.0.1 "$local"
	start sink "$dgram" sink -a 127.0.0.1 -p "$calm_far" -i 1 -t 60
	await_line 5 sink '^port='
	start send "$dgram" send -a 127.0.0.1 -p "$calm_near" -r "$rate" \
	    -t "$seconds" 127.0.0.1 "$calm_local"
	finish send 60
	finish sink 60
	finish ping 60
	goodput=$(value sink received)
	expect sink corrupt 0
	expect ping corrupt 0
	expect ping duplicates 0
	[ "$(value ping received)" -gt 0 ] || fail "$*: nothing came back"
	if ! is_alive "$side" ||
	    [ "$(engine_of "$side")" != "$engine" ]; then
		fail "$side: supervisor or engine died"
	fi
	! grep BREACH "$work/$side.log" || fail "$side: the engine is open"
	number=0
	for name in "$@"; do
		number=$((number + 1))
		check_end "$side" "$name" "/(tcp://)?127.0.1.$number:"
	done
	stop echo
	stop connector
	stop listener
}

# It may still have to come: a machine that has no time lets a worker begin late.
check_end() {
	local side=$1 name=$2 path=$3 ends since

	case $name in
	honest) return ;;
	dribble) ;;
	*)
		await_line 10 "$side" \
		    "$path.* down( again)?: .*($(reason_of "$name"))"
		;;
	esac
	ends=$(grep -Ec "$path.* down( again)?: " "$work/$side.log")
	# At once, then after 100 ms, doubling: no more than that.
	since=$((SECONDS - bad_since))
	[ "$ends" -le $((6 + since)) ] ||
	    fail "$side, $name: ended $ends times in $since s"
	note "$side: $name: $(grep -Eo \
	    "$path.* down( again)?: .*($(reason_of "$name")).*" \
	    "$work/$side.log" | sed 's/.* down[^:]*: //' |
	    tail -n 1), ended $ends times"
}

median() {
	sort -n | sed -n "$((($1 + 1) / 2))p"
}

calm_per_s=
# What the calm tunnel does with as many honest paths beside it.
baseline() {
	calm_per_s=$(for _ in 1 2 3; do
		run connector 3 honest honest honest >/dev/null
		echo $((goodput / 3))
	done | median 3)
	note "calm goodput: $calm_per_s datagrams/s"
}

# A machine may be busy with something else: the best of three counts.
attacks() {
	local best=0 share

	[ -n "$calm_per_s" ] || baseline
	for _ in 1 2 3; do
		run "$@"
		share=$((goodput * 1000 / (calm_per_s * $2)))
		[ "$share" -le "$best" ] || best=$share
		[ "$best" -lt 900 ] || break
	done
	printf 'goodput beside it: %d.%d %% of the calm\n' $((best / 10)) \
	    $((best % 10))
	[ "$best" -ge 900 ] || fail "$*: the other tunnel was slowed"
}

indexes='head_far head_back head_zero head_huge head_random tail_far
    tail_back tail_zero tail_huge tail_random'
bytes='length_zero length_most garbage replay fill flip punch punch_words'
messages='message_half message_long message_empty message_kind message_text
    message_random message_descriptors memfds crash leave close_channel
    close_bell_out'
floods='bell_storm bell_polite bell_patient event_flood up_flood'
silences='never_drain stop spin drip close_bell_in close_regions close_socket
    dribble'
# One trial can be asked for: SIDE SECONDS ATTACK...
if [ $# -gt 0 ]; then
	attacks "$@"
	exit
fi
# shellcheck disable=SC2086 # lists
for side in connector listener; do
	attacks "$side" 3 $indexes
	attacks "$side" 3 $bytes
	attacks "$side" 3 $messages
	if [ -z "${TEST_LONG:-}" ]; then
		attacks "$side" 3 $floods
	else
		for flood in $floods; do
			attacks "$side" 3 "$flood"
		done
	fi
	attacks "$side" 11 $silences
done
