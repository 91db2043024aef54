#!/bin/bash
# The units and scripts for service managers: their form, their score, and
# whether the service can live with what they leave it.
. "$(dirname "$0")/lib.sh"
need jq

score_max=2.1
exporter_max=1.4
user_max=1.2
unit=$work/units/socktopus.service
mkdir "$work/units"

# The same unit with the program that is being tested.
for name in socktopus socktopus@ socktopus-user@; do
	sed "s|^\(Exec[^=]*=\)[^ ]*/socktopus |\1$build/socktopus |; /^Docum/d" \
	    "$build/etc/$name.service" >"$work/units/$name.service"
done
for name in socktopus socktopus-user; do
	cp "$work/units/$name@.service" "$work/units/$name@x.service"
done
sed "s|^ExecStart=[^ ]*|ExecStart=$build/socktopusctl|; /^Docum/d" \
    "$build/etc/socktopus-exporter.service" \
    >"$work/units/socktopus-exporter.service"
sed '/^Docum/d' "$tests/../etc/socktopus.socket" \
    >"$work/units/socktopus.socket"
diff <(sed '/^\[Service\]/,$!d; /^Exec/d' "$unit") \
    <(sed '/^\[Service\]/,$!d; /^Exec/d' "$work/units/socktopus@.service") ||
    fail "the template differs"

# expect_score UNIT MOST
expect_score() {
	local score

	score=$(systemd-analyze security --no-pager --offline=true "$1" |
	    sed -n 's/.*exposure level for [^:]*: \([0-9.]*\) .*/\1/p')
	echo "systemd-analyze security ${1##*/}: $score"
	awk "BEGIN { exit !(\"$score\" != \"\" && $score <= $2) }" ||
	    fail "the score of ${1##*/} is '$score', at most $2 is good"
}

if command -v systemd-analyze >/dev/null; then
	faults=$(systemd-analyze verify "$unit" "$work/units/socktopus.socket" \
	    "$work/units/socktopus@x.service" \
	    "$work/units/socktopus-user@x.service" \
	    "$work/units/socktopus-exporter.service" 2>&1)
	[ -z "$faults" ] || fail "verify: $faults"
	expect_score "$unit" $score_max
	expect_score "$work/units/socktopus-user@x.service" $user_max
	expect_score "$work/units/socktopus-exporter.service" $exporter_max
fi
if command -v shellcheck >/dev/null; then
	shellcheck "$build/etc/socktopus.run" "$build/etc/socktopus.check" \
	    "$build/etc/socktopus.openrc" ||
	    fail "shellcheck"
fi
sh -n "$build/etc/socktopus.openrc" || fail "the OpenRC script"

# settings KEY: all values of the unit's key.
settings() {
	sed -n "s/^$1=//p" "$unit"
}

is_root || exit 0
need setpriv

# With no more capabilities than the unit leaves, in a folder of root.
bounds=-all
for capability in $(settings CapabilityBoundingSet); do
	capability=${capability#CAP_}
	bounds+=,+${capability,,}
done
mkdir -p /run/socktopus
make_key a
start_service() {
	{
		echo "identity = \"$work/a.key\";"
		echo "control = \"/run/socktopus/$1.sock\";"
		cat
	} >"$work/$1.conf"
	wrap=("${trace[@]}" setpriv --bounding-set "$bounds" --inh-caps -all)
	socktopus "$1" -- -d -f "$work/$1.conf"
	wrap=()
	control[$1]=/run/socktopus/$1.sock
}

serve_both() {
	start_service "$1" <<-END
	listen = ( "127.0.0.1:0" );
	peers = ( { name = "c"; key = "$(public_key a)"; } );
	END
	await_listening "$1"
	pick_tuple
	start_service "$1c" <<-END
	peers = ( { name = "l"; key = "$(public_key a)"; } );
	tunnels = ( { name = "t"; peer = "l"; local = "$loc"; remote = "$rem";
	    destination = "tcp://localhost:${port[$1]}"; direct = true; } );
	END
	await_paths "$1c" 1
	both_ways "$1" -n 50 -r 1000
	end "$1c"
	end "$1"
}

# Not by its pid, which may be a tracer's.
end() {
	kill "$(query "$1" .process.pid)"
	finish "$1"
	[ "$status" = 0 ] || fail "exit status $status of $1"
}

trace=()
serve_both plain

# allowed CALL-OR-GROUP...: every call in them.
allowed() {
	local word

	for word in "$@"; do
		case $word in
		@*)
			# shellcheck disable=SC2046
			allowed $(systemd-analyze syscall-filter "$word" |
			    sed '1d; s/#.*//')
			;;
		*) echo "$word" ;;
		esac
	done
}

# The filter, as systemd reads it: the lines one after the other.
filter_calls() {
	local line

	settings SystemCallFilter | {
		: >"$work/calls"
		while read -r line; do
			# shellcheck disable=SC2086
			allowed ${line#\~} | sort -u >"$work/line"
			case $line in
			\~*) sort -u "$work/calls" | comm -23 - "$work/line" ;;
			*) sort -u "$work/calls" "$work/line" ;;
			esac >"$work/calls.new"
			mv "$work/calls.new" "$work/calls"
		done
		cat "$work/calls"
	}
}

# Every call that is made must be in it, but for fchownat, which may fail.
command -v strace >/dev/null && command -v systemd-analyze >/dev/null || exit 0
grep -q __asan_init "$build/socktopus" && exit 0
trace=(strace -ff -qq -o "$work/trace" -e signal=none)
serve_both traced
cat "$work"/trace.* | sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' | sort -u >"$work/made"
[ "$(wc -l <"$work/made")" -gt 50 ] || fail "nothing was traced"
missing=$(filter_calls | comm -13 - "$work/made" | grep -vx fchownat |
    tr '\n' ' ')
[ -z "$missing" ] || fail "the unit does not allow: $missing"
echo "system calls made: $(wc -l <"$work/made"), all of them allowed"
