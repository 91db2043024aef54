#!/bin/bash
# socktopusctl status: how it finds the running processes, and what becomes of
# those that do not answer as they should. Stand-ins answer.
. "$(dirname "$0")/lib.sh"
need jq socat

mkdir -p "$work/run/socktopus"
sockets=$work/run/socktopus
chmod 700 "$work/run" "$sockets"

# stand_in NAME: answers every client with $work/NAME.answer, then closes.
stand_in() {
	start "$1" socat -d -d -t 1 "UNIX-LISTEN:$sockets/$1.sock,fork" \
	    "SYSTEM:read line; cat '$work/$1.answer'"
	await_line 5 "$1" 'listening on AF='
}

# ask STATUS ARGUMENT...: its output is in $work/out and $work/err.
ask() {
	local got=0 status=$1

	shift
	"$build/socktopusctl" "$@" >"$work/out" 2>"$work/err" || got=$?
	[ "$got" = "$status" ] ||
	    fail "exit status $got of $*: $(cat "$work/err")"
	grep -qE "$log_crash" "$work/err" && fail "$* crashed"
}

holds() {
	jq -e "$1" "$work/out" >/dev/null || fail "not $1: $(cat "$work/out")"
}

says() {
	grep -qE -- "$1" "$work/err" || fail "no '$1' in $(cat "$work/err")"
}

cat >"$work/b.answer" <<'END'
process version=1 pid=11 mode=quick uptime_ms=1000
tunnel name=quick role=connector state=up peer=self sent=5 delivered=4
drop tunnel=quick cause=kernel count=3
path tunnel=quick uri=tcp://127.0.0.1:1 state=up pid=12 uptime_ms=10 rtt_ms=0.125 tx_bytes=9 rx_bytes=8 restarts=0 last_error=
end
END
sed 's/quick/logs/; s/pid=11/pid=21/' "$work/b.answer" >"$work/c.answer"

if [ -n "${E2E_ISOLATED:-}" ] || ! [ -e /run/socktopus ]; then
	ask 1 status -j
	[ ! -s "$work/out" ] || fail "output where nothing runs"
	says 'no running socktopus'
fi

# What a process that was killed left behind is nobody's.
stand_in a
stop a KILL
[ -S "$sockets/a.sock" ] || fail "no stale socket"
stand_in b
ask 0 status -j
[ ! -s "$work/err" ] || fail "words about a stale socket"
holds '.process.pid == 11 and (.tunnels | length) == 1'
holds '.tunnels[0] | .name == "quick" and .role == "connector"
    and .state == "up" and .sent == 5 and .delivered == 4
    and .dropped.kernel == 3'
holds '.tunnels[0].paths[0] | .uri == "tcp://127.0.0.1:1" and .state == "up"
    and .pid == 12 and .rtt_ms == 0.125 and .tx_bytes == 9
    and .rx_bytes == 8 and .restarts == 0 and .last_error == null'
ask 0 status
grep -q '^tunnel: quick$' "$work/out" || fail "no tunnel in the text"
grep -q $'\033' "$work/out" && fail "colours into a file"

# What limits it is asked of the same socket.
ask 0 -s "$sockets/b.sock" why -t 1
grep -q '^  Nothing: 0.0 Mbit/s are offered' "$work/out" || fail "no verdict"
ask 0 why -q -t 1 quick
[ "$(cat "$work/out")" = 'quick nothing' ] || fail "more than a word"
ask 0 why -j -t 1 quick
holds '.tunnels | length == 1 and .[0].name == "quick"
    and .[0].limit == "nothing" and .[0].pays == null
    and (.[0].sentence | startswith("Nothing: 0.0 Mbit/s"))
    and .[0].engine.busy == null and .[0].figures.delivered == 0
    and .[0].bottlenecks == []'
holds '.tunnels[0].paths | length == 1 and .[0].worker.pid == 12
    and .[0].uri == "tcp://127.0.0.1:1" and .[0].up'
ask 1 why -t 60 slow
says 'no tunnel slow'
ask 2 why -j -q
ask 2 why -t 0
ask 2 why quick slow

# Several.
stand_in c
ask 0 status -j
holds '([.processes[].pid] | sort) == [11, 21] and (.tunnels | length) == 2'
ask 0 status
[ "$(grep -c '^tunnel: ' "$work/out")" = 2 ] || fail "not both in the text"
ask 0 -s "$sockets/c.sock" status -j
holds '.process.pid == 21'
ask 0 status -j -s "$sockets/c.sock"
holds '.process.pid == 21'

# One of them is broken: the others are shown, and the exit status tells.
echo 'error not%20today' >"$work/c.answer"
ask 1 status -j
says 'c.sock: refused: not today'
holds '.process.pid == 11'
# Whatever it says, no terminal obeys it.
echo 'error no%1b[2Jt%0atoday' >"$work/c.answer"
ask 1 status
says 'c.sock: refused: no\?\[2Jt\?today$'
ask 1 -s "$sockets/c.sock" log info
says ': no\?\[2Jt\?today$'
echo 'tunnel name=x' >"$work/c.answer"
ask 1 status
says 'c.sock: the answer is cut off'
printf 'tunnel name=%%\nend\n' >"$work/c.answer"
ask 1 status
says 'c.sock: the answer is malformed'

# And one that was named.
ask 1 -s "$sockets/a.sock" status
says 'a.sock: nobody listens there'
ask 1 -s "$work/none.sock" status
says 'none.sock: No such file'
ask 1 -s "$work/$(printf '%0200d' 0).sock" status
says 'too long'
ask 1 -s /dev/null status
stop c
rm -f "$sockets/c.sock"

# A folder of somebody else has none of ours.
chmod 777 "$sockets"
"$build/socktopusctl" status -j 2>/dev/null | grep -q quick &&
    fail "a folder that everybody can write to is trusted"
chmod 700 "$sockets"
stop b
