#!/bin/bash
# The exporter's page in a browser: that it draws the live table and a graph
# for each path from our own files alone, and that hostile words stay words.
# PAGE_SCREENSHOT names a file for a picture of it.
. "$(dirname "$0")/lib.sh"
. "$tests/lib_views.sh"
need chromium curl socat

start_pair
hostile_answer >"$work/hostile.answer"
stand_in hostile
start_exporter exporter

# browse OPTION...: what the page is after some seconds of its time.
browse() {
	HOME=$work/home timeout 120 chromium --headless --no-sandbox \
	    --disable-gpu --disable-dev-shm-usage --no-first-run \
	    --disable-background-networking --user-data-dir="$work/browser" \
	    --window-size=1280,900 --hide-scrollbars "$@" \
	    "$url/" 2>"$work/browser.log"
}

holds() {
	grep -qE -- "$1" "$work/page" || fail "no '$1' in the page"
}

lacks() {
	! grep -qE -- "$1" "$work/page" || fail "'$1' in the page"
}

start load "$dgram" send -a 127.0.0.1 -p "$near" -r 500 -s 1000 -t 400 \
    127.0.0.1 "$local"
start sink "$dgram" sink -a 127.0.0.1 -p "$far" -i 60 -t 450
# At any one moment a path may be stalled, or an engine have no time to answer.
shows_both() {
	browse --virtual-time-budget=6000 --dump-dom >"$work/page" ||
	    fail "the browser: $(tail -n 5 "$work/browser.log")"
	grep -q '2 of 3 paths up' "$work/page" &&
	    ! grep -q 'does not answer' "$work/page"
}
await 60 "a page with both paths up" shows_both

# The real tunnel: its name, its paths, their states and graphs.
holds '<h2>logs<span class="good"> up</span></h2>'
holds "tcp://127.0.0.1:${port[relay1]}"
holds "tcp://127.0.0.1:${port[relay2]}"
holds '2 of 3 paths up'
holds '<td class="state good">up '
holds '<td class="state [a-z]*">(waiting|dialling)'
holds 'Connection refused'
graphs=$(grep -oE '<polyline class="(tx|rx|rtt)" points="[0-9., ]+"' \
    "$work/page" | wc -l)
[ "$graphs" -ge 12 ] || fail "only $graphs lines in the graphs"
# More than one sample, and one that is not the floor.
holds '<polyline class="tx" points="[0-9.]+,[0-9.]+ [0-9.]+,[0-9.]+ '
grep -oE 'class="tx" points="[^"]*"' "$work/page" |
    grep -qE ',([0-9]|[12][0-9])\.' || fail "no load is drawn"
lacks 'does not answer'

# The stranger's words: as text.
holds '&lt;img src=x onerror='
holds 'javascript:alert\(1\)//&lt;script&gt;'
holds '3 __proto__|dropped: none'
lacks '<img'
lacks '<title>owned'
lacks '<svg[^>]*onload'
lacks 'href="javascript'
[ "$(grep -o '<script' "$work/page" | wc -l)" = 1 ] || fail "another script"

# Nothing from elsewhere, and the policy says so.
lacks '(src|href)="(https?:)?//'
fetch /
grep -qi "^content-security-policy: default-src 'none'" "$work/headers" ||
    fail "no policy"
! grep -qi 'unsafe-' "$work/headers" || fail "the policy allows what is unsafe"
if grep -E 'Refused|violates|Uncaught' "$work/browser.log"; then
	fail "the browser complains"
fi

if [ -n "${PAGE_SCREENSHOT:-}" ]; then
	browse --virtual-time-budget=90000 --screenshot="$PAGE_SCREENSHOT" ||
	    fail "no screenshot"
fi

# When the exporter is gone, the page says so; a reload finds it again.
stop hostile
stop load
stop sink
stop exporter

# One that reaches no service names the socket, and why.
expect_problem 'none.sock: no answer: No such file or directory'
start_exporter lonely -s "$work/none.sock"
browse --virtual-time-budget=4000 --dump-dom >"$work/page" ||
    fail "the browser: $(tail -n 5 "$work/browser.log")"
holds '<p id="state"[^>]*class="bad">[^<]*/none.sock: No such file or directory<'
stop lonely
