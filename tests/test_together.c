/*
 * A load stays on one path when its worker has no processor, but not when TCP
 * makes it wait, nor for long.
 */
#include <check.h>

#include "tests/engine_rig.h"
#include "tests/suite.h"

#define PATHS 4
#define WARM 80000 /* until every path's rate is known */
#define BYTES 1400
#define MORE_THAN_A_RING 400
#define A_FEW 10
#define LONG_US 20000

static void
begin(void)
{
	engine_rig_begin(PATHS);
	ck_assert_uint_eq(engine_rig_carry(WARM, BYTES), WARM);
	ck_assert_uint_eq(engine_rig_busy_paths(), 0);
}

/* All that was pressed in comes out, and what comes now. */
static void
end(uint64_t pressed)
{
	uint64_t arrived = engine_rig_carry(A_FEW, BYTES);

	while (arrived < pressed + A_FEW)
		arrived += engine_rig_carry(1, BYTES) - 1;
	ck_assert_uint_eq(arrived, pressed + A_FEW);
	engine_rig_end();
}

START_TEST(test_worker_without_a_processor)
{
	begin();
	engine_rig_press(MORE_THAN_A_RING, BYTES);
	ck_assert_uint_eq(engine_rig_busy_paths(), 1);
	end(MORE_THAN_A_RING);
}
END_TEST

START_TEST(test_not_for_long)
{
	begin();
	engine_rig_press(MORE_THAN_A_RING, BYTES);
	engine_rig_wait(LONG_US);
	engine_rig_turn();
	ck_assert_uint_gt(engine_rig_busy_paths(), 1);
	end(MORE_THAN_A_RING);
}
END_TEST

START_TEST(test_tcp_takes_no_more)
{
	begin();
	engine_rig_press(MORE_THAN_A_RING, BYTES);
	engine_rig_sleep(true);
	engine_rig_press(A_FEW, BYTES);
	ck_assert_uint_gt(engine_rig_busy_paths(), 1);
	engine_rig_sleep(false);
	end(MORE_THAN_A_RING + A_FEW);
}
END_TEST

static Suite *
together_suite(void)
{
	Suite *suite = suite_create("together");
	TCase *tcase = tcase_create("together");

	tcase_add_test(tcase, test_worker_without_a_processor);
	tcase_add_test(tcase, test_not_for_long);
	tcase_add_test(tcase, test_tcp_takes_no_more);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(together_suite());
}
