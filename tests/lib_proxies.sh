# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # of lib.sh and of the tests
#
# Sourced by the tests of reflectors: the daemons of etc/reflectors, each with
# the very file that stands there, and a connector with many small tunnels.

reflectors=$(cd "$tests/../etc/reflectors" 2>/dev/null && pwd) ||
    reflectors=${top_srcdir:-.}/etc/reflectors

# What proxies run as, who should not be able to read what is not theirs.
proxy_state() {
	mkdir -p "$work/$1.state"
	chmod 777 "$work/$1.state"
}

# recipe NAME FILE LISTENER LISTENER_PORT: $work/NAME.conf, in which PORT is
# left for start_on_port.
recipe() {
	proxy_state "$1"
	sed -e "s|@LISTENER_PORT@|$4|g" -e "s|@LISTENER@|$3|g" \
	    -e "s|@ADDRESS@|127.0.0.1|g" -e 's|@PORT@|PORT|g' \
	    -e "s|@STATE@|$work/$1.state|g" \
	    -e "s|@PASSWORDS@|$work/$1.passwords|g" \
	    "$reflectors/$2" >"$work/$1.conf"
	chmod 755 "$work/$1.conf"
}

# Each is proxy_KIND NAME [LISTENER LISTENER_PORT]; its port is in
# ${port[NAME]}.
proxy_danted() {
	is_root || skip "danted wants to change its user"
	recipe "$1" danted.conf "$2" "$3"
	start_on_port "$1" danted -f "$work/$1.conf" -p "$work/$1.pid"
}

# The same where the listener has an IPv6 address.
proxy_danted_six() {
	is_root || skip "danted wants to change its user"
	recipe "$1" danted.conf "$2" "$3"
	sed -i -e 's|^external: .*|external: ::1|' -e "s|$2/32|$2/128|" \
	    "$work/$1.conf"
	start_on_port "$1" danted -f "$work/$1.conf" -p "$work/$1.pid"
}

proxy_danted_password() {
	is_root || skip "danted wants to change its user"
	recipe "$1" danted-password.conf "$2" "$3"
	start_on_port "$1" danted -f "$work/$1.conf" -p "$work/$1.pid"
}

# proxy_microsocks NAME USER PASSWORD
proxy_microsocks() {
	echo "$2 $3" >"$work/$1.passwords"
	recipe "$1" microsocks.sh - -
	start_on_port "$1" sh "$work/$1.conf"
}

proxy_tinyproxy() {
	recipe "$1" tinyproxy.conf "$2" "$3"
	start_on_port "$1" tinyproxy -d -c "$work/$1.conf"
}

# proxy_squid NAME LISTENER LISTENER_PORT USER PASSWORD
proxy_squid() {
	printf '%s:%s\n' "$4" "$(openssl passwd -apr1 "$5")" \
	    >"$work/$1.passwords"
	chmod 644 "$work/$1.passwords"
	recipe "$1" squid.conf "$2" "$3"
	start_on_port "$1" squid -N -f "$work/$1.conf"
}

# proxy_ssh NAME USER: an sshd of the test's own, and ssh -D to it.
proxy_ssh() {
	local key

	mkdir -p /run/sshd
	for key in host id; do
		ssh-keygen -q -t ed25519 -N '' -f "$work/$1.$key" ||
		    fail "no keys for ssh"
	done
	cat >"$work/$1.sshd.conf" <<-END
	Port PORT
	ListenAddress 127.0.0.1
	HostKey $work/$1.host
	PidFile none
	StrictModes no
	UsePAM no
	AuthorizedKeysFile $work/$1.id.pub
	END
	start_on_port "$1.sshd" "$(command -v sshd)" -D -e \
	    -f "$work/$1.sshd.conf"
	recipe "$1" ssh.sh - -
	start_on_port "$1" sh "$work/$1.conf" -F none -i "$work/$1.id" \
	    -o StrictHostKeyChecking=no -o "UserKnownHostsFile=$work/$1.known" \
	    -p "${port[$1.sshd]}" "$2@127.0.0.1"
}

# --- the two ends -----------------------------------------------------------

# A listener of IPv4 and IPv6, and the beginning of a connector's file.
begin_ends() {
	listen_for connector '[::]:0'
	v4=tcp://127.0.0.1:${port[listener]}
	v6="tcp://[::1]:${port[listener]}"
	tunnels=
	tunnel_count=0
}

declare -A tuple=()
used_ports=' '

# pick_tuple, with ports that no other tunnel has: all are still free.
pick_new_tuple() {
	local number new=

	until [ -n "$new" ]; do
		pick_tuple
		new=yes
		for number in "$near" "$local" "$bound" "$far"; do
			[[ $used_ports != *" $number "* ]] || new=
			used_ports+="$number "
		done
	done
}

# add_tunnel NAME DESTINATION PATH...: each path is the settings of one.
add_tunnel() {
	local name=$1 destination=$2 path paths=

	shift 2
	pick_new_tuple
	tuple[$name]="$near $local $bound $far"
	for path in "$@"; do
		paths+="${paths:+, }{ $path }"
	done
	tunnels+="${tunnels:+,} { name = \"$name\"; peer = \"listener\";
	    destination = \"$destination\"; direct = false;
	    local = \"$loc\"; remote = \"$rem\"; paths = ( $paths ); }"
	tunnel_count=$((tunnel_count + 1))
}

# add_proxy NAME DESTINATION URI [SETTING...]: a tunnel with one path.
add_proxy() {
	local name=$1 destination=$2 uri=$3

	shift 3
	add_tunnel "$name" "$destination" "uri = \"$uri\"; $*"
}

begin_connector() {
	begin_file connector near <<-END
	peers = ( { name = "listener"; key = "$(public_key far)"; } );
	tunnels = ( $tunnels );
	END
	chmod 600 "$work/connector.conf"
	start_file connector
}

# carries NAME: datagrams over a tunnel of add_tunnel, both ways.
carries() {
	# shellcheck disable=SC2316 # the names of pick_tuple
	local near local bound far

	read -r near local bound far <<<"${tuple[$1]}"
	both_ways "$1" -n 20 -s 0,1,1400,65507 -r 250
	note "$1: datagrams arrived both ways"
}

# fails_with NAME PATTERN: the only path of the tunnel, in status and log.
fails_with() {
	await 15 "reason '$2' in the status of $1" has_last_error "$1" "$2"
	has_line connector " $1/[^ ]*: down: $2" ||
	    fail "no '$2' in the log for $1"
	note "$1: $(last_error "$1")"
}

last_error() {
	query connector ".tunnels[] | select(.name == \"$1\").paths[0].last_error"
}

has_last_error() {
	last_error "$1" | grep -Eq -- "^$2\$"
}
