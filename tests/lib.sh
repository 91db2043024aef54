# shellcheck shell=bash
#
# Sourced by the end-to-end tests. It starts daemons, waits for conditions with
# a deadline, keeps every log in a folder of its own, ends what it started by
# pid, and fails the test if a socktopus logged a warning that the test did not
# announce. Each test has its own HOME and, as root, its own network and mount
# namespaces: nothing outside is touched.

# shellcheck disable=SC2034 # many variables are for those who source this
set -u
export LC_ALL=C
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
PATH=$PATH:/usr/sbin:/sbin
dgram=$build/tests/dgram
loglines=$build/tests/loglines
faulty_relay=$build/tests/faulty_relay

# All that the tests know of the wording of log lines.
log_listening=' listening on '
log_path_up=': up( |$)'
log_path_down=': down: '
log_tunnel_down=': down: no path is up'
log_supervisor_gone='engine: the supervisor is gone'
log_handshake_failed='connection from [^ ]*: handshake failed'
log_problem='^[^ ]+ (warn|error|fatal) '
log_crash='Sanitizer|runtime error:|Assertion|by signal (4|6|7|8|11|31) '
# Said where the system users of the package are missing.
log_no_users='make the users socktopus'

declare -A pid=() port=() control=()
socktopus_logs=()
expected_problems=("$log_no_users")
status=0

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAILED: $*"
	exit 1
}

note() {
	echo "$*"
}

need() {
	local program

	for program in "$@"; do
		command -v "$program" >/dev/null || skip "there is no $program"
	done
}

is_root() {
	[ "$(id -u)" = 0 ]
}

# --- namespaces -----------------------------------------------------------

at_far=()
# make_far: a second host, to which "${at_far[@]}" leads: 10.9.0.2, and 10.9.0.1 is
# this one's. Fails where no network namespace can be made.
make_far() {
	mkdir -p /run/netns && ip netns add far &&
	    ip link add veth0 type veth peer name veth1 netns far &&
	    ip addr add 10.9.0.1/24 dev veth0 && ip link set veth0 up || return
	at_far=(nsenter --net=/run/netns/far)
	"${at_far[@]}" ip addr add 10.9.0.2/24 dev veth1
	"${at_far[@]}" ip link set veth1 up
	"${at_far[@]}" ip link set lo up
}

# Run the script again inside namespaces of its own, where that is permitted.
isolate() {
	if is_root && [ -z "${E2E_ISOLATED:-}" ] &&
	    unshare --net --mount true 2>/dev/null; then
		export E2E_ISOLATED=1
		exec unshare --net --mount --propagation private \
		    "$BASH" "$0" "$@"
	fi
}

# Root's control sockets go to /run; its workers want users of their own.
furnish_namespaces() {
	ip link set lo up
	mount -t tmpfs -o mode=755 tmpfs /run
	cp /etc/passwd "$work/passwd"
	if ! grep -q '^socktopus-worker:' "$work/passwd"; then
		cat >>"$work/passwd" <<-END
		socktopus:x:61001:61001::/nonexistent:/usr/sbin/nologin
		socktopus-worker:x:61002:61002::/nonexistent:/usr/sbin/nologin
		END
	fi
	chmod 644 "$work/passwd"
	mount --bind "$work/passwd" /etc/passwd
}

# --- processes and conditions ---------------------------------------------

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# await SECONDS WHAT COMMAND...: until the command succeeds. Its last try begins
# after that time: we may have been kept from looking ourselves.
await() {
	local deadline began what=$2

	began=$(now_ms)
	deadline=$((began + $1 * 1000 * ${E2E_PATIENCE:-1}))
	shift 2
	until "$@"; do
		[ "$began" -lt "$deadline" ] || fail "no $what in time"
		sleep 0.02
		began=$(now_ms)
	done
}

# thrice COMMAND...: what a machine spoils that is busy with something else it
# does not spoil three times. The command says by miss what went wrong.
missed=
thrice() {
	local turn

	for turn in 1 2 3; do
		missed=
		"$@"
		[ -n "$missed" ] || return 0
		note "$missed, in try $turn"
	done
	fail "$missed"
}

miss() {
	missed=${missed:-$*}
}

# start NAME COMMAND...: in the background, its output in NAME.log.
start() {
	local name=$1

	shift
	: >"$work/$name.log" # so that it can be looked into at once
	"$@" >"$work/$name.log" 2>&1 </dev/null &
	pid[$name]=$!
}

