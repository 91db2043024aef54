#!/bin/bash
# Root's view is not enough: the main tests again as a plain user, with copies
# of the programs, since that user may not be able to enter the build folder.
# With TEST_LONG all that need no build folder, though many need root and say so.
. "$(dirname "$0")/lib.sh"
is_root || skip "the other tests have shown it"
need setpriv

copy=$work/copy
mkdir -p "$copy/tests"
for program in socktopus socktopus-worker socktopusctl; do
	cp "$build/$program" "$copy"
done
find "$build/tests" -maxdepth 1 -type f -perm -u+x ! -name '*.sh' \
    ! -name 'test_*' ! -name 'fuzz_*' -exec cp {} "$copy/tests" \;
cp "$tests"/*.sh "$copy/tests"
cp -R "$tests/../etc" "$copy"
chmod -R a+rX "$copy"
mkdir -m 1777 "$work/tmp"
cd "$copy" || exit 1
names='seed_example relays several_tunnels respawn'
if [ -n "${TEST_LONG:-}" ]; then
	# shellcheck disable=SC2016 # it is what stands there
	names=$(grep -l '^\. "$(dirname "$0")/lib.sh"' "$tests"/*.sh |
	    sed 's|.*/||; s|\.sh$||' | grep -Ev '^(bench|completions|ctl_usage|deb|demo|install|plain_user|units)')
fi
failed=
for name in $names; do
	env -u E2E_ISOLATED TMPDIR="$work/tmp" top_builddir="$copy" \
	    top_srcdir="$copy" setpriv --reuid=61003 \
	    --regid=61003 --clear-groups "$copy/tests/$name.sh"
	code=$?
	echo "$name.sh: as a plain user: $code"
	[ "$code" = 0 ] || [ "$code" = 77 ] || failed+=" $name.sh"
done
[ -z "$failed" ] || fail "as a plain user:$failed"
