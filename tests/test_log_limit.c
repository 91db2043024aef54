#include "supervisor/log_limit.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		written += log_limit_may(&limit, format, "", now_us);
	return written;
}

static unsigned int
write_of(const char *account, unsigned int lines, uint64_t now_us)
{
	unsigned int written = 0;

	for (unsigned int i = 0; i < lines; i++)
		written += log_limit_may(&limit, one, account, now_us);
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

START_TEST(accounts_are_apart)
{
	char name[2 * LOG_LIMIT_ACCOUNT_MAX];

	write_of("noisy", 100000, 0);
	ck_assert_uint_eq(write_of("quiet", 10, 0), 10);
	ck_assert_uint_eq(write_of("", 10, 0), 10);
	ck_assert_uint_eq(write_of("noisy", 10, 0), 0);
	/* What is cut is one account. */
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	write_of(name, LOG_LIMIT_BURST, 0);
	name[sizeof(name) - 2] = 'b';
	ck_assert_uint_eq(write_of(name, 1, 0), 0);
}
END_TEST

/* The gap that is told next; its count is 0 if there is none. */
static struct log_limit_gap
next_gap(uint64_t now_us)
{
	struct log_limit_gap gap = { .count = 0 };

	if (!log_limit_left_out(&limit, now_us, &gap))
		ck_assert_uint_eq(gap.count, 0);
	return gap;
}

START_TEST(what_is_left_out_is_told_once)
{
	struct log_limit_gap gap;

	ck_assert_uint_eq(next_gap(0).count, 0);
	write_many(one, LOG_LIMIT_BURST + 7, 0);
	write_many(other, LOG_LIMIT_BURST + 8, 0);
	write_of("peer", LOG_LIMIT_BURST + 9, 0);
	ck_assert_uint_eq(next_gap(0).count, 0);
	gap = next_gap(LOG_LIMIT_US);
	ck_assert_ptr_eq(gap.format, one);
	ck_assert_str_eq(gap.account, "");
	ck_assert_uint_eq(gap.count, 7);
	gap = next_gap(LOG_LIMIT_US);
	ck_assert_ptr_eq(gap.format, other);
	ck_assert_uint_eq(gap.count, 8);
	gap = next_gap(LOG_LIMIT_US);
	ck_assert_ptr_eq(gap.format, one);
	ck_assert_str_eq(gap.account, "peer");
	ck_assert_uint_eq(gap.count, 9);
	ck_assert_uint_eq(next_gap(LOG_LIMIT_US).count, 0);
}
END_TEST

static void
fill_table(uint64_t now_us)
{
	char name[16];

	for (unsigned int i = 0; i < LOG_LIMIT_MESSAGES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ck_assert_uint_eq(write_of(name, 1, now_us), 1);
	}
}

START_TEST(more_messages_than_room)
{
	struct log_limit_gap gap;

	fill_table(0);
	ck_assert_uint_eq(write_of("more", LOG_LIMIT_BURST - 1, 0),
	    LOG_LIMIT_BURST - 1);
	/* They share what is left. */
	ck_assert_uint_eq(write_of("and more", 5, 0), 1);
	ck_assert_uint_eq(write_many(other, 5, 0), 0);
	gap = next_gap(LOG_LIMIT_US);
	ck_assert_uint_eq(gap.count, 9);
	ck_assert_str_eq(gap.account, "");
}
END_TEST

START_TEST(who_owes_nothing_makes_room)
{
	fill_table(0);
	ck_assert_uint_eq(write_of("more", LOG_LIMIT_BURST, LOG_LIMIT_US),
	    LOG_LIMIT_BURST);
	ck_assert_uint_eq(write_of("more", 1, LOG_LIMIT_US), 0);
	ck_assert_uint_eq(write_of("0", LOG_LIMIT_BURST, LOG_LIMIT_US),
	    LOG_LIMIT_BURST);
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
	tcase_add_test(limits, accounts_are_apart);
	tcase_add_test(limits, what_is_left_out_is_told_once);
	tcase_add_test(limits, more_messages_than_room);
	tcase_add_test(limits, who_owes_nothing_makes_room);
	suite_add_tcase(suite, limits);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
