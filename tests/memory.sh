#!/bin/bash
# 64 idle paths: the memory of both ends, each with its supervisor, engine and
# workers, by proportional set size.
. "$(dirname "$0")/lib.sh"
need jq
is_root || skip "only root may read the sizes of undumpable processes"
grep -q __asan_init "$build/socktopus" && skip "sanitizers need memory"

paths=64
limit_kib=$((256 * 1024))
start_listener listener
pick_tuple
uris=()
for ((i = 0; i < paths; i++)); do
	uris+=("tcp://127.0.0.1:${port[listener]}")
done
start_connector connector "$loc" "$rem" "${uris[@]}"

# sum_of NODE FIELD...: in KiB, of smaps_rollup of all its processes.
sum_of() {
	local node=$1 process

	shift
	for process in "${pid[$node]}" $(pgrep -P "${pid[$node]}"); do
		cat "/proc/$process/smaps_rollup"
	done | awk -v fields=" $* " '
		index(fields, " " $1 " ") { sum += $2 }
		END { print sum + 0 }'
}

for node in connector listener; do
	pss=$(sum_of "$node" Pss:)
	private=$(sum_of "$node" Private_Clean: Private_Dirty:)
	count=$(($(pgrep -c -P "${pid[$node]}") + 1))
	[ "$count" -ge $((paths + 2)) ] || fail "only $count processes"
	[ "$pss" -gt 0 ] || fail "no figure"
	note "$node: $count processes, $paths idle paths:" \
	    "$((pss / 1024)) MiB proportional, $((private / 1024)) MiB private"
	[ "$pss" -lt "$limit_kib" ] || fail "more than 256 MiB"
done
