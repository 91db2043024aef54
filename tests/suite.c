#include "tests/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77 /* to automake's harness */

int
suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
suite_run_locked(Suite *suite)
{
#ifdef SANDBOX_RELAXED
	(void)suite;
	fputs("SKIPPED: built with a relaxed lock-in\n", stderr);
	return SKIPPED;
#else
	return suite_run(suite);
#endif
}

void
suite_seed(void)
{
	const char *given = getenv("TEST_SEED");
	long seed = given != NULL ? atol(given) :
				    (long)time(NULL) ^ (long)getpid();

	printf("TEST_SEED=%ld\n", seed);
	fflush(stdout);
	srand48(seed);
	srandom((unsigned int)seed);
}
