#!/bin/bash
# Access log lines, a datagram each, through four relays: by rsyslog's recipe
# from file to file, and as fast as ten billion a day, 116 000 a second. Every
# line is accounted for: delivered, or counted where it was dropped. Between
# SOCK_SEQPACKET ends a full tunnel makes the sender wait, and none is lost.
# With TEST_LONG=1 for a minute each.
. "$(dirname "$0")/lib.sh"
need jq xinetd socat haproxy
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"
recipes=$tests/../etc/applications

seconds=${TEST_LONG:+60}
seconds=${seconds:-3}
make_key near
make_key far
begin_file listener far <<END
listen = ( "127.0.0.1:7000" );
peers = ( { name = "near"; key = "$(public_key near)";
	permit = ( "127.0.0.1:*", "unix-seqpacket:$work/far/out" ); } );
END
start_file listener
await_listening listener
paths=
number=0
for relay in xinetd socat haproxy socat; do
	name=$relay$((++number))
	"relay_$relay" "$name" 127.0.0.1 7000
	paths+="${paths:+, }{ uri = \"tcp://127.0.0.1:${port[$name]}\"; }"
done

begin_file connector near <<END
peers = ( { name = "far"; key = "$(public_key far)"; } );
tunnels = ( { name = "fast"; peer = "far"; direct = false;
    destination = "tcp://127.0.0.1:7000"; history = 67108864;
    local = "11000:10000"; remote = "12000:13000"; paths = ( $paths ); },
    { name = "patient"; peer = "far"; direct = false;
    destination = "tcp://127.0.0.1:7000";
    local = "unix-seqpacket:$work/near/in";
    remote = "unix-seqpacket:$work/far/out"; paths = ( $paths ); },
    { name = "rsyslog"; peer = "far"; direct = false;
    destination = "tcp://127.0.0.1:7000";
    $(sed -n 's/^#[[:space:]]*\(local = .*;\)$/\1/p' \
    "$recipes/rsyslog-connector.conf") paths = ( $paths ); } );
END
start_file connector
await_paths connector 12

# --- ten billion a day --------------------------------------------------------

delivered() {
	query listener ".tunnels[] | select(.name == \"$1\") | .delivered"
}

# dropped NODE TUNNEL
dropped() {
	query "$1" ".tunnels[] | select(.name == \"$2\") | .dropped | add"
}

# Where the kernel drops nothing before we count it.
is_drained() {
	[ $(($(delivered "$1") + $(dropped connector "$1") +
	    $(dropped listener "$1"))) -ge "$2" ]
}

lines_s=${LINES_PER_S:-116000}
backlog=$(backlog_drops)
start sink "$loglines" sink -a 127.0.0.1 -p 13000 -b 67108864
await_line 5 sink '^port='
start source "$loglines" send -a 127.0.0.1 -p 10000 -r "$lines_s" \
    -t "$seconds" 127.0.0.1 11000
finish source $((seconds + 30))
sent=$(value source sent)
await 20 'end of what is under way' has_settled fast
stop sink INT
received=$(value sink received)
drops_near=$(dropped connector fast) drops_far=$(dropped listener fast)
drops_sink=$(value sink kernel_drops)
note "$sent lines in $(value source send_seconds) s:" \
    "$(value source lines_per_s) lines a second of $lines_s asked for"
note "$received received, $drops_near dropped and counted at the connector," \
    "$drops_far at the listener, $drops_sink at the receiver's socket"
backlog=$(($(backlog_drops) - backlog))
missing=$((sent - received - drops_near - drops_far - drops_sink))
[ "$missing" = 0 ] || note "$missing missing; the loopback device dropped $backlog"
{ [ "$missing" -ge 0 ] && [ "$missing" -le "$backlog" ]; } ||
    fail "$missing lines are not accounted for"
# How much more depends on the machine and on what else it does.
billion_s=11600 # lines a second
[ "$received" -ge $((billion_s * seconds)) ] ||
    fail "less than a billion a day"

# --- as many, and none lost -------------------------------------------------------

start patient.sink "$loglines" sink -Q "$work/far/out"
await_line 5 patient.sink '^port='
start patient "$loglines" send -Q "$work/near/in" -r "$lines_s" -t "$seconds"
finish patient $((seconds + 60))
await 20 'end of what is under way' is_drained patient "$(value patient sent)"
stop patient.sink INT
note "SOCK_SEQPACKET: $(value patient sent) lines," \
    "$(value patient lines_per_s) a second," \
    "$(value patient.sink received) received"
expect patient.sink received "$(value patient sent)"
expect patient.sink bytes "$(value patient sent_bytes)"

# --- rsyslog --------------------------------------------------------------------

if ! command -v rsyslogd >/dev/null; then
	note "not shown: there is no rsyslog"
	exit 0
fi

# begin_rsyslog NAME FILE LOG
begin_rsyslog() {
	mkdir "$work/$1.state"
	sed "s|@STATE@|$work/$1.state|; s|@LOG@|$3|" "$recipes/$2" \
	    >"$work/$1.conf"
	rsyslogd -N1 -f "$work/$1.conf" >"$work/$1.check" 2>&1 ||
	    fail "$2: $(cat "$work/$1.check")"
	start "$1" rsyslogd -n -f "$work/$1.conf" -i "$work/$1.pid"
}

: >"$work/access.log"
: >"$work/collected"
begin_rsyslog rsyslog.far rsyslog-listener.conf "$work/collected"
await 10 "rsyslog" is_bound 5142
begin_rsyslog rsyslog.near rsyslog-connector.conf "$work/access.log"
"$loglines" print -r "$billion_s" -t "$seconds" >>"$work/access.log" ||
    fail "no lines"

# What the kernel had no room for, at our socket or at rsyslog's.
rsyslog_drops() {
	ours=$(($(dropped connector rsyslog) + $(dropped listener rsyslog)))
	own=$(ss -Huanm 'sport = :5142' | sed -n 's/.*,d\([0-9]*\)).*/\1/p')
	drops=$((ours + own))
}

# Until each is here or counted, or nothing comes any more.
collected=0 moved=$(now_ms) written=$(wc -l <"$work/access.log")
while rsyslog_drops && [ $((collected + drops)) -lt "$written" ]; do
	sleep 0.5
	[ "$(wc -l <"$work/collected")" = "$collected" ] || moved=$(now_ms)
	collected=$(wc -l <"$work/collected")
	[ $(($(now_ms) - moved)) -lt 20000 ] || break
done
note "rsyslog: $collected of $written lines, $billion_s a second, from file to" \
    "file; the tunnel had no room for $ours, rsyslog for $own"
[ $((collected + drops)) = "$written" ] ||
    fail "$((written - collected - drops)) lines are not accounted for:\
 $(delivered rsyslog) were given to rsyslog"
[ "$(comm -13 <(sort "$work/access.log") <(sort "$work/collected") |
    wc -l)" = 0 ] || fail "other lines came out than went in"
