#!/bin/bash
# socktopusctl as scripts call it, rightly and wrongly: what it exits with, and
# that an error goes to standard error, under the program's name, and nothing
# to standard output.
. "$(dirname "$0")/lib.sh"
. "$tests/lib_views.sh"
need socat jq

start_pair
ctl=$build/socktopusctl
c=${control[connector]}
none=$work/none.sock
key=$(public_key near)
# Who calls it.
as=()

# call STATUS ARGUMENT...: into $work/out and $work/err.
call() {
	local got=0 status=$1

	shift
	timeout 30 "${as[@]}" "$ctl" "$@" >"$work/out" 2>"$work/err" \
	    </dev/null || got=$?
	[ "$got" = "$status" ] ||
	    fail "'$*' exits with $got, not $status: $(cat "$work/err")"
	calls=$((calls + 1))
}

# table: lines of a status, a pattern of the first line of what is said, and
# the arguments; with tabs between.
calls=0
table() {
	local status pattern arguments said silent

	while IFS=$'\t' read -r status pattern arguments; do
		# shellcheck disable=SC2086 # words
		call "$status" $arguments
		said=$work/err silent=$work/out
		[ "$status" != 0 ] || { said=$work/out silent=$work/err; }
		[ ! -s "$silent" ] || fail "'$arguments': $(cat "$silent")"
		[ "$status" = 0 ] || pattern="socktopusctl: $pattern"
		head -n 1 "$said" | grep -qE -- "^$pattern" ||
		    fail "'$arguments' says, without '$pattern': $(cat "$said")"
		[ "$status" != 2 ] || grep -q '^usage: socktopusctl' "$said" ||
		    fail "'$arguments': no usage"
	done
}

# --- words --------------------------------------------------------------------

table <<END
2	a command is missing	
2	unknown command nonsense	nonsense
2	unknown option -x	-x
2	unknown option --nonsense	--nonsense
2	option -s needs an argument	-s
0	usage: socktopusctl \[-s SOCKET\] status	-h
0	usage: socktopusctl \[-s SOCKET\] status	--help
0	usage: socktopusctl \[-s SOCKET\] status	help
0	socktopusctl [0-9]	-V
0	socktopusctl [0-9]	--version
0	socktopusctl [0-9]	version
2	too many arguments: x	version x
2	too many arguments: y	status x y
2	unknown option -x	status -x
2	unknown option --json	status --json
2	option -s needs an argument	status -s
2	unknown option -j	metrics -j
2	too many arguments: x	upgrade x
2	too many arguments: x	genkey x
2	unknown option -j	genkey -j
1	standard input holds no key	pubkey
2	-i 0: not from 0.1 to 3600	watch -i 0
2	-c x: not from 1	watch -c x
2	too many arguments: x	watch x
2	-t 61: too large	why -t 61
2	-t 1m: invalid	why logs -t 1m
2	-j and -q exclude each other	why -jq
2	too many arguments: b	why a b
2	option --listen needs an argument	exporter --listen
2	too many arguments: x	exporter x
2	log: wrong or missing arguments	log
2	log: wrong or missing arguments	log info debug
2	reload: wrong or missing arguments	reload now
2	path: wrong or missing arguments	path
2	path: wrong or missing arguments	path add logs
2	path: wrong or missing arguments	path stop logs tcp://relay
2	path: wrong or missing arguments	path set logs tcp://relay
2	tunnel: wrong or missing arguments	tunnel del
2	tunnel: wrong or missing arguments	tunnel up a b
2	peer: wrong or missing arguments	peer add friend
2	one chain of URIs is needed	probe
2	unknown option -x	probe -x
2	URI: it does not begin with a scheme	probe relay
2	-n 0: too small	probe -n 0 tcp://relay
END
mapfile -t commands < <(sed -n 's/^	{ "\([a-z]*\)", .*/\1/p' \
    "$tests/../supervisor/ctl/main.c")
[ "${#commands[@]}" -ge 10 ] || fail "no commands in main.c"
for command in "${commands[@]}"; do
	for help in -h --help; do
		call 0 "$command" "$help"
		grep -q "^usage: socktopusctl .*$command" "$work/out" ||
		    fail "$command $help: $(cat "$work/out")"
	done
	grep -qE "^\.It Cm (.* , )?$command\b" \
	    "$tests/../supervisor/ctl/socktopusctl.8" ||
	    fail "$command is not in the manual"
done

# --- a service that is not there, and one that refuses --------------------------

