#!/bin/bash
# socktopusctl watch: lines in a pipe; on a terminal a table that follows its
# size and its keys, and gives the terminal back however it ends.
. "$(dirname "$0")/lib.sh"
. "$tests/lib_views.sh"
need script socat

start_pair
watch=$build/socktopusctl

# --- lines ------------------------------------------------------------------

# An engine that gets no time does not answer in that of a watch.
has_both_turns() {
	"$watch" -s "${control[connector]}" watch -c 2 -i 0.2 >"$work/lines" ||
	    fail "exit status $? of watch"
	[ "$(grep -c . "$work/lines")" = 9 ]
}
await 10 "nine lines" has_both_turns
[ "$(head -n 1 "$work/lines" | tr '\t' ' ')" = \
    'TIME TUNNEL PATH STATE RTT_MS TX_RATE RX_RATE LOST WHY' ] ||
    fail "no titles"
awk -F'\t' 'NF != 9 { exit 1 }' "$work/lines" || fail "not nine fields"
grep -qE "^20[-0-9:TZ]+	logs	tcp://127.0.0.1:${port[relay1]}	up	" \
    "$work/lines" || fail "no line of a path"
grep -qE '^20[-0-9:TZ]+	logs	-	up	-	-	-	none	-$' "$work/lines" ||
    fail "no line of a tunnel"
grep -q $'\033' "$work/lines" && fail "it steers a pipe"
"$watch" -s "$work/none.sock" watch >"$work/lines" 2>"$work/err" &&
    fail "a success without a process"
for bad in '-i 0' '-i x' '-i nan' '-c 0' '-x' 'more'; do
	# shellcheck disable=SC2086 # words
	"$watch" watch $bad >/dev/null 2>&1
	[ $? = 2 ] || fail "watch $bad is no usage error"
done

# What was lost, and after two seconds what limits it.
cat >"$work/busy.answer" <<'END'
process version=1 pid=1 mode=file uptime_ms=1000
tunnel name=busy role=connector state=down peer=far local=127.0.0.1:1
ledger direction=out state=settled came_in=20 kernel=5 no_room=2 delivered=13
ledger direction=in state=unknown came_in=9 late=1 held=3
path id=0 uri=tcp://127.0.0.1:2 state=waiting
end
END
stand_in busy
tells_limit() {
	"$watch" -s "$sockets/busy.sock" watch -c 5 -i 0.5 >"$work/lines" ||
	    fail "exit status $? of watch"
	grep -qE '	busy	-	down	-	-	-	out 5 kernel, 2 no_room; in 1 late	-$' \
	    "$work/lines" && tail -n 2 "$work/lines" |
	    grep -qE ' late	Nothing gets through: the only path, [^ ]*, is not up(: .*)?\.$'
}
await 20 "losses, and a sentence" tells_limit

# --- a terminal -------------------------------------------------------------

# What is typed comes from a pipe that stays open.
mkfifo "$work/keys"
exec 9<>"$work/keys"

# watch_on_terminal NAME [TERM [OPTIONS]]: 100 columns; its screen goes to
# NAME.screen.
watch_on_terminal() {
	rm -f "$work/pid" "$work/tty" "$work/before" "$work/after" "$work/code"
	cat >"$work/inner" <<-INNER
	stty rows 24 cols 100
	stty -g >'$work/before'
	tty >'$work/tty'
	sh -c 'echo \$\$ >"$work/pid"; exec "$watch" ${3:-} watch -i 0.2'
	echo \$? >'$work/code'
	stty -g >'$work/after'
	INNER
	# start() has no input for what it starts.
	start "$1" sh -c "exec env TERM='${2:-xterm}' LC_ALL=C.UTF-8 \
	    script -qfc \"sh '$work/inner'\" '$work/$1.screen' <'$work/keys'"
}

shows() {
	grep -qaE -- "$2" "$work/$1.screen"
}

titles() {
	grep -oa RTT "$work/$1.screen" | wc -l
}

