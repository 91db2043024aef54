#!/bin/bash
# What a service manager is told: ready when the engine serves and not before,
# alive while the engine turns and no longer.
. "$(dirname "$0")/lib.sh"
need jq socat pgrep

manager=$work/manager.sock
start manager socat -u "UNIX-RECV:$manager,mode=666" \
    "OPEN:$work/told,creat,append"
await 5 "the manager's socket" is_for_all "$manager"

# told WORD: how often.
told() {
	grep -o -- "$1" "$work/told" | wc -l
}

was_told() {
	[ "$(told "$1")" -ge "${2:-1}" ]
}

# What was said before has been written down then.
marks=0
hear_out() {
	marks=$((marks + 1))
	printf 'mark%d\n' "$marks" | socat -u - "UNIX-SENDTO:$manager"
	await 10 "all that was told" was_told "mark$marks$"
}

# managed NAME [VARIABLE=VALUE...]
managed() {
	hear_out
	: >"$work/told"
	socktopus "$@" "NOTIFY_SOCKET=$manager" WATCHDOG_USEC=400000 \
	    SERVICE=127.0.0.1:0 --
}

# A start that fails is never ready.
expect_problem 'identity: ' 'engine: exit status 1'
mkdir -p "$HOME/.config/socktopus"
(umask 077 && echo nonsense >"$HOME/.config/socktopus/identity.key")
managed faulty
finish faulty
[ "$status" = 1 ] || fail "exit status $status of a faulty start"
hear_out
was_told READY=1 && fail "ready without an engine"
rm "$HOME/.config/socktopus/identity.key"

# Ready means that it answers and accepts.
managed listener
await 10 "READY=1" was_told READY=1
query listener .process.pid | grep -q . || fail "ready, but does not answer"
await_listening listener
is_listening "${port[listener]}" || fail "ready, but does not listen"
await 10 "three signs of life" was_told WATCHDOG=1 3
[ "$(told READY=1)" = 1 ] || fail "ready more than once"

# An engine that stands still is not alive.
engine=$(engine_of listener)
kill -STOP "$engine"
is_silent() {
	count=$(told WATCHDOG=1)
	sleep 0.7
	[ "$(told WATCHDOG=1)" = "$count" ]
}
await 5 "silence of a stopped engine" is_silent
kill -CONT "$engine"
await 10 "signs of life again" was_told WATCHDOG=1 $((count + 2))

# Reloading ends with READY=1, which the engine gives.
kill -STOP "$engine"
kill -HUP "${pid[listener]}"
await 10 "RELOADING=1" was_told RELOADING=1
grep -q 'MONOTONIC_USEC=[0-9]' "$work/told" || fail "no time of reload"
sleep 0.3
[ "$(told READY=1)" = 1 ] || fail "reloaded before the engine was"
kill -CONT "$engine"
await 10 "READY=1 again" was_told READY=1 2

# What is out of service until a restart.
expect_problem 'opener: killed by'
kill_child listener opener
await 10 "word of the opener" was_told \
    'STATUS=Serving; no new log or named end: the opener is gone, restart'
await 10 "that word again" was_told \
    'STATUS=Serving, workers: 0; no new log or named end: the opener is gone'

was_told STOPPING=1 && fail "stopping unasked"
stop listener
[ "$status" = 0 ] || fail "exit status $status"
hear_out
was_told STOPPING=1 || fail "no STOPPING=1"

# A watchdog that is another process's.
managed foreign WATCHDOG_PID=1
await 10 "READY=1" was_told READY=1
sleep 0.5
was_told WATCHDOG=1 && fail "another process's watchdog was fed"
stop foreign
stop manager

# An abstract name.
start abstract socat -u "ABSTRACT-RECV:socktopus-$$" STDOUT
await 5 "the abstract socket" grep -q "@socktopus-$$" /proc/net/unix
socktopus quiet NOTIFY_SOCKET="@socktopus-$$" SERVICE=127.0.0.1:0 --
await_line 10 abstract READY=1
stop quiet
has_line abstract WATCHDOG=1 && fail "signs of life that nobody asked for"

# A manager that is not there.
expect_problem 'NOTIFY_SOCKET '
socktopus alone NOTIFY_SOCKET="$work/none" SERVICE=127.0.0.1:0 --
await_line 10 alone "$log_listening"
await_line 5 alone 'NOTIFY_SOCKET .*: No such file'
stop alone
