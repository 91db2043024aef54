#!/bin/bash
# Reloads, upgrades in place and paths that come and go by hand, at both nodes,
# at the same moment and in any order, under traffic: nothing is lost, and in
# the end both nodes have what they had. UPHEAVAL_SECONDS: how long.
. "$(dirname "$0")/lib.sh"
need jq

seconds=${UPHEAVAL_SECONDS:-$([ -n "${TEST_LONG:-}" ] && echo 60 || echo 5)}
seed=${UPHEAVAL_SEED:-$RANDOM}
RANDOM=$seed
note "UPHEAVAL_SEED=$seed"

listen_for near
for name in one two three; do
	relay_socat "$name" 127.0.0.1 "${port[listener]}"
done

# uri RELAY
uri() {
	echo "tcp://127.0.0.1:${port[$1]}"
}

pick_tuple
begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( { name = "t"; peer = "listener"; direct = false; resend = true;
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem";
    paths = ( { uri = "$(uri one)"; }, { uri = "$(uri two)"; } ); } );
END
start_file connector
await_paths connector 2
await_paths listener 2

# Of the engine that serves: the one before may not have ended yet.
descriptors() {
	find "/proc/$(query "$1" .process.engine_pid)/fd" -mindepth 1 \
	    2>/dev/null | wc -l
}

# What is refused because of another is no fault: that is told and nothing is
# harmed.
ctl() {
	"$build/socktopusctl" -s "${control[$1]}" "${@:2}" >>"$work/said" 2>&1 ||
	    true
}

deeds=("kill -HUP ${pid[connector]}" "kill -HUP ${pid[listener]}"
    "kill -USR2 ${pid[connector]}" "kill -USR2 ${pid[listener]}"
    "ctl connector upgrade" "ctl listener upgrade"
    "ctl connector path add t $(uri three)"
    "ctl connector path del t $(uri three)" "ctl connector reload")
# A path that is dialled just now, or was added by hand, may end; and a reload
# that begins with the pause of an upgrade is the end of that. So is a machine
# without time for it.
expect_problem 'no upgrade: another one' 'upgrade: a reload is under way' \
    'no upgrade: .*: no answer in time' \
    'upgrade: no state: Protocol error' "$log_path_down" \
    'no upgrade: the new engine: it cannot take the state over'

is_calm() {
	[ "$(query connector '[.tunnels[].paths[].state] | tostring')" = \
	    '["up","up"]' ] &&
	    [ "$(query listener '[.tunnels[].paths[].state] | tostring')" = \
		'["up","up"]' ]
}

# The rings of paths that outlived an upgrade are fewer than those of new ones,
# so both nodes are upgraded before they are looked at; what a signal asked for
# may still be under way.
calm_down() {
	local node

	await 10 "a reload" "$build/socktopusctl" -s "${control[connector]}" \
	    reload
	await 10 "the paths of the file" is_calm
	for node in connector listener; do
		await 10 "an upgrade of $node" "$build/socktopusctl" \
		    -s "${control[$node]}" upgrade
	done
}

calm_down
before="$(descriptors connector) $(descriptors listener)"
rate=2000
start sink "$dgram" sink -a 127.0.0.1 -p "$far" -i 5 -t 120 -b 8388608 \
    -n $((seconds * rate))
await_line 5 sink '^port='
start send "$dgram" send -a 127.0.0.1 -p "$near" -n $((seconds * rate)) \
    -r "$rate" -s 100-1200 127.0.0.1 "$local"
upheavals=0
while is_alive send; do
	doing=()
	for ((i = RANDOM % 4 + 1; i > 0; i--)); do
		# shellcheck disable=SC2086 # words
		${deeds[RANDOM % ${#deeds[@]}]} &
		doing+=("$!")
	done
	wait "${doing[@]}" || true
	upheavals=$((upheavals + 1))
done
finish send 30
finish sink 30
expect sink corrupt 0
expect sink duplicates 0
[ "$(value sink lost)" -le $(($(unread t) + $(value sink kernel_drops))) ] ||
    fail "lost $(value sink lost): $(query connector '.tunnels[0].ledger |
	tostring')"
calm_down
settled() {
	[ "$(descriptors connector) $(descriptors listener)" = "$before" ]
}
await 10 "as many descriptors as before" settled
[ "$(query connector '[.tunnels[].paths[].restarts] | add')" = 0 ] ||
    fail "a path of the file was dialled anew"
upgrades=$(cat "$work/connector.log" "$work/listener.log" |
    grep -c 'engine serves, after') || true
note "$upheavals upheavals, $upgrades upgrades," \
    "$(value sink received) of $((seconds * rate)) arrived"
