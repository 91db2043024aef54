#include <unistd.h>

#include <check.h>

#include "supervisor/engine/burn.h"
#include "tests/suite.h"

#define BEGUN_US UINT64_C(5000000)

static struct burn burn;

/* A window in which so much was used and moved. */
static bool
after(uint64_t cpu_us, uint64_t moved)
{
	burn = (struct burn){ 0, 0, 0 };
	ck_assert(!burn_is_too_much(&burn, 1000, 2000, BEGUN_US));
	ck_assert(!burn_is_too_much(&burn, 1000 + cpu_us, 2000 + moved,
	    BEGUN_US + BURN_WINDOW_US - 1));
	return burn_is_too_much(&burn, 1000 + cpu_us, 2000 + moved,
	    BEGUN_US + BURN_WINDOW_US);
}

START_TEST(who_spins_is_found)
{
	ck_assert(after(BURN_WINDOW_US, 0));
	ck_assert(after(BURN_WINDOW_US, 600000));
	ck_assert(after(BURN_CPU_US + 1, 60000));
}
END_TEST

START_TEST(who_works_is_not)
{
	ck_assert(!after(0, 0));
	ck_assert(!after(BURN_CPU_US, 0));
	ck_assert(!after(BURN_WINDOW_US, 10 * BURN_BYTES_PER_S));
	ck_assert(!after(BURN_WINDOW_US, UINT64_C(8000000000)));
}
END_TEST

START_TEST(each_window_stands_for_itself)
{
	ck_assert(!after(BURN_WINDOW_US, UINT64_C(1) << 40));
	ck_assert(burn_is_too_much(&burn, 1000 + 2 * BURN_WINDOW_US,
	    2000 + (UINT64_C(1) << 40), BEGUN_US + 2 * BURN_WINDOW_US));
}
END_TEST

/* A process that ended meanwhile has used nothing. */
START_TEST(the_clock_is_that_of_the_process)
{
	volatile unsigned int turns = 0;
	uint64_t begun_us = burn_cpu_us(getpid());

	while (burn_cpu_us(getpid()) < begun_us + 2000)
		turns++;
	ck_assert_uint_eq(burn_cpu_us(0), 0);
	ck_assert_uint_eq(burn_cpu_us(0x3fffff), 0);
	ck_assert(!after(0, 0));
	ck_assert(
	    !burn_is_too_much(&burn, 0, 0, BEGUN_US + 2 * BURN_WINDOW_US));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("burn");
	TCase *tests = tcase_create("burn");

	tcase_add_test(tests, who_spins_is_found);
	tcase_add_test(tests, who_works_is_not);
	tcase_add_test(tests, each_window_stands_for_itself);
	tcase_add_test(tests, the_clock_is_that_of_the_process);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
