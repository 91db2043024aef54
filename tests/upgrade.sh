#!/bin/bash
# A running service becomes another program, at either end and again and again,
# while datagrams go both ways over five paths each: every one of them arrives, and
# process, connections, workers and counters are what they were. Programs that
# are no good leave it as it is.
. "$(dirname "$0")/lib.sh"
need jq socat bc

# Its own programs, so that others can be put in their place.
bin=$work/bin
mkdir "$bin"

# install_program FILE: as package managers do, another file of the same name.
install_program() {
	cp "$1" "$bin/socktopus.new"
	chmod 755 "$bin/socktopus.new"
	mv "$bin/socktopus.new" "$bin/socktopus"
}

install_program "$build/socktopus"
cp "$build/socktopus-worker" "$bin"

make_key near
make_key far

# run_file NAME: as start_file, but of the folder.
run_file() {
	start "$1" "$bin/socktopus" -d -f "$work/$1.conf"
	socktopus_logs+=("$1")
	control[$1]=$work/$1.sock
}

begin_file listener far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
run_file listener
await_listening listener

relay_socat socat 127.0.0.1 "${port[listener]}"
relay_faulty faulty 127.0.0.1 "${port[listener]}"
relays="{ uri = \"tcp://127.0.0.1:${port[socat]}\"; },
    { uri = \"tcp://127.0.0.1:${port[faulty]}\"; }"
paths=3
for daemon in xinetd haproxy; do
	command -v "$daemon" >/dev/null || continue
	"relay_$daemon" "$daemon" 127.0.0.1 "${port[listener]}"
	relays+=", { uri = \"tcp://127.0.0.1:${port[$daemon]}\"; }"
	paths=$((paths + 1))
done

# tunnel NAME OPTIONS [PATHS]: over all the relays, or those paths, between the
# ports of pick_tuple
tunnel() {
	cat <<END
{ name = "$1"; peer = "listener"; $2
    destination = "tcp://127.0.0.1:${port[listener]}";
    local = "$loc"; remote = "$rem"; ${3:-paths = ( $relays );} }
END
}

pick_tuple
there="$near $local $far"
tunnels=$(tunnel there "")
pick_tuple
back="$far $bound $near"
tunnels+=", $(tunnel back "reorder = 1000;")"
begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( $tunnels );
END
run_file connector
await_paths connector $((2 * paths))
await_paths listener $((2 * paths))

# What must stay: workers with their connections' inodes, by node.
standing() {
	local worker

	for worker in $(query "$1" '.tunnels[].paths[].pid' | sort -n); do
		echo "$worker $(find "/proc/$worker/fd" -lname 'socket:*' \
		    -printf '%l ' | tr ' ' '\n' | sort | tr '\n' ' ')"
	done
}

restarts() {
	query "$1" '[.tunnels[].paths[].restarts] | add'
}

has_restarted() {
	[ "$(restarts connector)" -gt 0 ]
}

has_upgrades() {
	[ "$(grep -c 'engine serves, after' "$work/$1.log")" -ge "$2" ] &&
	    [ "$(grep -c 'upgraded to' "$work/$1.log")" -ge "$2" ]
}

await_upgrades() {
	await 10 "upgrade $2 of $1" has_upgrades "$1" "$2"
}

# Of each tunnel, what its loads had lost before they were sent on.
declare -A unread_before=([there]=0 [back]=0)

# begin_load NAME FROM TO AT
begin_load() {
	start "$1.sink" "$dgram" sink -a 127.0.0.1 -p "$4" -t 60 -i 5 \
	    -b 8388608
	await_line 5 "$1.sink" '^port='
	start "$1.send" "$dgram" send -a 127.0.0.1 -p "$2" -n "$count" \
	    -r "$rate" -s 200-1400 127.0.0.1 "$3"
}

# end_load NAME TUNNEL
end_load() {
	local dropped

	finish "$1.send" 60
	finish "$1.sink" 60
	expect "$1.sink" corrupt 0
	expect "$1.sink" duplicates 0
	# On a busy machine the kernel may drop before we can read, or while no
	# path is answered in time; it counts.
	dropped=$(($(unread "$2") - ${unread_before[$2]}))
	[ "$(value "$1.sink" lost)" -le \
	    $((dropped + $(value "$1.sink" kernel_drops))) ] ||
	    fail "$1: lost $(value "$1.sink" lost), of which the kernel" \
	    "dropped $dropped:" "$(query connector "[.tunnels[] |
		select(.name == \"$2\").ledger] | tostring")"
	unread_before[$2]=$((unread_before[$2] + dropped))
	note "$1: $(value "$1.sink" received) of $count arrived, the kernel" \
	    "had no room for $dropped, longest gap" \
	    "$(value "$1.sink" gap_max_ms) ms"
}

count=30000 rate=5k
for node in connector listener; do
	standing "$node" >"$work/$node.standing"
	cp "$work/$node.standing" "$work/$node.first"
done
both="${pid[connector]} ${pid[listener]}"
# shellcheck disable=SC2086
begin_load there $there
# shellcheck disable=SC2086
begin_load back $back
for turn in 1 2 3; do
	install_program "$build/socktopus"
	engine=$(engine_of connector)
	"$build/socktopusctl" -s "${control[connector]}" upgrade ||
	    fail "no upgrade"
	await_upgrades connector "$turn"
	[ "$(engine_of connector)" != "$engine" ] || fail "the same engine"
	kill -USR2 "${pid[listener]}"
	await_upgrades listener "$turn"
done
end_load there there
end_load back back

[ "$both" = "${pid[connector]} ${pid[listener]}" ] || fail "other processes"
for node in connector listener; do
	# Of others nothing is to be seen but by root.
	for process in "${pid[$node]}" "$(engine_of "$node")"; do
		is_root || continue
		[ "$(stat -Lc %i "/proc/$process/exe")" = \
		    "$(stat -c %i "$bin/socktopus")" ] ||
		    fail "$node: $process runs another program"
	done
	standing "$node" | cmp -s - "$work/$node.standing" ||
	    fail "$node: other workers or connections:
$(standing "$node" | diff - "$work/$node.standing")"
	[ "$(restarts "$node")" = 0 ] || fail "$node: a path was dialled anew"
	note "$node: pauses of" "$(sed -n \
	    's/.*engine serves, after a pause of //p' "$work/$node.log" |
	    tr '\n' ',')"
done
# How long it was depends on what else the machine does, the work does not.
cat "$work/connector.log" "$work/listener.log" |
    sed -n 's/.*engine serves, after .* of which \([0-9]*\)[.].* ms were work/\1/p' \
    >"$work/worked"
[ "$(wc -l <"$work/worked")" = 6 ] || fail "the work of a pause is not told"
[ "$(sort -n "$work/worked" | tail -n 1)" -lt $((50 * ${E2E_PATIENCE:-1})) ] ||
    fail "work of $(tr '\n' ' ' <"$work/worked") ms in the pauses"
expect back.sink reordered 0
[ "$(query connector '.tunnels[0].sent')" -ge $((count - unread_before[there])) ] ||
    fail "a counter began anew"

# What is no good. Each leaves the engine that serves.
expect_problem 'no upgrade: '

# has_said LINES PATTERN: behind so many lines.
has_said() {
	tail -n +$(($1 + 1)) "$work/connector.log" | grep -Eq "$2"
}

# refused WORDS: an upgrade to what is installed now.
refused() {
	local said lines

	lines=$(wc -l <"$work/connector.log")
	if said=$("$build/socktopusctl" -s "${control[connector]}" upgrade \
	    2>&1); then
		fail "upgraded to what is no good: $1"
	fi
	grep -Eq "$1" <<<"$said" || fail "not '$1' but: $said"
	await 5 "word of '$1' in the log" has_said "$lines" "no upgrade: .*$1"
	[ "$(engine_of connector)" = "$engine" ] || fail "$1: another engine"
	standing connector | cmp -s - "$work/connector.first" ||
	    fail "$1: other workers or connections"
	note "$said"
}

count=15000 rate=3k
engine=$(engine_of connector)
# shellcheck disable=SC2086
begin_load undisturbed $there
install_program "$build/tests/next_early"
refused 'the new program: killed by signal 4'
install_program "$build/tests/next_version"
refused 'the new program: its state is of another version'
echo "this is no program" >"$work/text"
install_program "$work/text"
refused 'the new program: it is no program'
printf '#!/bin/sh\nexit 0\n' >"$work/text"
install_program "$work/text"
refused 'the new program: it is no program'
install_program /bin/true
refused 'the new program: exit status 0'
chmod 644 "$bin/socktopus"
refused 'open the new program: Permission denied'
rm "$bin/socktopus"
refused 'open the new program: No such file'
install_program "$build/tests/next_late"
refused 'the new engine: killed by signal 4'
install_program "$build/socktopus"
mv "$bin/socktopus-worker" "$bin/elsewhere"
refused 'it has no worker program'
mv "$bin/elsewhere" "$bin/socktopus-worker"
end_load undisturbed there

# One that takes the state and does nothing with it costs a second.
install_program "$build/tests/next_mute"
count=1500 rate=500
# shellcheck disable=SC2086
begin_load mute $there
refused 'the new engine: no answer in time'
end_load mute there

# Whoever asks for another one meanwhile is refused, and nobody else is: not who
# asked for the first, nor the engine that waits for the end of it.
install_program "$build/tests/next_slow"
count=4500 rate=1k
# shellcheck disable=SC2086
begin_load slow $there
lines=$(wc -l <"$work/connector.log")
start first "$build/socktopusctl" -s "${control[connector]}" upgrade
await 5 "an upgrade under way" has_said "$lines" 'upgrade to'
kill -USR2 "${pid[connector]}"
if said=$("$build/socktopusctl" -s "${control[connector]}" upgrade 2>&1); then
	fail "upgraded twice at once"
fi
grep -q 'another one or a reload is under way' <<<"$said" ||
    fail "who asked second: $said"
await 5 "the new engine" has_said "$lines" 'locked in'
for ((i = 0; i < 2; i++)); do
	sleep 0.05
	has_said "$lines" 'engine serves' || kill -USR2 "${pid[connector]}"
done
finish first 5
[ "$status" = 0 ] || fail "who asked first: $(cat "$work/first.log")"
# Where this test got no time, the last one may have begun another one.
turns() {
	tail -n +$((lines + 1)) "$work/connector.log" | grep -c "$1"
}
is_upgraded() {
	[ "$(turns 'supervisor: upgrade to')" = "$(turns 'upgraded to')" ] &&
	    [ "$(turns 'engine serves, after')" = "$(turns 'upgraded to')" ]
}
await 10 "end of the upgrade" is_upgraded
turns=$((3 + $(turns 'upgraded to')))
has_said "$lines" 'no upgrade: another one' || fail "nobody was refused"
end_load slow there
[ "$(restarts connector)" = 0 ] || fail "slow: a path was dialled anew"

# And a good one is as welcome as ever, and the next at once, while the engine
# of that slow one has not ended; paths that fail come back.
install_program "$build/socktopus"
for turn in $((turns + 1)) $((turns + 2)); do
	"$build/socktopusctl" -s "${control[connector]}" upgrade ||
	    fail "no upgrade"
	await_upgrades connector "$turn"
done
expect_problem "$log_path_down"
kill_worker_of connector '.tunnels[0].paths[0]'
await 5 "respawn" has_restarted
await_paths connector $((2 * paths))
one_way again "$near" "$local" "$far" -n 100 -r 5k

# What is set down stays so, and comes back with its pool when it is set up.
ctl() {
	"$build/socktopusctl" -s "${control[connector]}" "$@" || fail "no $*"
}
paths_of() {
	query connector "[.tunnels[] | select(.name == \"$1\").paths[] |
	    select(.state != \"resting\")] | length"
}
has_paths_of() {
	[ "$(paths_of "$1")" = "$2" ]
}
pick_tuple
tunnels+=", $(tunnel pooled "direct = false;" \
    "pool = { use = 1; uris = ( \"tcp://127.0.0.1:${port[socat]}\" ); };")"
begin_file connector near <<END
peers = ( { name = "listener"; key = "$(public_key far)"; } );
tunnels = ( $tunnels );
END
ctl reload
await_paths connector $((2 * paths + 1))
ctl tunnel down back
ctl tunnel down pooled
await 5 "end of paths" has_paths_of back 0
await 5 "end of a pool's path" has_paths_of pooled 0
ctl upgrade
await_upgrades connector $((turns + 3))
sleep 0.5
has_paths_of back 0 || fail "an upgrade dials for what is set down"
ctl tunnel up pooled
await_paths connector $((paths + 1))
ctl tunnel up back
await_paths connector $((2 * paths + 1))
both_ways pooled -n 100 -s 1400 -r 5k
note "what was set down stayed so"

# By hand as before; what may be a service's name, too.
pick_tuple
ctl tunnel add learned peer=listener "local=$local:learn" "remote=$rem" \
    "destination=tcp://127.0.0.1:${port[listener]}"
await_paths connector $((2 * paths + 2))
ctl tunnel del learned

# A name that is a link, and leads elsewhere by now; relative as by hand.
cp "$build/socktopus" "$bin/socktopus-1"
cp "$build/socktopus" "$bin/socktopus-2"
ln -s socktopus-1 "$bin/linked"
begin_file linked far <<END
listen = ( "127.0.0.1:0" );
peers = ( { name = "near"; key = "$(public_key near)"; } );
END
start linked env -C "$work" bin/linked -d -f "$work/linked.conf"
socktopus_logs+=(linked)
control[linked]=$work/linked.sock
await_listening linked
# leads_to FILE: is it what the service is by now?
leads_to() {
	! is_root || [ "$(stat -Lc %i "/proc/${pid[linked]}/exe")" = \
	    "$(stat -c %i "$1")" ] || fail "not upgraded to $1"
}
ln -sfn socktopus-2 "$bin/linked"
rm "$bin/socktopus-1"
"$build/socktopusctl" -s "${control[linked]}" upgrade || fail "no upgrade"
await_upgrades linked 1
leads_to "$bin/socktopus-2"
note "a link was followed"
mkdir "$work/other"
cp "$build/socktopus" "$work/other"
ln -sfn ../other/socktopus "$bin/linked"
if said=$("$build/socktopusctl" -s "${control[linked]}" upgrade 2>&1); then
	await_upgrades linked 2
	leads_to "$work/other/socktopus"
else
	grep -q 'in a folder of which nothing may be executed' <<<"$said" ||
	    fail "another folder: $said"
	leads_to "$bin/socktopus-2"
fi
note "another folder: ${said:-upgraded}"

# A keeper that gets no time starts a new engine when nobody waits for it any
# more: that is not the one of the next upgrade.
[ -n "${TEST_LONG:-}" ] || exit 0
expect_problem "process [0-9]* was nobody's"
find_child connector keeper
keeper=$child
kill -STOP "$keeper"
said=$("$build/socktopusctl" -s "${control[connector]}" upgrade 2>&1) &&
    fail "upgraded without a keeper"
grep -q 'the new engine: no answer in time' <<<"$said" ||
    fail "a keeper that is late: $said"
kill -CONT "$keeper"
ctl upgrade
await_upgrades connector $((turns + 4))
both_ways pooled -n 100 -s 1400 -r 5k
note "a keeper that was late kept nothing from the next upgrade"
