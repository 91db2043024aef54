#!/bin/bash
# Another `sandbox` by a reload decides what the next engine makes of a kernel
# that lacks a part; no connection is another. What the kernel does not have
# cannot be required. And what a plain user's start does not mean is not told.
. "$(dirname "$0")/lib.sh"
need jq ss

# Its own programs, as in upgrade.sh.
bin=$work/bin
mkdir "$bin"
cp "$build/socktopus-worker" "$bin"
install_program() {
	cp "$1" "$bin/socktopus.new"
	mv "$bin/socktopus.new" "$bin/socktopus"
}
install_program "$build/socktopus"

pick_tuple
listen_for near
gate=${port[listener]}

# file NAME SANDBOX [KEYS]
file() {
	begin_file "$1" near <<-END
	sandbox = "$2"; log = { level = "debug"; }; ${3:-}
	peers = ( { name = "far"; key = "$(public_key far)"; } );
	tunnels = ( { name = "t"; peer = "far"; local = "$loc";
	    remote = "$rem"; destination = "tcp://${host:-127.0.0.1}:$gate"; } );
	END
}

# reload NAME ANSWER: its last line is that.
reload() {
	hup "$1"
	grep 'supervisor: .*reloaded' "$work/$1.log" | tail -n 1 |
	    grep -q "supervisor: $2" || fail "$1: $(tail -n 5 "$work/$1.log")"
}

same() {
	inode "$gate" | grep -qx "$first" ||
	    fail "$1: the connection is another"
}

upgrade() {
	"$build/socktopusctl" -s "${control[connector]}" upgrade 2>&1
}

file connector best-effort
start connector "$bin/socktopus" -f "$work/connector.conf"
socktopus_logs+=(connector)
control[connector]=$work/connector.sock
await_paths connector 1
first=$(inode "$gate" | head -n 1)
[ -n "$first" ] || fail "no socket is to be seen"
has_line connector 'built for tests: not locked in' &&
    skip "what is not locked in lacks nothing"
has_line connector 'engine: locked in: .* Landlock level [1-9]' ||
    skip "this kernel has no Landlock"

# Required: the next engine ends when something is missing.
expect_problem 'no upgrade: ' 'lock-in: this kernel has no ' 'not reloaded' \
    'configuration: ' 'worker_user: another value waits' "$log_path_down" \
    'no Landlock in this kernel' ' user: another value waits'
file connector required
reload connector reloaded
has_line connector 'engine: sandbox: required for the next engine' ||
    fail "nobody says that it is required"
engine=$(engine_of connector)
install_program "$build/tests/next_old"
said=$(upgrade) && fail "an engine without Landlock took over: $said"
has_line connector 'this kernel has no Landlock .*not "best-effort"' ||
    fail "nobody says what is missing"
[ "$(engine_of connector)" = "$engine" ] || fail "it is another engine"
same "required"

# Best effort: it goes on without, and then no more can be required.
file connector best-effort
reload connector reloaded
said=$(upgrade) || fail "no engine without Landlock took over: $said"
has_line connector 'engine: locked in: seccomp filter, Landlock level 0' ||
    fail "the new engine has Landlock"
same "best-effort"
file connector required 'worker_user = "nobody";'
reload connector 'not reloaded'
has_line connector 'sandbox: cannot be "required", the engine runs without' ||
    fail "nobody says why it is refused"
file connector best-effort
reload connector reloaded
install_program "$build/socktopus"
upgrade >/dev/null || fail "no way back to an engine with all"
file connector required
reload connector reloaded
same "an upgrade and back"
both_ways after -n 100 -s 1400 -r 5k
note "an engine is locked in as the file says by the time it starts"

# Users: the rest of the file is in force. One that is none, which the next
# start would find, is found by -n.
if is_root; then
	file connector best-effort 'worker_user = "nobody";'
	reload connector reloaded
	has_line connector 'worker_user: another value waits for a restart: .*the rest of the file is in force' ||
	    fail "no word of the user"
	has_line connector 'sandbox: best-effort' || fail "the rest is not done"
	file connector best-effort 'user = "nobodyatall";'
	reload connector reloaded
	"$build/socktopus" -n -f "$work/connector.conf" 2>"$work/check" &&
	    fail "-n takes a user that is none"
	grep -q 'user "nobodyatall": does not exist' "$work/check" ||
	    fail "-n says $(cat "$work/check")"
fi
stop connector

# A kernel that has neither cannot be required to.
start old env "$build/tests/old_kernel" "$bin/socktopus" \
    -f "$work/connector.conf"
finish old
has_line old 'nobodyatall|no (Landlock|seccomp)' || fail "it starts"
file connector best-effort
start old env "$build/tests/old_kernel" "$bin/socktopus" \
    -f "$work/connector.conf"
control[old]=$work/connector.sock
await_line 10 old 'supervisor: ready'
file connector required
reload old 'not reloaded'
has_line old 'configuration: sandbox: cannot be "required", this kernel has no ' ||
    fail "no word of what the kernel lacks"
stop old
note "what a kernel does not have cannot be required"

# As a user: users mean nothing, and relays have names.
is_root || exit 0
need setpriv
mkdir -m 700 "$work/plain"
cp "$build/socktopus" "$build/socktopus-worker" "$work/near.key" "$work/plain"
file connector required 'user = "socktopus";'
sed "s|$work|$work/plain|" "$work/connector.conf" >"$work/plain/plain.conf"
chown -R 61003:61003 "$work/plain"
chmod 711 "$work"
start plain setpriv --reuid=61003 --regid=61003 --clear-groups \
    "$work/plain/socktopus" -f "$work/plain/plain.conf"
socktopus_logs+=(plain)
control[plain]=$work/plain/connector.sock
await_paths plain 1
first=$(inode "$gate" | head -n 1)
host=ip6-localhost
file connector required 'worker_user = "daemon"; user = "nobodyatall";'
host=
grep -q ip6-localhost /etc/hosts &&
    sed "s|$work|$work/plain|" "$work/connector.conf" >"$work/plain/plain.conf"
reload plain reloaded
has_line plain 'user: another value' && fail "users mean nothing here"
has_line plain 'numeric' && fail "a relay with a name is refused"
stop plain
note "a plain user's file may name users and relays"
