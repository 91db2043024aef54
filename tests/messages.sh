#!/bin/sh
# Every message that the supervisor, the engine or the exporter can log stands in
# socktopus-messages(7), and nothing else does. Prints what is wrong. With an
# argument, prints the formats that it finds.

set -u
export LC_ALL=C
cd "${top_srcdir:-.}" || exit 99
page=supervisor/socktopus-messages.7

# Calls whose first string ends up in a line of the log.
calls='log_(fatal|error|warn|notice|info|debug)|path_(fail|finish|refuse)|holding_refuse'
calls="$calls|refuse|drop|tunnel_drop_path|break_off|tunnel_free|complain"
# Sources whose words do, those with a blank in them.
words='engine/failure engine/admission engine/wire launch slots'
string='"([^"\\]|\\.)*"'

# On one line, without comments; "a %" PRIu64 " b" is one string.
joined() {
	sed 's|^#.*||; s|__attribute__((.*||' "$1" | tr '\t\n' '  ' |
	    sed -E 's|/\*([^*]\|\*[^/])*\*/||g
		s/" *PRI[a-z]+[0-9]* *"/u/g; s/" +"//g'
}

strings() {
	sed 's/^[^"]*"//; s/"$//; s/\\"/"/g; s/: $/: %s/'
}

formats() {
	find supervisor -name '*.c' ! -name 'log*.c' \
	    \( ! -path '*/ctl/*' -o -name 'exporter*.c' \) |
	    while read -r file; do
		joined "$file" |
		    grep -oE "\\b($calls) *\\([^\";{]*$string" | strings
	done
	# The log's own.
	joined supervisor/log.c |
	    grep -oE "log_line_append\\([^\";{]*$string" | strings
	for file in $words; do
		joined "supervisor/$file.c" | grep -oE "$string" | strings |
		    grep ' '
	done
}

entries() {
	sed -n 's/^\.It Li "\(.*\)"$/\1/p' "$page" |
	    sed 's/""/"/g; s/\\&//g; s/\\e/\\/g'
}

# As a pattern for a whole line: what is filled in is written in capitals.
pattern() {
	sed -E 's/[][\\.*^$+?(){}|]/\\&/g
	    s/%[-0-9\\.]*(hh|h|ll|l|z|j)?[a-zA-Z]/[A-Z][A-Z-]*/g; s/^/^/; s/$/$/'
}

found=$(mktemp) && documented=$(mktemp) || exit 99
trap 'rm -f "$found" "$documented"' EXIT
formats | grep -vE '^[^a-zA-Z]*(%s)?:? ?$' | sort -u >"$found"
[ $# = 0 ] || { cat "$found"; exit; }
entries >"$documented"
while IFS= read -r format; do
	printf '%s\n' "$format" | pattern | grep -qEf - "$documented" ||
	    echo "not in $page: $format"
done <"$found"
pattern <"$found" | grep -vEf - "$documented" | sed "s|^|of no source, but in $page: |"
sort "$documented" | uniq -d | sed "s|^|twice in $page: |"
