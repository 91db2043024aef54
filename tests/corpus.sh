#!/bin/sh
# Replay the corpus of every fuzz target.

set -eu
: "${fuzz_targets:?}" "${top_srcdir:?}" "${top_builddir:?}"

for target in $fuzz_targets; do
	# Files, not the folder: with that libFuzzer would start to fuzz.
	"$top_builddir/$target" \
	    "$top_srcdir/tests/corpus/${target#tests/fuzz_}"/*
done
