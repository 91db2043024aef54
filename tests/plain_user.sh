#!/bin/bash
# Root's view is not enough: the main tests again as a plain user, with copies
# of the programs, since that user may not be able to enter the build folder.
. "$(dirname "$0")/lib.sh"
is_root || skip "the other tests have shown it"
need setpriv

copy=$work/copy
mkdir -p "$copy/tests"
for program in socktopus socktopus-worker socktopusctl; do
	cp "$build/$program" "$copy"
done
cp "$dgram" "$faulty_relay" "$loglines" "$tests"/*.sh "$copy/tests"
chmod -R a+rX "$copy"
mkdir -m 1777 "$work/tmp"
cd "$copy" || exit 1
for name in seed_example relays several_tunnels respawn; do
	env TMPDIR="$work/tmp" top_builddir="$copy" setpriv --reuid=61003 \
	    --regid=61003 --clear-groups "$copy/tests/$name.sh"
	code=$?
	[ "$code" = 0 ] || [ "$code" = 77 ] || fail "$name.sh as a plain user"
	echo "$name.sh: as a plain user: $code"
done
