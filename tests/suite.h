/*
 * What every program of unit tests does at its end and, where it plays dice,
 * at its beginning.
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>

/* Run it (taken over), as CK_VERBOSITY says; the exit status for main(). */
int suite_run(Suite *suite);

/* The same, but skipped where the programs are built with a relaxed lock-in. */
int suite_run_locked(Suite *suite);

/*
 * Seed random() and drand48() with $TEST_SEED, or with something new, and say
 * with what.
 */
void suite_seed(void);

#endif
