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

fetch /metrics
[ "$(code)" = 200 ] || fail "metrics: $(code)"
grep -qi '^content-type: text/plain; version=0.0.4' "$work/headers" ||
    fail "plain text is asked for"
grep -q '^socktopus_tunnel_sent_datagrams_total{.*tunnel="logs".*} 200$' \
    "$work/fetched" || fail "what was sent is not there"
cp "$work/fetched" "$work/plain"
fetch /metrics -H 'Accept: application/openmetrics-text; version=1.0.0'
grep -qi '^content-type: application/openmetrics-text; version=1.0.0' \
    "$work/headers" || fail "OpenMetrics is asked for"
[ "$(tail -n 1 "$work/fetched")" = '# EOF' ] || fail "no end"
"$build/socktopusctl" metrics >"$work/printed" || fail "socktopusctl metrics"
diff <(sed 's/}.*//' "$work/fetched") <(sed 's/}.*//' "$work/printed") ||
    fail "both ways are not the same"
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
expect_problem 'silent.sock: no answer: no answer in time'
start silent socat "UNIX-LISTEN:$sockets/silent.sock,fork,mode=666" \
    EXEC:'sleep 60'
await 5 "socket of silent" test -S "$sockets/silent.sock"
sleep 0.6 # for what the exporter keeps
fetch /metrics
grep -q '^socktopus_up{socket=".*/silent.sock"} 0$' "$work/fetched" ||
    fail "the silent one is up"
grep -q '^socktopus_up{socket=".*/connector.sock"} 1$' "$work/fetched" ||
    fail "the others are gone"
grep -qF 'peer="\"} 1?up{x=\""' "$work/fetched" || fail "not escaped"
grep -vE '^(#|socktopus_[a-z_]+\{socket="[^"]*"(,[a-z_]+="(\\.|[^"\\])*")*\} [0-9.]+$)' \
    "$work/fetched" && fail "lines that are no samples"
has_line exporter 'warn exporter: .*/silent.sock: no answer' ||
    fail "nothing is said of the silent one"
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
answers 'count(up)' 1 || fail "a hostile process made a series"
ask_prometheus metadata >"$work/metadata"
jq -e '.data.socktopus_path_transmitted_bytes[0] |
    .type == "counter" and .unit == "bytes"' "$work/metadata" >/dev/null ||
    fail "no unit: $(jq -c .data.socktopus_path_transmitted_bytes \
	"$work/metadata")"
stop prometheus
stop hostile
kill "${pid[exporter]}"
finish exporter
[ "$status" = 143 ] || fail "exit status $status of the exporter"
