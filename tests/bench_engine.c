/*
 * A fixed job for callgrind: bench_engine BYTES PATHS DATAGRAMS carries so many
 * datagrams from one application to the other, through both engines, without
 * workers and TCP. Twice over for the difference is what one datagram costs.
 */
#include <bsd/stdlib.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>

#include "tests/engine_rig.h"

static uint64_t
number(const char *text, long long most)
{
	const char *error;
	long long value = strtonum(text, 0, most, &error);

	if (error != NULL)
		errx(2, "%s: %s", text, error);
	return (uint64_t)value;
}

int
main(int argc, char **argv)
{
	uint64_t datagrams, arrived;

	if (argc != 4)
		errx(2, "usage: bench_engine BYTES PATHS DATAGRAMS");
	datagrams = number(argv[3], 100000000);
	engine_rig_begin(number(argv[2], 64));
	arrived = engine_rig_carry(datagrams, number(argv[1], 65507));
	engine_rig_end();
	printf("sent=%" PRIu64 "\narrived=%" PRIu64 "\n", datagrams, arrived);
	return arrived == datagrams ? 0 : 1;
}
