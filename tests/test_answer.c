/* An answer that comes at once goes back before the engine sleeps. */
#include <check.h>

#include "supervisor/engine/answer.h"
#include "tests/engine_rig.h"
#include "tests/suite.h"

#define UNTIL_TRIED 64
#define LONG 1000

/* How many of them were answered without the engine's loop. */
static int
exchange(int count, bool answered)
{
	int at_once = 0;

	while (count-- > 0)
		at_once += engine_rig_exchange(answered);
	return at_once;
}

START_TEST(test_application_that_answers)
{
	int at_once;

	engine_rig_begin(2);
	ck_assert_int_eq(exchange(UNTIL_TRIED - 1, true), 0);
	ck_assert_int_eq(exchange(LONG, true), LONG);
	/* Few are missed. */
	ck_assert_int_eq(exchange(3, false), 0);
	ck_assert_int_eq(exchange(1, true), 1);
	/* Many: nobody waits for it any more, but now and then. */
	ck_assert_int_eq(exchange(LONG, false), 0);
	at_once = exchange(UNTIL_TRIED, true);
	ck_assert_int_gt(at_once, 0);
	ck_assert_int_lt(at_once, UNTIL_TRIED);
	engine_rig_end();
}
END_TEST

/* How often, of 1000 times, it is waited for if each nth answer is in time. */
static int
count_waits(int each)
{
	struct answer answer = { 0 };
	int waits = 0, i;

	for (i = 1; i <= LONG; i++) {
		if (!answer_is_likely(&answer))
			continue;
		waits++;
		answer_note(&answer, each > 0 && i % each == 0);
	}
	return waits;
}

START_TEST(test_as_often_as_it_pays)
{
	ck_assert_int_gt(count_waits(1), LONG - UNTIL_TRIED - 1);
	ck_assert_int_gt(count_waits(4), LONG - 2 * UNTIL_TRIED);
	ck_assert_int_lt(count_waits(20), LONG / 8);
	ck_assert_int_eq(count_waits(0), LONG / UNTIL_TRIED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("answer");
	TCase *tcase = tcase_create("answer");

	tcase_add_test(tcase, test_application_that_answers);
	tcase_add_test(tcase, test_as_often_as_it_pays);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
