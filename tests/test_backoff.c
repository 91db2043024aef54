#include "supervisor/engine/backoff.h"

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"

/* With this the jitter is zero: half of the span of delay / 2 + 1. */
static uint32_t
middle(uint32_t delay_ms)
{
	return delay_ms / 4;
}

START_TEST(first_try_is_at_once)
{
	struct backoff backoff = { 0 };

	ck_assert_uint_eq(backoff_next_ms(&backoff, 0, 12345), 0);
}
END_TEST

START_TEST(delays_double_to_the_limit)
{
	static const uint32_t expected[] = { 100, 200, 400, 800, 1600, 3200,
		6400, 12800, 25600, 30000, 30000 };
	struct backoff backoff = { 0 };

	backoff_next_ms(&backoff, 0, 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_uint_eq(backoff_next_ms(&backoff, 0,
				      middle(expected[i])),
		    expected[i]);
}
END_TEST

START_TEST(jitter_stays_within_a_quarter)
{
	for (uint32_t random = 0; random < 1000; random++) {
		struct backoff backoff = { .failures = 4 };
		uint32_t delay_ms = backoff_next_ms(&backoff, 0,
		    random * UINT32_C(4294967));

		ck_assert_uint_ge(delay_ms, 600);
		ck_assert_uint_le(delay_ms, 1000);
	}
}
END_TEST

START_TEST(a_minute_up_starts_over)
{
	struct backoff backoff = { .failures = 9 };

	ck_assert_uint_gt(backoff_next_ms(&backoff, BACKOFF_RESET_US - 1, 0),
	    0);
	ck_assert_uint_eq(backoff_next_ms(&backoff, BACKOFF_RESET_US, 0), 0);
	ck_assert_uint_gt(backoff_next_ms(&backoff, 0, 0), 0);
}
END_TEST

START_TEST(many_failures_do_not_overflow)
{
	struct backoff backoff = { .failures = 4000000000U };

	ck_assert_uint_le(backoff_next_ms(&backoff, 0, UINT32_MAX),
	    BACKOFF_MAX_MS + BACKOFF_MAX_MS / 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *tests = tcase_create("backoff");

	tcase_add_test(tests, first_try_is_at_once);
	tcase_add_test(tests, delays_double_to_the_limit);
	tcase_add_test(tests, jitter_stays_within_a_quarter);
	tcase_add_test(tests, a_minute_up_starts_over);
	tcase_add_test(tests, many_failures_do_not_overflow);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
