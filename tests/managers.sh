#!/bin/bash
# The run and check files, under runit and s6 for real: the service is started,
# said to be ready once it answers, reloaded, started again after a failure, and
# stopped.
. "$(dirname "$0")/lib.sh"
need jq

is_root || skip "the files are for root"
[ -n "${E2E_ISOLATED:-}" ] || skip "namespaces are not permitted"
make_key a
mkdir "$work/conf"
cat >"$work/conf/socktopus.conf" <<END
identity = "$work/a.key";
listen = ( "127.0.0.1:0" );
END
control[service]=/run/socktopus/control.sock

# furnish NAME CHECK: a service folder with the files as they are installed.
furnish() {
	folder=$work/$1
	mkdir -p "$folder" "$(dirname "$folder/$2")"
	sed "s|^set -- [^ ]*/socktopus -f .*|set -- '$build/socktopus' \
-f '$work/conf/socktopus.conf'|" "$build/etc/socktopus.run" >"$folder/run"
	sed "s|^exec [^ ]*/|exec $build/|" "$build/etc/socktopus.check" \
	    >"$folder/$2"
	chmod 755 "$folder/run" "$folder/$2"
	grep -qF "$build/socktopus" "$folder/run" || fail "no run file"
}

must() {
	"$@" >"$work/must.log" 2>&1 || fail "$*: $(cat "$work/must.log")"
}

process() {
	query service .process.pid
}

is_other_process() {
	[ -n "$(process)" ] && [ "$(process)" != "$1" ]
}

answers() {
	[ -n "$(process)" ]
}

is_silent() {
	! answers
}

# serve NAME: what is common to both, by their own commands.
serve() {
	local before

	answers || fail "$1: ready, and does not answer"
	before=$(process)
	must reload_it
	await_line 5 "$1" 'supervisor: reloaded|engine: reloaded'
	[ "$(process)" = "$before" ] || fail "$1: a reload has restarted it"
	echo nonsense >>"$work/conf/socktopus.conf"
	must reload_it
	await_line 5 "$1" 'not reloaded'
	sed -i '/nonsense/d' "$work/conf/socktopus.conf"
	[ "$(process)" = "$before" ] || fail "$1: a faulty file has ended it"
	kill -KILL "$before"
	await 10 "new start under $1" is_other_process "$before"
	must stop_it
	await 10 "silence under $1" is_silent
	must start_it
	answers || fail "$1: ready again, and does not answer"
	must stop_it
	note "$1: started, ready, reloaded, started again, stopped"
}

expect_problem 'not reloaded' 'syntax error' "$log_supervisor_gone"
ran=0
if command -v runsv >/dev/null && command -v sv >/dev/null; then
	furnish runit check
	start_it() { sv -w 10 start "$folder"; }
	stop_it() { sv -w 10 stop "$folder"; }
	reload_it() { sv hup "$folder"; }
	start runit runsv "$folder"
	socktopus_logs+=(runit)
	await 5 "runsv" test -p "$folder/supervise/ok"
	must start_it
	serve runit
	stop runit
	ran=1
fi
if command -v s6-supervise >/dev/null && command -v s6-svc >/dev/null; then
	furnish s6 data/check
	echo 3 >"$folder/notification-fd"
	start_it() { s6-svc -wU -T 10000 -u "$folder"; }
	stop_it() { s6-svc -wD -T 10000 -d "$folder"; }
	reload_it() { s6-svc -h "$folder"; }
	start s6 s6-supervise "$folder"
	socktopus_logs+=(s6)
	await 5 "s6-supervise" test -p "$folder/supervise/control"
	must start_it
	serve s6
	stop s6
	ran=1
fi
[ "$ran" = 1 ] || skip "there is neither runit nor s6"
