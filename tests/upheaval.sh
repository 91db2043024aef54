#!/bin/bash
# Reloads, upgrades in place and paths that come and go by hand, at both nodes,
# at the same moment and in any order, under traffic: nothing is lost, and in
# the end both nodes have what they had. UPHEAVAL_SECONDS: how long.
. "$(dirname "$0")/lib.sh"
need jq
[ -n "${TEST_LONG:-}" ] || skip "left for make check-long"

seconds=${UPHEAVAL_SECONDS:-60}
seed=${UPHEAVAL_SEED:-$RANDOM}
RANDOM=$seed
note "UPHEAVAL_SEED=$seed"

make_key near
make_key far
begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
start_file listener
await_listening listener
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

descriptors() {
	find "/proc/$(engine_of "$1")/fd" -mindepth 1 2>/dev/null | wc -l
}

# What is refused because of another is no fault: that is told and nothing is
# harmed.
ctl() {
	"$build/socktopusctl" -s "${control[$1]}" "${@:2}" >>"$work/said" 2>&1 ||
	    true
}

deeds=("kill -HUP ${pid[connector]}" "kill -HUP ${pid[listener]}"
    "ctl connector upgrade" "ctl listener upgrade"
    "ctl connector path add t $(uri three)"
    "ctl connector path del t $(uri three)" "ctl connector reload")
# A path that is dialled just now, or was added by hand, may end.
expect_problem 'no upgrade: ' 'upgrade: ' "$log_path_down"

is_calm() {
	[ "$(query connector '[.tunnels[].paths[].state] | tostring')" = \
	    '["up","up"]' ] &&
	    [ "$(query listener '[.tunnels[].paths[].state] | tostring')" = \
		'["up","up"]' ]
}

# The rings of paths that outlived an upgrade are fewer than those of new ones,
# so both nodes are upgraded before they are looked at.
calm_down() {
	ctl connector reload
	await 10 "the paths of the file" is_calm
	for node in connector listener; do
		"$build/socktopusctl" -s "${control[$node]}" upgrade ||
		    fail "no upgrade of $node"
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