for command in status 'status -j' watch upgrade why 'why -j' reload 'log info' \
    'path del logs tcp://relay' 'tunnel down logs' 'peer del far'; do
	printf '1\t%s: No such file or directory\t-s %s %s\n' "$none" "$none" \
	    "$command"
done >"$work/table"
table <"$work/table"
# This one has an answer all the same.
call 1 -s "$none" metrics
grep -qx 'socktopus_up{.*none.sock"} 0' "$work/out" || fail "metrics of nobody"
table <<END
1	no tunnel nonesuch	-s $c why nonesuch
1	.*nonesuch	-s $c path add nonesuch tcp://127.0.0.1:1
1	.*nonesuch	-s $c path del nonesuch tcp://127.0.0.1:1
1	.*	-s $c path del logs tcp://127.0.0.1:1
1	.*	-s $c path add logs nonsense
1	.*	-s $c path add logs tcp://127.0.0.1:1 nonsense=1
1	.*nonesuch	-s $c tunnel del nonesuch
1	.*nonesuch	-s $c tunnel up nonesuch
1	.*	-s $c tunnel add new peer=nonesuch
1	.*nonesuch	-s $c peer del nonesuch
1	.*	-s $c peer add new nonsense
1	.*nonesuch	-s $c peer add new $key psk=$work/nonesuch
1	no such level, of fatal, .*: loud	-s $c log loud
1	no tunnel nonesuch	-s $c status nonesuch
1	no tunnel nonesuch	-s $c status nonesuch -j
1	several are running	log info
END
call 0 -s "$c" log debug
[ -z "$(cat "$work/out" "$work/err")" ] || fail "words of success"
call 0 -s "$c" status logs
grep -q '^tunnel: logs' "$work/out" || fail "no tunnel logs"
call 0 -s "$c" status logs -j
[ "$(jq -r '.tunnels[].name' "$work/out")" = logs ] || fail "no tunnel logs"

# --- those who may only look, and those who may not -----------------------------

if is_root && command -v setpriv >/dev/null; then
	# A group that there is here, with the socket's name in the open.
	expect_problem 'permission denied'
	begin_file shared near <<-END
	control_group = "games";
	END
	start_found shared
	await_line 10 shared ' ready$'
	shared=${control[shared]}
	as=(setpriv --reuid 61003 --regid games --clear-groups)
	call 0 -s "$shared" status -j
	call 0 -s "$shared" why -j -t 1
	call 0 -s "$shared" metrics
	for command in reload 'log info' 'tunnel down x' 'peer del x' upgrade \
	    'path del x tcp://relay'; do
		printf '1\t(.*: refused: )?permission denied\t-s %s %s\n' \
		    "$shared" "$command"
	done >"$work/table"
	table <"$work/table"
	as=(setpriv --reuid 61003 --regid nogroup --clear-groups)
	for command in status 'status -j' watch why reload 'log info'; do
		printf '1\t%s: Permission denied\t-s %s %s\n' "$shared" "$shared" \
		    "$command"
	done >"$work/table"
	printf '1\t%s: Permission denied\treload\n' "$sockets/.*" >>"$work/table"
	table <"$work/table"
	as=()
	stop shared
fi

# More than a request holds, by one long word and by many that are empty.
call 1 -s "$c" path add t "$(printf '%04000d' 0)"
grep -q 'too much for one request' "$work/err" || fail "$(cat "$work/err")"
mapfile -t empty < <(yes '' | head -n 50)
call 1 -s "$c" path add t "$(printf '%03989d' 0)" "${empty[@]}"
grep -q 'too much for one request' "$work/err" || fail "$(cat "$work/err")"

# --- a pipe and a file are no terminal ------------------------------------------

call 0 -s "$c" status
grep -q $'\033' "$work/out" && fail "colours into a file"
on_terminal() {
	script -qec "env TERM=xterm $1 '$ctl' -s '$c' status" /dev/null \
	    </dev/null
}
if command -v script >/dev/null; then
	on_terminal '' | grep -q $'\033\\[1' || fail "no colours on a terminal"
	on_terminal NO_COLOR=1 | grep -q $'\033' && fail "colours, unwanted"
fi
# An output that is full is a failure.
for command in status 'status -j' metrics version help; do
	# shellcheck disable=SC2086 # words
	"$ctl" -s "$c" $command >/dev/full 2>"$work/err" &&
	    fail "$command: /dev/full is well"
	grep -q '^socktopusctl: standard output: ' "$work/err" ||
	    fail "$command into /dev/full: $(cat "$work/err")"
done
note "$calls calls"
