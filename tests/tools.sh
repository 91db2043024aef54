#!/bin/bash
# The tools that the other tests rely on: that the sink sees what is wrong, and
# that the faulty relay does the fault that it is asked for, and no other.
. "$(dirname "$0")/lib.sh"
need socat cmp

# --- dgram ----------------------------------------------------------------

# sink NAME [OPTION...]
sink() {
	local name=$1

	shift
	start "$name" "$dgram" sink -a 127.0.0.1 -i 10 -t 60 "$@"
	await_line 5 "$name" '^port='
}

# send_to NAME [OPTION...]
send_to() {
	local to

	to=$(value "$1" port)
	shift
	"$dgram" send "$@" 127.0.0.1 "$to" >/dev/null || fail "send $*"
}

sink good -n 500
send_to good -n 500 -s 0,1,23,24,1400,65507 -r 10k
finish good
[ "$status" = 0 ] || fail "good: exit status $status"
for key in lost duplicates reordered corrupt kernel_drops; do
	expect good "$key" 0
done
expect good received 500
expect good unnumbered 251

# Joined by the kernel, where it has that.
sink joined -G -n 500
send_to joined -G -n 500 -s 1000 -r 100k
finish joined
[ "$status" = 0 ] || fail "joined: exit status $status"
expect joined bytes 500000
expect joined reordered 0

sink corrupt
send_to corrupt -S 2 -n 10 -s 0,10,100
stop corrupt
[ "$status" = 1 ] || fail "corrupt: exit status $status"
# An empty datagram has nothing that could be wrong.
expect corrupt corrupt 6

# The same datagram with its last byte lost to another one.
caught=$(free_ports 1)
start catch socat -u "UDP4-RECVFROM:$caught,bind=127.0.0.1" \
    "CREATE:$work/caught"
await 5 "catcher" is_bound "$caught"
"$dgram" send -n 1 -s 100 127.0.0.1 "$caught" >/dev/null
finish catch
[ "$(wc -c <"$work/caught")" = 100 ] || fail "caught something else"
sink damaged
for end in "$(tail -c 1 "$work/caught" | od -An -to1)" 0; do
	# From a file it is read, and sent, at once.
	{ head -c 99 "$work/caught"; printf '%b' "\\0${end# }"; } \
	    >"$work/damaged"
	socat -u "OPEN:$work/damaged" \
	    "UDP4-SENDTO:127.0.0.1:$(value damaged port)"
done
stop damaged
expect damaged received 2
expect damaged corrupt 1

sink duplicates
send_to duplicates -n 10
send_to duplicates -n 20
stop duplicates
expect duplicates duplicates 10
expect duplicates received 30
expect duplicates lost 0

# Sizes in turn: a sink of another list misses the numbers in between.
sink lost -n 30
send_to lost -n 20
stop lost
[ "$status" = 1 ] || fail "lost: exit status $status"
expect lost lost 10

start echo "$dgram" echo -a 127.0.0.1
await_line 5 echo '^port='
"$dgram" ping -n 50 -s 0-2000 127.0.0.1 "$(value echo port)" \
    >"$work/ping.log" || fail "ping"
expect ping received 50
stop echo
"$dgram" ping -n 2 -i 0.1 127.0.0.1 "$(value echo port)" >"$work/ping.log"
expect ping lost 2
# Never more, and as much where the machine lets it.
keeps_pace() {
	local began took sent

	began=$(now_ms)
	"$dgram" send -t 1 -r 2000 127.0.0.1 "$1" >"$work/pace.log"
	took=$(($(now_ms) - began)) sent=$(value pace sent)
	note "2000/s for a second sent $sent in $took ms"
	if [ "$took" -lt 950 ] || [ "$sent" -gt 2100 ]; then
		fail "that is too much"
	fi
	[ "$sent" -ge 1900 ]
}
await 10 "2000 datagrams in a second" keeps_pace "$(free_ports 1)"
for bad in "-s 70000" "-s 1,," "-s 9-8" "-r fast" "-n many" "-q"; do
	# shellcheck disable=SC2086
	"$dgram" send $bad 127.0.0.1 1 2>/dev/null && fail "took $bad"
done
note "dgram counts what is lost, doubled and damaged"

# --- loglines ---------------------------------------------------------------

start collector "$loglines" sink -a 127.0.0.1 -n 3000 -t 10 -o "$work/got"
await_line 5 collector '^port='
"$loglines" send -n 3000 -S 7 -r 30k -o "$work/sent" 127.0.0.1 \
    "$(value collector port)" >/dev/null || fail "loglines send"
finish collector
"$loglines" print -n 3000 -S 7 >"$work/printed"
cmp "$work/sent" "$work/got" || fail "lines changed on the way"
cmp "$work/sent" "$work/printed" || fail "a seed makes other lines"
combined='^[0-9a-f.:]+ - [a-z-]+ \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(:[0-9]{2}){3} \+0000\] "[A-Z]+ /[^" ]* HTTP/[12]\.[01]" [1-5][0-9]{2} [0-9]+ "[^"]+" "[^"]+"$'
[ "$(grep -Ec "$combined" "$work/printed")" = 3000 ] ||
    fail "no Combined Log Format: $(grep -Evm1 "$combined" "$work/printed")"
note "loglines makes the Combined Log Format"

# --- faulty_relay -----------------------------------------------------------

frame() {
	printf '\0%b%s' "\\x$(printf '%02x' "${#1}")" "$1"
}

# through NAME [OPTION...]: four frames through a relay, into $work/NAME.out
through() {
	local name=$1

	shift
	start "$name.end" socat -d -d -u TCP-LISTEN:0,bind=127.0.0.1 \
	    "OPEN:$work/$name.out,creat"
	await_line 5 "$name.end" 'listening on AF='
	relay_faulty "$name.relay" 127.0.0.1 "$(sed -n \
	    's/.*listening on AF=.*:\([0-9]*\)$/\1/p' "$work/$name.end.log")" \
	    "$@"
	{ frame one; frame two; frame three; frame four; } |
	    socat -u - "TCP:127.0.0.1:${port["$name.relay"]}" \
	    2>/dev/null
	finish "$name.end"
	stop "$name.relay"
}

# came NAME FRAME...
came() {
	local name=$1 text

	shift
	for text in "$@"; do
		frame "$text"
	done | cmp - "$work/$name.out" || fail "$name"
}

through pass
came pass one two three four
through flip -m flip -n 8
[ "$(cmp -l "$work/pass.out" "$work/flip.out" | tr -s ' ' | sed "s/^ //")" = "9 167 177" ] || fail "flip"
through spared -m flip -n 0 -c 0
came spared one two three four
through replay -m replay -n 1
came replay one two two three four
through reorder -m reorder -n 1
came reorder one three two four
through garbage -m garbage -n 5
[ "$(wc -c <"$work/garbage.out")" = $((23 + 1024)) ] || fail "garbage"
cmp -n 5 "$work/garbage.out" "$work/pass.out" || fail "garbage came early"
has_line garbage.relay '^fault garbage 1 up$' || fail "garbage: not said"

relay_faulty reset 127.0.0.1 1 -m silent
began=$(now_ms)
socat -t 0.5 - "TCP:127.0.0.1:${port[reset]}" </dev/null >"$work/silent" ||
    fail "silent"
[ ! -s "$work/silent" ] || fail "silent spoke"
stop reset
note "faulty_relay does each fault"