is_alive() {
	kill -0 "${pid[$1]}" 2>/dev/null
}

is_gone() {
	! is_alive "$1"
}

# is_stopped PROCESS: by a signal.
is_stopped() {
	grep -q '^State:.T' "/proc/$1/status"
}

# is_for_all SOCKET: socat makes it, and then lets others write to it.
is_for_all() {
	[ "$(stat -c %A "$1" 2>/dev/null)" = srw-rw-rw- ]
}

has_line() {
	grep -Eq -- "$2" "$work/$1.log"
}

# await_line SECONDS NAME PATTERN: in the log of a process.
await_line() {
	await "$1" "line '$3' in the log of $2" has_line "$2" "$3"
}

count_reloads() {
	grep -Ec 'supervisor: (not )?reloaded' "$1"
}

has_reloads() {
	[ "$(count_reloads "$1")" -gt "$2" ]
}

# hup NAME [LOG]: have it read its file anew, until its log, or that one, tells
# that it has, or has refused to.
hup() {
	local log=${2:-$work/$1.log} before

	before=$(count_reloads "$log")
	kill -HUP "${pid[$1]}"
	await 10 "reload of $1" has_reloads "$log" "$before"
}

# finish NAME: wait for the end of a process; its exit status is in $status.
finish() {
	status=0
	await "${2:-15}" "end of $1" is_gone "$1"
	wait "${pid[$1]}" 2>/dev/null || status=$?
	unset "pid[$1]"
}

# stop NAME [SIGNAL]
stop() {
	kill -"${2:-TERM}" "${pid[$1]}" 2>/dev/null
	finish "$1"
}

# crash NAME: it is killed, and those that it had started are gone as well. They
# may be late, and hold its ports and names until then.
crash() {
	local children

	children=$(pgrep -d , -P "${pid[$1]}")
	stop "$1" KILL
	[ -z "$children" ] ||
	    await 15 "end of those that $1 had started" are_gone "$children"
}

# Who is not waited for is no more than a number.
are_gone() {
	! ps -o stat= -p "$1" | grep -qv '^Z'
}

# value NAME KEY: of a key=value report in the log of a process.
value() {
	sed -n "s/^$2=//p" "$work/$1.log" | tail -n 1
}

# expect NAME KEY VALUE
expect() {
	[ "$(value "$1" "$2")" = "$3" ] ||
	    fail "$1: $2 is '$(value "$1" "$2")', not '$3'"
}

# free_ports COUNT: none of them was named before in this test.
free_ports() {
	local count=0 port

	while [ "$count" -lt "$1" ]; do
		port=$("$dgram" port)
		if ! grep -qsx "$port" "$work/ports"; then
			echo "$port" | tee -a "$work/ports"
			count=$((count + 1))
		fi
	done
}

