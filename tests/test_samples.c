#include <check.h>
#include <stdlib.h>

#include "supervisor/engine/samples.h"
#include "tests/suite.h"

static struct samples samples;

static void
setup(void)
{
	samples_begin(&samples);
}

START_TEST(test_steps)
{
	samples_take(&samples, 100);
	samples_pong(&samples, 3000);
	samples_pong(&samples, 5000);
	samples_take(&samples, 250);
	samples_take(&samples, 250);
	ck_assert_uint_eq(samples.count, 3);
	ck_assert_uint_eq(samples.bytes[samples_at(&samples, 0)], 100);
	ck_assert_uint_eq(samples.rtt_us[samples_at(&samples, 0)], 0);
	ck_assert_uint_eq(samples.bytes[samples_at(&samples, 1)], 150);
	ck_assert_uint_eq(samples.rtt_us[samples_at(&samples, 1)], 4000);
	/* No PONG: what is known is the last one. */
	ck_assert_uint_eq(samples.bytes[samples_at(&samples, 2)], 0);
	ck_assert_uint_eq(samples.rtt_us[samples_at(&samples, 2)], 4000);
}
END_TEST

START_TEST(test_only_the_newest)
{
	uint64_t acked = 0, i;

	for (i = 1; i <= 3 * SAMPLES_KEPT + 7; i++)
		samples_take(&samples, acked += i);
	ck_assert_uint_eq(samples.count, SAMPLES_KEPT);
	for (i = 0; i < SAMPLES_KEPT; i++)
		ck_assert_uint_eq(samples.bytes[samples_at(&samples, i)],
		    2 * SAMPLES_KEPT + 8 + i);
}
END_TEST

START_TEST(test_too_large)
{
	samples_pong(&samples, UINT64_MAX);
	samples_take(&samples, UINT64_MAX);
	ck_assert_uint_eq(samples.bytes[0], UINT32_MAX);
	ck_assert_uint_eq(samples.rtt_us[0], UINT32_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("samples");
	TCase *tests = tcase_create("samples");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, test_steps);
	tcase_add_test(tests, test_only_the_newest);
	tcase_add_test(tests, test_too_large);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
