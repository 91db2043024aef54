#include "supervisor/log_limit.h"

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"

static const char one[] = "one", other[] = "other";
static struct log_limit limit;

static void
clear(void)
{
	limit = (struct log_limit){ 0 };
}

static unsigned int
write_many(const char *format, unsigned int lines, uint64_t now_us)
{
	unsigned int written = 0;

	for (unsigned int i = 0; i < lines; i++)
		written += log_limit_may(&limit, format, now_us);
	return written;
}

START_TEST(burst_then_one_by_one)
{
	uint64_t now_us = 12345;

	ck_assert_uint_eq(write_many(one, 1000, now_us), LOG_LIMIT_BURST);
	now_us += LOG_LIMIT_US - 1;
	ck_assert_uint_eq(write_many(one, 10, now_us), 0);
	now_us += 1;
	ck_assert_uint_eq(write_many(one, 10, now_us), 1);
	now_us += 3 * (uint64_t)LOG_LIMIT_US;
	ck_assert_uint_eq(write_many(one, 10, now_us), 3);
	now_us += 1000 * (uint64_t)LOG_LIMIT_US;
	ck_assert_uint_eq(write_many(one, 1000, now_us), LOG_LIMIT_BURST);
}
END_TEST

START_TEST(messages_are_apart)
{
	write_many(one, 1000, 0);
	ck_assert_uint_eq(write_many(other, 10, 0), 10);
}
END_TEST

START_TEST(what_is_left_out_is_told_once)
{
	uint64_t count = 0;

	ck_assert_ptr_null(log_limit_left_out(&limit, 0, &count));
	write_many(one, LOG_LIMIT_BURST + 7, 0);
	write_many(other, LOG_LIMIT_BURST + 8, 0);
	ck_assert_ptr_null(log_limit_left_out(&limit, 0, &count));
	ck_assert_ptr_eq(log_limit_left_out(&limit, LOG_LIMIT_US, &count), one);
	ck_assert_uint_eq(count, 7);
	ck_assert_ptr_eq(log_limit_left_out(&limit, LOG_LIMIT_US, &count),
	    other);
	ck_assert_uint_eq(count, 8);
	ck_assert_ptr_null(log_limit_left_out(&limit, LOG_LIMIT_US, &count));
}
END_TEST

START_TEST(more_messages_than_room)
{
	static char formats[LOG_LIMIT_MESSAGES + 1][2];

	for (unsigned int i = 0; i < LOG_LIMIT_MESSAGES; i++)
		ck_assert(log_limit_may(&limit, formats[i], 0));
	ck_assert_uint_eq(write_many(formats[LOG_LIMIT_MESSAGES],
			      LOG_LIMIT_BURST + 1, 0),
	    LOG_LIMIT_BURST + 1);
	ck_assert_uint_eq(write_many(formats[0], LOG_LIMIT_BURST, 0),
	    LOG_LIMIT_BURST - 1);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("log_limit");
	TCase *limits = tcase_create("limit");

	tcase_add_checked_fixture(limits, clear, NULL);
	tcase_add_test(limits, burst_then_one_by_one);
	tcase_add_test(limits, messages_are_apart);
	tcase_add_test(limits, what_is_left_out_is_told_once);
	tcase_add_test(limits, more_messages_than_room);
	suite_add_tcase(suite, limits);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