is_listening() {
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

is_bound() {
	[ -n "$(ss -Hlun "sport = :$1")" ]
}

# start_on_port NAME COMMAND...: a daemon that is told its port, which stands
# as PORT in the command and in the file $work/NAME.conf, if there is one.
# Somebody else may take the port first; then the next one is tried.
start_on_port() {
	local name=$1 try

	shift
	[ ! -f "$work/$name.conf" ] ||
	    mv "$work/$name.conf" "$work/$name.template"
	for try in 1 2 3; do
		port[$name]=$(free_ports 1)
		[ ! -f "$work/$name.template" ] ||
		    sed "s/PORT/${port[$name]}/" "$work/$name.template" \
		    >"$work/$name.conf"
		start "$name" "${@//PORT/${port[$name]}}"
		await 30 "start of $name" settled_on_port "$name"
		if is_alive "$name"; then
			return
		fi
		note "$name: attempt $try failed"
	done
	fail "$name does not start"
}

settled_on_port() {
	is_gone "$1" || is_listening "${port[$1]}"
}

# --- socktopus ------------------------------------------------------------

# socktopus NAME [VARIABLE=VALUE...] -- [ARGUMENT...]
socktopus() {
	local name=$1 variables=()

	shift
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	start "$name" env AE_LOG=debug "${variables[@]}" \
	    "${wrap[@]}" "$build/socktopus" "$@"
	socktopus_logs+=("$name")
	control[$name]=$run/socktopus/${pid[$name]}.sock
}

# start_listener NAME [SERVICE]: its port is in ${port[NAME]}.
start_listener() {
	socktopus "$1" SERVICE="${2:-127.0.0.1:0}" --
	await_listening "$1"
}

await_listening() {
	await_line 10 "$1" "$log_listening"
	port[$1]=$(sed -n "s/.*$log_listening.*:\\([0-9]*\\)\$/\\1/p" \
	    "$work/$1.log" | head -n 1)
}

# start_connector NAME UDPLOC UDPREM URI...
start_connector() {
	local name=$1 loc=$2 rem=$3

	shift 3
	socktopus "$name" UDPLOC="$loc" UDPREM="$rem" -- "$@"
	await_paths "$name" $#
}

# begin_file NAME KEY: $work/NAME.conf, to which the test adds from stdin.
begin_file() {
	{
		printf 'identity = "%s";\n' "$work/$2.key"
		printf 'control = "%s";\n' "$work/$1.sock"
		cat
	} >"$work/$1.conf"
}

# start_file NAME
start_file() {
	socktopus "$1" -- -d -f "$work/$1.conf"
	control[$1]=$work/$1.sock
}

# listen_for NAME [SERVICE]: keys for near and far, and a listener of the latter
# from a file, which knows the former by that name.
listen_for() {
	make_key near
	make_key far
	begin_file listener far <<-END
	listen = ( "${2:-127.0.0.1:0}" );
	peers = ( { name = "$1"; key = "$(public_key near)"; } );
	END
	start_file listener
	await_listening listener
}

# Ports of a tunnel: application near, its socktopus local, and the other two.
pick_tuple() {
	# shellcheck disable=SC2046
	set -- $(free_ports 4)
	near=$1 local=$2 bound=$3 far=$4
	loc=127.0.0.1:$local:127.0.0.1:$near
	rem=127.0.0.1:$bound:127.0.0.1:$far
}

status_of() {
	"$build/socktopusctl" -s "${control[$1]}" status -j
}

# query NAME FILTER: jq over the status; empty while there is none.
query() {
	status_of "$1" 2>/dev/null | jq -r "$2" 2>/dev/null
}

# Those whose worker the engine has heard of: a worker may be quicker.
paths_up() {
	query "$1" '[.tunnels[].paths[] | select(.state == "up" and .pid > 0)] |
	    length'
}

has_paths_up() {
	[ "$(paths_up "$1")" = "$2" ]
}

# keeps_paths NODE COUNT: now, where nothing is awaited: one may be stalled just
# then, which ends nothing.
keeps_paths() {
	[ "$(query "$1" '[.tunnels[].paths[] |
	    select(.state == "up" or .state == "stalled")] | length')" = "$2" ]
}

# direct_is_up NODE: the first path of its first tunnel.
direct_is_up() {
	[ "$(query "$1" '.tunnels[0].paths[0].state')" = up ]
}

# The same where it is not awaited: stalled, perhaps, just then.
direct_stands() {
	query "$1" '.tunnels[0].paths[0].state' | grep -qE '^(up|stalled)$'
}

# await_paths NAME COUNT [SECONDS]
await_paths() {
	await "${3:-10}" "$2 paths up at $1" has_paths_up "$1" "$2"
}

# make_key NAME: files $work/NAME.key and $work/NAME.pub.
make_key() {
	if ! (umask 077 && "$build/socktopusctl" genkey >"$work/$1.key") ||
	    ! "$build/socktopusctl" pubkey <"$work/$1.key" >"$work/$1.pub"
	then
		fail "no key for $1"
	fi
}

public_key() {
	cat "$work/$1.pub"
}

# A warning or error that the test provokes.
expect_problem() {
	expected_problems+=("$@")
}

unexpected_problems() {
	local name patterns

	patterns=$(printf '%s\n' "${expected_problems[@]}")
	for name in "${socktopus_logs[@]}"; do
		grep -E "$1" "$work/$name.log" | grep -Ev "$patterns" |
		    sed "s/^/$name: /"
	done
}

# find_worker NODE QUERY: of one path that is up, by status; it is $worker.
find_worker() {
	worker=$(query "$1" "$2 | select(.state == \"up\").pid |
	    select(. > 0)")
	[ -n "$worker" ]
}

# kill_worker_of NODE QUERY: the worker of one path that is up, by status. That
# of a path whose other end is gone may leave before: then it is the next one's.
kill_worker_of() {
	await 10 "a path that is up" ends_worker "$1" "$2"
}

ends_worker() {
	find_worker "$1" "$2" && kill -KILL "$worker" 2>/dev/null
}

# inode PORT: of the sockets that are connected to it, in order.
inode() {
	ss -Htne "dst 127.0.0.1:$1" | sed -n 's/.* ino:\([0-9]*\) .*/\1/p' |
	    sort
}

# is_other PORT INODE: one other socket is connected to it.
is_other() {
	local now

	now=$(inode "$1")
	[ -n "$now" ] && [ "$now" != "$2" ] && [ "$(wc -l <<<"$now")" = 1 ]
}

# lost_to_changes SINK: what a kernel without time for us drops is no fault of
# a change. Where there is to be patience, the far end may be without time, too,
# and then there is no room.
lost_to_changes() {
	local drops fates=.kernel

	[ "${E2E_PATIENCE:-1}" = 1 ] || fates='.kernel + .no_room'
	drops=$(query connector ".tunnels[0].dropped | $fates")
	drops=$((drops + $(value "$1" kernel_drops)))
	[ "$(value "$1" lost)" -le "$drops" ] ||
	    fail "lost $(value "$1" lost), and the kernel dropped $drops"
}

# The pid of its engine.
engine_of() {
	child_of "$1" engine
}

# child_of NODE TITLE: not before it has that.
child_of() {
	pgrep -P "${pid[$1]}" -f "^socktopus: $2"
}

# find_child NODE TITLE: it is $child.
find_child() {
	child=$(child_of "$@")
}

kill_child() {
	await 5 "$2 of $1" find_child "$1" "$2"
	kill -KILL "$child"
}

# --- start and end --------------------------------------------------------

end_processes() {
	local name deadline

	for name in "${!pid[@]}"; do
		kill -TERM "${pid[$name]}" 2>/dev/null
	done
	deadline=$(($(now_ms) + 4000))
	for name in "${!pid[@]}"; do
		while is_alive "$name" && [ "$(now_ms)" -lt "$deadline" ]; do
			sleep 0.02
		done
		kill -KILL "${pid[$name]}" 2>/dev/null
		wait "${pid[$name]}" 2>/dev/null
	done
}

show_logs() {
	local file lines

	# The last ones that were written to: bad_input.sh has hundreds.
	# shellcheck disable=SC2012
	for file in $(ls -tr "$work"/*.log 2>/dev/null | tail -n 12); do
		lines=10
		[[ " ${socktopus_logs[*]} " != *" $(basename "$file" .log) "* ]] ||
		    lines=40
		echo "--- ${file##*/}"
		tail -n "$lines" "$file"
	done
}

# What a test has mounted is not to be removed.
unmount_all() {
	[ -n "${E2E_ISOLATED:-}" ] || return 0
	cut -d ' ' -f 2 /proc/mounts | grep "^$work/" | sort -r |
	    xargs -r umount -l
}

# What is logged while everything is ended is not looked at, a crash is.
at_exit() {
	local code=$? problems

	trap - EXIT INT TERM HUP
	trap '' PIPE # the rest is for the files and processes left
	problems=$(unexpected_problems "$log_problem")
	end_processes 2>/dev/null
	problems+=$(unexpected_problems "$log_crash")
	if [ "$code" = 0 ] && [ -n "$problems" ]; then
		echo "FAILED: unexpected in a log:"
		echo "$problems"
		code=1
	fi
	if [ "$code" != 0 ] && [ "$code" != 77 ]; then
		show_logs
	fi
	if [ -n "${E2E_KEEP:-}" ]; then
		echo "kept: $work"
	else
		unmount_all
		rm -rf --one-file-system "$work"
	fi
	exit "$code"
}

for built in socktopus socktopusctl socktopus-worker tests/dgram; do
	[ -x "$build/$built" ] || fail "no $built in $build: not built?"
done
isolate "$@"
work=$(mktemp -d "${TMPDIR:-/tmp}/socktopus-test.XXXXXX")
chmod 755 "$work"
trap at_exit EXIT
trap 'exit 1' INT TERM HUP PIPE
mkdir "$work/home" "$work/run"
run=$work/run
if is_root; then
	run=/run
fi
export HOME=$work/home XDG_RUNTIME_DIR=$work/run
unset XDG_CONFIG_HOME AE_LOG UDPLOC UDPREM SERVICE
host=127.0.0.1
wrap=()
# shellcheck source-path=SCRIPTDIR source=lib_traffic.sh
. "$tests/lib_traffic.sh"
if is_root && [ -n "${E2E_ISOLATED:-}" ]; then
	furnish_namespaces || fail "the namespaces cannot be furnished"
fi
