#!/bin/bash
# socktopusctl's key commands and its usage errors, as scripts meet them.

set -u
export LC_ALL=C
ctl=${top_builddir:-.}/socktopusctl
work=$(mktemp -d "${TMPDIR:-/tmp}/socktopus-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
umask 077

fail() {
	echo "FAILED: $*"
	exit 1
}

# run STATUS ARGUMENT...: standard output in $out, standard error in $err.
run() {
	local status=$1 got=0

	shift
	"$ctl" "$@" >"$work/out" 2>"$work/err" || got=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
	[ "$got" = "$status" ] || fail "exit status $got of $*: $err"
	case $err in
	*Sanitizer*|*"runtime error"*)
		fail "$* crashed: $err"
		;;
	esac
}

is_key() {
	[[ $1 =~ ^[A-Za-z0-9+/]{43}=$ ]]
}

# Alice and Bob of RFC 7748, section 6.1.
while read -r private public; do
	echo "$private" >"$work/key"
	run 0 pubkey <"$work/key"
	[ "$out" = "$public" ] || fail "public key $out of $private"
done <<'END'
dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo= hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os= 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
END

# A key of our own against openssl's idea of it.
run 0 genkey
is_key "$out" || fail "no key: $out"
[ -z "$err" ] || fail "a warning of genkey: $err"
[ "$(wc -c <"$work/out")" = 45 ] || fail "genkey writes no single line"
cp "$work/out" "$work/key"
if command -v openssl >/dev/null; then
	known=$({
		printf '\060\056\002\001\000\060\005\006\003\053\145\156'
		printf '\004\042\004\040'
		base64 -d "$work/key"
	} | openssl pkey -inform DER -pubout -outform DER |
	    tail -c 32 | base64)
	run 0 pubkey <"$work/key"
	[ "$out" = "$known" ] || fail "public key $out, openssl says $known"
fi
first=$(cat "$work/key")
run 0 genkey
[ "$out" != "$first" ] || fail "the same key twice"
byte=$(base64 -d "$work/key" | od -An -tu1 -N1 -j0)
[ $((byte & 7)) = 0 ] || fail "the key is not clamped"

run 0 genpsk
is_key "$out" || fail "no pre-shared key: $out"

# What others could read is warned of; the key is written all the same.
for command in genkey genpsk; do
	(umask 022 && "$ctl" "$command" >"$work/open" 2>"$work/err")
	grep -q 'world accessible' "$work/err" || fail "$command: no warning"
	is_key "$(cat "$work/open")" || fail "$command: no key after a warning"
	rm "$work/open"
	"$ctl" "$command" 2>"$work/err" | cat >"$work/piped"
	[ ! -s "$work/err" ] || fail "$command: a warning into a pipe"
done

# Spaces after a key are none of it; all else is no key.
printf '%s  \r\n\n' "$first" | "$ctl" pubkey >"$work/out" ||
    fail "white space after a key"
while read -r text; do
	printf '%b' "$text" >"$work/bad"
	run 1 pubkey <"$work/bad"
	[ -z "$out" ] || fail "an answer to '$text'"
	[ -n "$err" ] || fail "no message for '$text'"
done <<'END'
\n
dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo
dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=x
dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC==
dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCp=
dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25L-o=
dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC\0=
\0dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC=
END
run 1 pubkey </dev/zero
run 1 pubkey </dev/null
"$ctl" pubkey <&- 2>/dev/null && fail "a key from a closed input"

# Errors of output are errors.
for command in genkey genpsk version help; do
	"$ctl" "$command" >/dev/full 2>"$work/err" &&
	    fail "$command into a full file"
	grep -q 'No space left' "$work/err" || fail "$command: no reason"
done

# Usage: 2, and nothing on standard output.
while read -r arguments; do
	# shellcheck disable=SC2086
	run 2 $arguments
	[ -z "$out" ] || fail "usage of '$arguments' on standard output"
	grep -q '^usage: ' "$work/err" || fail "no usage for '$arguments'"
done <<'END'

frobnicate
status extra more
genkey extra
genkey -j
pubkey -s x
status -s
status -x
-s
-x
version 1
END
run 0 version
[[ $out == "socktopusctl "[0-9]* ]] || fail "version: $out"
run 0 -V
[[ $out == "socktopusctl "[0-9]* ]] || fail "version: $out"
run 0 help
[[ $out == "usage: "* ]] || fail "help: $out"
run 0 -h
[[ $out == "usage: "* ]] || fail "help: $out"
