#!/bin/bash
# The exporter over HTTP: what it answers and refuses, what it says of processes
# that are silent or hostile, that its lock-in holds and its unit leaves it
# enough, and that a real Prometheus scrapes it.
. "$(dirname "$0")/lib.sh"
. "$tests/lib_views.sh"
need curl jq socat

start_pair
both_ways load -n 200 -r 1000
start_exporter exporter

# --- HTTP -------------------------------------------------------------------

# shows PATTERN...: each in a line of the metrics, by now. An engine that gets no
# time does not answer in that of the exporter.
shows() {
	local pattern

	fetch /metrics
	for pattern in "$@"; do
		grep -q -- "$pattern" "$work/fetched" || return
	done
}

await 10 "what was sent" shows \
    '^socktopus_tunnel_sent_datagrams_total{.*tunnel="logs".*} 200$'
[ "$(code)" = 200 ] || fail "metrics: $(code)"
grep -qi '^content-type: text/plain; version=0.0.4' "$work/headers" ||
    fail "plain text is asked for"
cp "$work/fetched" "$work/plain"
fetch /metrics -H 'Accept: application/openmetrics-text; version=1.0.0'
grep -qi '^content-type: application/openmetrics-text; version=1.0.0' \
    "$work/headers" || fail "OpenMetrics is asked for"
[ "$(tail -n 1 "$work/fetched")" = '# EOF' ] || fail "no end"
# What has come to be known between the two is in one of them alone.
is_the_same() {
	fetch /metrics -H 'Accept: application/openmetrics-text; version=1.0.0'
	"$build/socktopusctl" metrics >"$work/printed" ||
	    fail "socktopusctl metrics"
	diff <(sed 's/}.*//' "$work/fetched") <(sed 's/}.*//' "$work/printed")
}
await 10 "the same by both ways" is_the_same
await 10 "by how much a round trip varies" shows \
    '^socktopus_path_round_trip_variation_seconds{.*connector.sock".*} 0\.'
fetch /status.json
jq -e '.tunnels | length == 2' "$work/fetched" >/dev/null || fail "status.json"
fetch / -I
[ "$(code)" = 200 ] || fail "HEAD: $(code)"
fetch /nothing
[ "$(code)" = 404 ] || fail "nothing: $(code)"
fetch '/../../etc/passwd' --path-as-is
[ "$(code)" = 404 ] || fail "a path out: $(code)"
fetch /metrics -X POST -d "$(head -c 20000 /dev/zero | tr '\0' x)"
[ "$(code)" = 405 ] || fail "POST: $(code)"
# A foreign page that had its name resolved to us gets nothing.
for name in evil.example 127.evil.example localhost.evil.example; do
	fetch /status.json -H "Host: $name"
	[ "$(code)" = 421 ] || fail "by the name $name: $(code)"
done
for name in localhost 127.0.0.1:9461 '[::1]:80'; do
	fetch /status.json -H "Host: $name"
	[ "$(code)" = 200 ] || fail "by the name $name: $(code)"
done
# Idle and broken clients do not keep others out.
for try in $(seq 40); do
	start "idle$try" socat "EXEC:sleep 60" \
	    "TCP:127.0.0.1:${port[exporter]}"
done
printf '\0\377GET\r\n\r\n' | socat -t 1 - "TCP:127.0.0.1:${port[exporter]}" \
    >/dev/null 2>&1
fetch /metrics
for try in $(seq 40); do
	stop "idle$try"
done
[ "$(code)" = 200 ] || fail "idle clients keep others out"

# --- processes that are hostile or silent -----------------------------------

hostile_answer >"$work/hostile.answer"
stand_in hostile
start silent socat "UNIX-LISTEN:$sockets/silent.sock,fork,mode=666" \
    EXEC:'sleep 60'
await 5 "socket of silent" is_for_all "$sockets/silent.sock"
await 10 "the silent one, the others, and what is escaped" shows \
    '^socktopus_up{socket=".*/silent.sock"} 0$' \
    '^socktopus_up{socket=".*/connector.sock"} 1$' 'peer="\\"} 1?up{x=\\""'
