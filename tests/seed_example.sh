#!/bin/bash
# The seed's example, word for word, with its own ports: hello arrives the
# first time, from the right address, and an answer goes back.
. "$(dirname "$0")/lib.sh"
need nc socat

# Somebody else's, where there is no namespace of our own.
for p in 1234 1235 1236 23461; do
	[ -z "$(ss -Hlntu "sport = :$p")" ] || skip "port $p is in use"
done
cd "$build" || exit 1

# The first of the three terminals has nobody to dial yet.
expect_problem 'down: .*Connection refused'
start connector \
    env AE_LOG=main=+log UDPLOC=1234 UDPREM=1235:1236 ./socktopus tcp://127.0.0.1
await_line 10 connector "$log_path_down"
start listener env AE_LOG=main=+log SERVICE=23461 ./socktopus
socktopus_logs+=(connector listener)
await_line 10 listener "$log_listening\\[::\\]:23461"
await_line 10 connector "$log_path_up"

cat >"$work/application" <<'END'
#!/bin/sh
{ printf '%s:%s ' "$SOCAT_PEERADDR" "$SOCAT_PEERPORT"; cat; } >"$HOME/heard"
printf answer
END
chmod +x "$work/application"
start application socat -t 20 UDP4-RECVFROM:1236,bind=127.0.0.1 \
    EXEC:"$work/application"
await 5 "application at port 1236" is_bound 1236
# Its input stays open, or it would not wait for the answer.
mkfifo "$work/typed"
exec 9<>"$work/typed"
start terminal sh -c "exec nc -q0 -u -p 1234 127.0.0.1 23461 <'$work/typed'"
printf 'hello' >&9
await_line 10 terminal answer
exec 9>&-
stop terminal
[ "$(cat "$HOME/heard")" = "127.0.0.1:1235 hello" ] ||
    fail "1236 heard '$(cat "$HOME/heard")'"
[ "$(cat "$work/terminal.log")" = answer ] ||
    fail "1234 heard '$(cat "$work/terminal.log")'"
has_line connector 'AE_LOG' && fail "AE_LOG was not understood"
note "hello arrived from 127.0.0.1:1235, its answer at 127.0.0.1:1234"
