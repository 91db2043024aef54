#!/bin/sh
# Public Noise test vectors, where they stand beside the tree.

set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

vectors=$top_srcdir/../shared/vectors/noise-ik.json
if [ ! -r "$vectors" ]; then
	echo "skipped: no file of vectors"
	exit 77
fi
"$top_builddir/tests/noise_vectors" "$vectors"
