#!/bin/bash
# A proxy's user and password reach the proxy and nobody else: no log, status,
# command line or environment of a process has them, nor the memory of a worker
# once it is up.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib_proxies.sh
. "$tests/lib_proxies.sh"
is_root || skip "a worker's memory is its own"
need microsocks squid openssl jq pgrep
[ -n "${E2E_ISOLATED:-}" ] || skip "needs namespaces of its own"

user=Seldom.User
password=Never.To.Be.Seen
begin_ends
far_port=${port[listener]}
proxy_microsocks micro "$user" "$password"
proxy_squid squid 127.0.0.1 "$far_port" "$user" "$password"
micro=127.0.0.1:${port[micro]}
squid=127.0.0.1:${port[squid]}
echo "$user:$password" >"$work/auth"
# Squid mixes up several passwords of one user at the same time.
echo "$user.Not:$password.Not" >"$work/wrong"
chmod 600 "$work/auth" "$work/wrong"
add_proxy socks "$v4" "socks://$user:$password@$micro"
add_proxy socks-file "$v4" "socks://$micro" "auth = \"$work/auth\";"
add_proxy http "$v4" "http://$user:$password@$squid"
add_proxy http-file "$v4" "http://$squid" "auth = \"$work/auth\";"
add_proxy socks-wrong "$v4" "socks://$micro" "auth = \"$work/wrong\";"
add_proxy http-wrong "$v4" "http://$squid" "auth = \"$work/wrong\";"
add_proxy chain "$v4" "http://$user:$password@$squid" "count = 2;"
expect_problem '-wrong/.*: authentication rejected'

# secrets: what must not be seen, with what Basic makes of it
secrets() {
	printf '%s\n' "$user" "$password"
	printf '%s:%s' "$user" "$password" | base64 | tr -d '=\n'
	echo
}

secrets >"$work/secrets"

# search WHERE: fail if what stands on the standard input has a secret.
search() {
	! tr '\0' '\n' | grep -aFq -f "$work/secrets" ||
	    fail "a user or password is in $1"
	searched=$((searched + 1))
}

# The process and all that it has started.
family() {
	local child

	echo "$1"
	for child in $(pgrep -P "$1"); do
		family "$child"
	done
}

# memory PID: what it can write to.
memory() {
	local range access rest first last

	while read -r range access rest; do
		[[ $access == *w* ]] || continue
		first=$((16#${range%-*})) last=$((16#${range#*-}))
		# As large as that is only the shadow of a sanitizer.
		[ $((last - first)) -lt $((1 << 30)) ] || continue
		dd if="/proc/$1/mem" bs=65536 skip=$first \
		    count=$((last - first)) \
		    iflag=skip_bytes,count_bytes 2>/dev/null
	done <"/proc/$1/maps"
}

# look NAME: at a connector, all that can be seen of it.
look() {
	local process file

	status_of "$1" | search "the status of $1"
	"$build/socktopusctl" -s "${control[$1]}" status |
	    search "the table of $1"
	for process in $(family "${pid[$1]}"); do
		for file in cmdline environ comm status; do
			search "$file of $process" <"/proc/$process/$file"
		done
	done
	for process in $(query "$1" \
	    '.tunnels[].paths[] | select(.state == "up").pid'); do
		memory "$process" >"$work/memory"
		[ -s "$work/memory" ] || fail "no memory of $process"
		search "the memory of worker $process" <"$work/memory"
	done
	rm -f "$work/memory"
	search "the log of $1" <"$work/$1.log"
}

searched=0
begin_connector
await_paths connector 6 20
fails_with socks-wrong "hop 1 socks://$micro: authentication rejected"
fails_with http-wrong "hop 1 http://$squid: authentication rejected: 407 .+"
look connector

# By hand, from a file that only who runs socktopusctl may read.
by_hand() {
	"$build/socktopusctl" -s "${control[connector]}" path set "$@" \
	    2>"$work/said"
}
has_come_up() {
	[ "$(query connector ".tunnels[] | select(.name == \"$1\") |
	    .paths[0].state")" = up ]
}
of_tunnel() {
	query connector ".tunnels[] | select(.name == \"$1\").paths[0].uri"
}
cp "$work/auth" "$work/two.auth"
chmod 600 "$work/two.auth"
echo "$user:$password" >>"$work/two.auth"
uri=$(of_tunnel socks-wrong)
by_hand socks-wrong "$uri" "auth=$work/two.auth" &&
    fail "more credentials than proxies are taken"
grep -q 'auth: more lines than proxies' "$work/said" ||
    fail "not said why: $(cat "$work/said")"
by_hand socks-wrong "$uri" "auth=$work/auth" || fail "$(cat "$work/said")"
by_hand http-wrong "$(of_tunnel http-wrong)" "auth=$work/auth" ||
    fail "$(cat "$work/said")"
await 20 "a path of other credentials" has_come_up socks-wrong
await 20 "a path of other credentials" has_come_up http-wrong

# A tunnel too, each path with its own.
pick_tuple
"$build/socktopusctl" -s "${control[connector]}" tunnel add typed \
    peer=listener destination="$v4" local="$loc" remote="$rem" \
    path="socks://$micro" auth="$work/auth" path="http://$squid" \
    auth="$work/auth" 2>"$work/said" || fail "$(cat "$work/said")"
all_typed_up() {
	[ "$(query connector '[.tunnels[] | select(.name == "typed").paths[] |
	    select(.state == "up")] | length')" = 3 ]
}
await 20 "the paths of a tunnel by hand" all_typed_up
look connector

# Of a key that comes over the control socket the engine keeps no text.
make_key newcomer
(umask 077 && "$build/socktopusctl" genpsk | tee "$work/psk" >"$work/secrets")
"$build/socktopusctl" -s "${control[connector]}" peer add newcomer \
    "$(public_key newcomer)" psk="$work/psk" || fail "no peer was added"
memory "$(engine_of connector)" >"$work/memory"
[ -s "$work/memory" ] || fail "no memory of the engine"
search "the memory of the engine" <"$work/memory"
secrets >"$work/secrets"
"$build/socktopus" -n -f "$work/connector.conf" >"$work/check.log" 2>&1 ||
    fail "the file is not right"
search "the output of -n" <"$work/check.log"
# It says so to the listener, unless a worker has no time to.
expect_problem "$log_path_down.*connection: "
stop connector
search "the last words" <"$work/connector.log"

# From the arguments, which are wiped before anything is started.
start_listener quick
proxy_squid door 127.0.0.1 "${port[quick]}" "$user" "$password"
pick_tuple
start_connector typed "$loc" "$rem" "tcp://127.0.0.1:${port[quick]}" \
    "http://$user:$password@127.0.0.1:${port[door]}"
look typed
for name in listener quick; do
	search "the log of $name" <"$work/$name.log"
done
note "looked at $searched places"

# A file that others can read, and lines that are not what they must be.
refused() {
	"$build/socktopus" -d -f "$work/connector.conf" >"$work/bad.log" 2>&1 &&
	    fail "started with $1"
	grep -Fq "$2" "$work/bad.log" || fail "$1: $(cat "$work/bad.log")"
	search "the words on $1" <"$work/bad.log"
}

chmod 644 "$work/auth"
refused 'an open file' 'is open to others'
chmod 600 "$work/auth"
echo "$user:$password" >>"$work/auth"
refused 'a line too many' "$work/auth: more lines than proxies"
: >"$work/auth"
refused 'no line' "$work/auth: fewer lines than proxies"
echo "$user" >"$work/auth"
refused 'no password' 'SOCKS5 needs a password with the user'