grep -vE '^(#|socktopus_[a-z_]+\{socket="[^"]*"(,[a-z_]+="(\\.|[^"\\])*")*\} [0-9.]+$)' \
    "$work/fetched" && fail "lines that are no samples"
await_line 5 exporter 'warn exporter: .*/silent.sock: no answer'
stop silent
rm -f "$sockets/silent.sock"

# Nobody at all, and somebody who may not be asked.
start_exporter lonely -s "$work/none.sock"
expect_problem 'none.sock: no answer: No such file or directory'
fetch /metrics
[ "$(code)" = 200 ] || fail "metrics of nobody: $(code)"
grep -q '^socktopus_up{socket=".*/none.sock"} 0$' "$work/fetched" ||
    fail "nobody is up"
fetch /status.json
[ "$(code)" = 503 ] || fail "the status of nobody: $(code)"
jq -e '.tunnels == [] and .processes == [] and .errors[0].error ==
    "No such file or directory"' "$work/fetched" >"$work/jq.log" ||
    fail "nobody: $(cat "$work/fetched")"
fetch /
[ "$(code)" = 200 ] || fail "the page of nobody: $(code)"
stop lonely
url=http://127.0.0.1:${port[exporter]}

# --- the lock-in ------------------------------------------------------------

status_word() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/${pid[exporter]}/status"
}
if ! grep -q 'not locked in' "$work/exporter.log"; then
	[ "$(status_word Seccomp)" = 2 ] || fail "no filter"
	[ "$(status_word NoNewPrivs)" = 1 ] || fail "new privileges"
	[ "$(status_word CapPrm)" = 0000000000000000 ] || fail "capabilities"
	[ "$(status_word Threads)" = 1 ] || fail "threads"
	! is_root || [ "$(status_word Uid | cut -f 1)" != 0 ] || fail "root"
fi

# --- Prometheus -------------------------------------------------------------

if command -v promtool >/dev/null; then
	promtool check metrics <"$work/plain" >"$work/promtool.log" 2>&1 ||
	    fail "promtool: $(cat "$work/promtool.log")"
	[ ! -s "$work/promtool.log" ] ||
	    fail "promtool: $(cat "$work/promtool.log")"
fi
need prometheus

ask_prometheus() {
	curl -s -m 5 --get "http://127.0.0.1:${port[prometheus]}/api/v1/$1" \
	    --data-urlencode "query=${2:-}"
}

# answers QUERY VALUE
answers() {
	[ "$(ask_prometheus query "$1" |
	    jq -r '.data.result[0].value[1]' 2>/dev/null)" = "$2" ]
}

mkdir "$work/tsdb"
cat >"$work/prometheus.yml" <<END
scrape_configs:
  - job_name: socktopus
    scrape_interval: 1s
    static_configs: [ { targets: [ "127.0.0.1:${port[exporter]}" ] } ]
END
start_on_port prometheus prometheus --config.file="$work/prometheus.yml" \
    --storage.tsdb.path="$work/tsdb" --web.listen-address=127.0.0.1:PORT
await 30 "scrape" answers 'up{job="socktopus"}' 1
await 10 "what was sent" answers \
    'socktopus_tunnel_sent_datagrams_total{tunnel="logs",socket=~".*connector.sock"}' 200
await 10 "paths" answers \
    'sum(socktopus_path_state{socktopus_path_state="up",socket=~".*connector.sock"})' 2
await 10 "hostile one" answers 'socktopus_up{socket=~".*hostile.sock"}' 1
# A line of its own would have been a series of that name.
await 10 "no series of a hostile process" answers 'count(up)' 1
has_unit() {
	ask_prometheus metadata | jq -e \
	    '.data.socktopus_path_transmitted_bytes[0] |
	    .type == "counter" and .unit == "bytes"' >/dev/null
}
await 10 "a unit" has_unit
stop prometheus
stop hostile
kill "${pid[exporter]}"
finish exporter
[ "$status" = 143 ] || fail "exit status $status of the exporter"
