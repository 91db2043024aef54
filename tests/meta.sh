#!/bin/sh
# What must hold of the tree itself: who includes whom, headers that stand
# alone, the worker's libraries, sizes, form, manuals and scripts.

set -u
: "${top_srcdir:?}" "${top_builddir:?}" "${CC:=cc}"
export LC_ALL=C
builddir=$(cd "$top_builddir" && pwd)
cd "$top_srcdir" || exit 99
failures=0
skips=0

# check WHAT COMMAND...: the command's output is the list of faults.
check() {
	what=$1
	shift
	faults=$("$@" 2>&1)
	if [ -n "$faults" ]; then
		echo "FAILED: $what"
		echo "$faults"
		failures=$((failures + 1))
	else
		echo "ok: $what"
	fi
}

# check_with PROGRAM WHAT COMMAND...: only where the program is.
check_with() {
	if ! command -v "$1" >/dev/null; then
		echo "skipped: $2: there is no $1"
		skips=$((skips + 1))
		return
	fi
	shift
	check "$@"
}

sources() {
	find shm worker supervisor tests -name '*.[ch]'
}

includes() {
	grep -rnE "^#include \"($2)/" "$1" --include='*.[ch]'
}

include_directions() {
	includes shm 'supervisor|worker|tests'
	includes worker 'supervisor|tests'
	includes supervisor 'worker|tests'
	# Written from the top of the tree.
	sources | xargs grep -nE '^#include "' |
	    grep -vE '"(shm|worker|supervisor|tests)/'
}

# libconfig, libevent, jansson, libmicrohttpd and ncurses each have one place.
library_owners() {
	sources | xargs grep -nE '^#include <libconfig' |
	    grep -vE '^supervisor/config[_a-z]*\.'
	sources | xargs grep -nE '^#include <event2?/' |
	    grep -vE '^(supervisor/engine|tests)/'
	sources | xargs grep -nE '^#include <jansson' |
	    grep -vE '^(supervisor/ctl|tests)/'
	sources | xargs grep -nE '^#include <curses' |
	    grep -vE '^supervisor/ctl/watch_screen\.'
	sources | xargs grep -nE '^#include <microhttpd' |
	    grep -vE '^supervisor/ctl/exporter_http\.'
}

headers_alone() {
	sources | grep '\.h$' | while read -r header; do
		echo "#include \"$header\"" | $CC -std=c11 -D_GNU_SOURCE -I. \
		    -Wall -Wextra -Wundef -fsyntax-only -x c - ||
		    echo "$header does not compile alone"
	done
}

worker_libraries() {
	[ -x "$builddir/socktopus-worker" ] || echo "there is no worker"
	readelf -d "$builddir/socktopus-worker" | grep NEEDED |
	    grep -E 'crypto|ssl|config|event|jansson|cap-ng'
}

# Every file of the tree is built and distributed.
built_sources() {
	sources | while read -r file; do
		case $file in
		tests/test_*.c | tests/bench_*.c) name=${file%.c} ;;
		*) name=$file ;;
		esac
		grep -qwF -- "$name" Makefile.am || {
			# Programs of the tests are named without their .c.
			grep -q '^main(' "$file" &&
			    grep -qwF -- "${file%.c}" Makefile.am
		} || echo "$file is not in Makefile.am"
	done
}

sizes() {
	sources | while read -r file; do
		lines=$(wc -l <"$file")
		case $file in
		tests/*) ;;
		*) [ "$lines" -le 400 ] || echo "$file: $lines lines" ;;
		esac
		awk -v file="$file" '
			/^{/ { start = NR }
			/^}/ && start {
				if (NR - start - 1 > 80)
					print file ":" start ": a function of " \
					    NR - start - 1 " lines"
				start = 0
			}' "$file"
	done
}

form() {
	sources | xargs clang-format --dry-run
}

no_scraps() {
	sources | xargs grep -nwE 'T[O]DO|FIX[M]E|XX[X]'
	# A format is checked wherever one is passed on.
	sources | grep '\.[ch]$' | while read -r file; do
		awk -v file="$file" '
			/, \.\.\.\)/ { open = NR; text = "" }
			open { text = text $0 }
			open && /[;{]/ {
				if (text !~ /format\(printf/ && /;/)
					print file ":" open \
					    ": no format attribute"
				open = 0
			}' "$file"
	done
}

package_needs() {
	sed -n "/^to_build=/,/'$/p" bootstrap | grep -o '[a-z0-9-]*-dev' |
	    while read -r package; do
		[ "$package" = libc6-dev ] ||
		    grep -q "^ $package\>" etc/debian/control ||
		    echo "etc/debian/control lacks $package"
	done
}

manuals() {
	find worker supervisor -name '*.[578]' \
	    -exec mandoc -T lint -W warning {} +
}

scripts() {
	find tests -name '*.sh' -print0 |
	    xargs -0 -n 8 -P "$(getconf _NPROCESSORS_ONLN)" \
	    shellcheck -x -P SCRIPTDIR
	for script in bootstrap .ci/run etc/completions/socktopusctl; do
		[ ! -f "$script" ] || shellcheck "$script"
	done
	find tests -name '*.sh' ! -name 'lib*.sh' ! -perm -u+x |
	    sed 's/$/ is not executable/'
}

check 'include directions' include_directions
check 'libraries stay where they belong' library_owners
check 'headers compile alone' headers_alone
check_with readelf 'the worker links little' worker_libraries
check 'every source is built' built_sources
check 'sizes of files and functions' sizes
check 'no scraps' no_scraps
check_with clang-format 'form' form
check 'package and bootstrap need the same' package_needs
check_with mandoc 'manuals' manuals
check 'messages are documented' tests/messages.sh
check_with shellcheck 'scripts' scripts

[ "$failures" = 0 ] || exit 1
[ "$skips" = 0 ] || exit 77