has_more_titles() {
	[ "$(titles "$1")" -gt "$2" ]
}

# gives_back NAME STATUS: what the terminal was before, it is again.
gives_back() {
	finish "$1"
	[ "$(cat "$work/code")" = "$2" ] ||
	    fail "$1: exit status $(cat "$work/code"), not $2"
	cmp "$work/before" "$work/after" || fail "$1: the modes are others"
	[ "$(grep -oaE $'\033\\[\\?(1049[hl]|25h)' "$work/$1.screen" |
	    tail -n 2 | tr -d '\033\n')" = '[?25h[?1049l' ] ||
	    fail "$1: the screen is not given back"
}

# One that has no screen gets lines.
[ "$(TERM=dumb timeout 10 script -qfc "$watch watch -c 1" /dev/null </dev/null |
    head -c 12)" = "$(printf 'TIME\tTUNNEL\t' | head -c 12)" ] ||
    fail "a screen on a dumb terminal"

hostile_answer | sed 's/name=[^ ]*/name=%1b]0;owned%07/' >"$work/hostile.answer"
stand_in hostile
for end in INT TERM HUP QUIT; do
	watch_on_terminal "$end"
	await 10 "table" shows "$end" "tcp://127.0.0.1:${port[relay1]}"
	await 10 "graph" shows "$end" '[▁▂▃▄▅▆▇█]'
	await 10 "losses" shows "$end" 'lost: out 5 kernel, 2 no_room; in 1 late'
	await 10 "sentence" shows "$end" 'Nothing gets through: the only path'
	kill -"$end" "$(cat "$work/pid")"
	gives_back "$end" $((128 + $(kill -l "$end")))
	grep -qaF $'\033]0;' "$work/$end.screen" &&
	    fail "hostile words steer the terminal"
done
stop hostile

# The size: fewer columns, a new drawing without graphs.
watch_on_terminal resize
await 10 "table" shows resize "tcp://127.0.0.1:${port[relay1]}"
rates() {
	grep -oa RX "$work/resize.screen" | wc -l
}
before=$(titles resize) before_rates=$(rates)
stty -F "$(cat "$work/tty")" cols 60
await 10 "drawing of another size" has_more_titles resize "$before"
[ "$(rates)" = "$before_rates" ] ||
    fail "what has no room in a line goes on in the next"
stty -F "$(cat "$work/tty")" cols 5 rows 1
sleep 0.3
stty -F "$(cat "$work/tty")" cols 300 rows 100
kill -0 "$(cat "$work/pid")" || fail "a size ended it"
kill "$(cat "$work/pid")"
gives_back resize 143

# Stopped, the terminal is the shell's; continued, it is ours again.
taken_twice() {
	[ "$(grep -oaF '[?1049h' "$work/$1.screen" | wc -l)" = 2 ]
}
watch_on_terminal stopped
await 10 "table" shows stopped "tcp://127.0.0.1:${port[relay1]}"
kill -TSTP "$(cat "$work/pid")"
await 10 "the terminal back" shows stopped $'\033\\[\\?1049l'
kill -CONT "$(cat "$work/pid")"
await 10 "the table again" taken_twice stopped
kill "$(cat "$work/pid")"
gives_back stopped 143

# The keys.
watch_on_terminal keys
await 10 "table" shows keys "tcp://127.0.0.1:${port[relay1]}"
printf 'jjk\033[6~' >&9
sleep 0.3
kill -0 "$(cat "$work/pid")" || fail "a key ended it"
printf q >&9
gives_back keys 0

# Nobody answers: the screen says who, and why.
watch_on_terminal nobody xterm "-s $work/none.sock"
await 10 "a reason" shows nobody 'none\.sock:'
kill "$(cat "$work/pid")"
gives_back nobody 143

# A terminal that nobody knows gets lines.
watch_on_terminal unknown nonesuch
await 10 "lines" shows unknown 'TIME.*TUNNEL'
kill "$(cat "$work/pid")"
finish unknown
