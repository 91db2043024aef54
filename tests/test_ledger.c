#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/ledger.h"
#include "tests/suite.h"

/* Two ends, and what each has counted ever. */
static struct ledger near, far;
static uint64_t near_all[FRAME_TOTALS_COUNT], far_all[FRAME_TOTALS_COUNT];
static struct ledger_account account;

static void
setup(void)
{
	ledger_init(&near, 1000);
	ledger_init(&far, 2000);
	memset(near_all, 0, sizeof(near_all));
	memset(far_all, 0, sizeof(far_all));
}

static enum ledger_news
tell(struct ledger *from, const uint64_t *all, struct ledger *to,
    const uint64_t *to_all, enum ledger_role role)
{
	struct frame_totals totals;

	ledger_say(from, all, 1, &totals);
	return ledger_hear(to, &totals, role, to_all);
}

/* As at the start of a path: the listener first. */
static void
meet(void)
{
	ck_assert_int_eq(tell(&far, far_all, &near, near_all, LEDGER_CONNECTS),
	    LEDGER_MET);
	ck_assert_int_eq(tell(&near, near_all, &far, far_all, LEDGER_FOLLOWS),
	    LEDGER_MET);
	ck_assert_int_eq(tell(&far, far_all, &near, near_all, LEDGER_LEADS),
	    LEDGER_GOES_ON);
}

static void
exchange(void)
{
	tell(&far, far_all, &near, near_all, LEDGER_LEADS);
	tell(&near, near_all, &far, far_all, LEDGER_FOLLOWS);
}

static uint64_t
sum(void)
{
	uint64_t total = 0;

	for (int i = 0; i < LEDGER_FATES; i++)
		total += account.fates[i];
	return total;
}

/* So many are numbered, given to a path, accepted and delivered. */
static void
carry(uint64_t count)
{
	near_all[FRAME_RECEIVED] += count;
	near_all[FRAME_NUMBERED] += count;
	near_all[FRAME_COPIES] += count;
	far_all[FRAME_ARRIVED] += count;
	far_all[FRAME_ACCEPTED] += count;
	far_all[FRAME_DELIVERED] += count;
}

START_TEST(test_unknown_until_told)
{
	carry(3);
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_UNKNOWN);
	ck_assert_uint_eq(account.came_in, 3);
	ck_assert_uint_eq(account.fates[LEDGER_UNDER_WAY], 3);
	ledger_account_in(&far, far_all, &account);
	ck_assert_int_eq(account.state, LEDGER_UNKNOWN);
	ck_assert_uint_eq(account.fates[LEDGER_DELIVERED], 3);
}
END_TEST

START_TEST(test_both_ends_tell_the_same)
{
	struct ledger_account other;

	meet();
	carry(10);
	near_all[FRAME_KERNEL] = 2;
	near_all[FRAME_NO_ROOM] = 3;
	near_all[FRAME_RECEIVED] += 9;
	near_all[FRAME_TOO_OLD] = 4;
	near_all[FRAME_TOO_LARGE] = 5;
	exchange();
	ledger_account_out(&near, near_all, &account);
	ledger_account_in(&far, far_all, &other);
	ck_assert_mem_eq(&account, &other, sizeof(account));
	ck_assert_int_eq(account.state, LEDGER_SETTLED);
	ck_assert_uint_eq(account.came_in, 24);
	ck_assert_uint_eq(sum(), 24);
	ledger_account_in(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_SETTLED);
	ck_assert_uint_eq(account.came_in, 0);
}
END_TEST

/* What is on its way keeps the books open, wherever it is. */
START_TEST(test_open)
{
	static const struct {
		enum frame_total total;
		enum ledger_fate fate;
	} levels[] = { { FRAME_KEPT, LEDGER_UNDER_WAY },
		{ FRAME_WAITING, LEDGER_WAITING },
		{ FRAME_HELD, LEDGER_HELD } };

	meet();
	carry(10);
	if (levels[_i].total == FRAME_HELD) {
		far_all[FRAME_HELD] = 4;
		far_all[FRAME_DELIVERED] -= 4;
	} else {
		near_all[levels[_i].total] = 4;
		near_all[FRAME_RECEIVED] += 4;
		near_all[FRAME_NUMBERED] += levels[_i].total == FRAME_KEPT ? 4 :
									     0;
	}
	exchange();
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_OPEN);
	ck_assert_uint_eq(account.fates[levels[_i].fate], 4);
	ck_assert_uint_eq(sum(), account.came_in);
}
END_TEST

/* A path died with 6; 4 of them had come, which it could not say any more. */
START_TEST(test_receiver_decides)
{
	meet();
	carry(10);
	near_all[FRAME_RECEIVED] += 2;
	near_all[FRAME_NUMBERED] += 2;
	near_all[FRAME_COPIES] += 2;
	near_all[FRAME_GIVEN_UP] = 6;
	exchange();
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_SETTLED);
	ck_assert_uint_eq(account.fates[LEDGER_LOST_WITH_PATH], 2);
	ck_assert_uint_eq(account.fates[LEDGER_DELIVERED], 10);
}
END_TEST

/* Missing, though nobody gave it up: that is not explained away. */
START_TEST(test_leak_shows)
{
	meet();
	carry(10);
	far_all[FRAME_ARRIVED]--;
	far_all[FRAME_ACCEPTED]--;
	far_all[FRAME_DELIVERED]--;
	exchange();
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_OPEN);
	ck_assert_uint_eq(account.fates[LEDGER_UNDER_WAY], 1);
	far_all[FRAME_LATE] = 1;
	exchange();
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_SETTLED);
	ck_assert_uint_eq(account.fates[LEDGER_LATE], 1);
	/* One that was accepted and not given on. */
	far_all[FRAME_DELIVERED]--;
	exchange();
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_OPEN);
}
END_TEST

/* The far end's word is some time old: never a sum below nothing. */
START_TEST(test_stale_word)
{
	meet();
	carry(10);
	tell(&near, near_all, &far, far_all, LEDGER_FOLLOWS);
	far_all[FRAME_ACCEPTED] += 5;
	far_all[FRAME_DELIVERED] += 5;
	ledger_account_in(&far, far_all, &account);
	ck_assert_int_eq(account.state, LEDGER_OPEN);
	ck_assert_uint_eq(account.fates[LEDGER_UNDER_WAY], 0);
	ck_assert_uint_eq(account.fates[LEDGER_LOST_WITH_PATH], 0);
}
END_TEST

START_TEST(test_overtaken)
{
	struct frame_totals older, newer;

	meet();
	carry(1);
	ledger_say(&far, far_all, 1, &older);
	carry(1);
	ledger_say(&far, far_all, 1, &newer);
	ledger_hear(&near, &newer, LEDGER_LEADS, near_all);
	ledger_hear(&near, &older, LEDGER_LEADS, near_all);
	ck_assert_uint_eq(near.peer[FRAME_DELIVERED], 2);
}
END_TEST

START_TEST(test_far_end_begins_anew)
{
	meet();
	carry(100);
	near_all[FRAME_KERNEL] = 7;
	/* 5 more are not acknowledged, and 2 wait. */
	near_all[FRAME_RECEIVED] += 7;
	near_all[FRAME_NUMBERED] += 5;
	near_all[FRAME_KEPT] = 5;
	near_all[FRAME_WAITING] = 2;
	exchange();

	ledger_init(&far, 3000);
	memset(far_all, 0, sizeof(far_all));
	ck_assert_int_eq(tell(&far, far_all, &near, near_all, LEDGER_LEADS),
	    LEDGER_GOES_ON);
	ck_assert_uint_eq(near.peer_first, 2000);
	ck_assert_int_eq(tell(&far, far_all, &near, near_all, LEDGER_CONNECTS),
	    LEDGER_ANEW);
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_UNKNOWN);
	ck_assert_uint_eq(account.came_in, 7);
	tell(&near, near_all, &far, far_all, LEDGER_FOLLOWS);

	/* All of them arrive, and 10 more. */
	carry(10);
	near_all[FRAME_NUMBERED] += 2;
	near_all[FRAME_COPIES] += 7;
	near_all[FRAME_WAITING] = near_all[FRAME_KEPT] = 0;
	far_all[FRAME_ARRIVED] = far_all[FRAME_ACCEPTED] = 17;
	far_all[FRAME_DELIVERED] = 17;
	exchange();
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_SETTLED);
	ck_assert_uint_eq(account.came_in, 17);
	ck_assert_uint_eq(account.fates[LEDGER_DELIVERED], 17);
	ck_assert_uint_eq(account.copies, account.arrived);
}
END_TEST

/* Away to another listener and back: this one's count begins again, too. */
START_TEST(test_back_again)
{
	static struct ledger other;
	static uint64_t other_all[FRAME_TOTALS_COUNT];

	meet();
	carry(100);
	exchange();
	ledger_init(&other, 3000);
	memset(other_all, 0, sizeof(other_all));
	tell(&other, other_all, &near, near_all, LEDGER_CONNECTS);
	near_all[FRAME_RECEIVED] += 10;
	near_all[FRAME_NUMBERED] += 10;
	near_all[FRAME_COPIES] += 10;

	ck_assert_int_eq(tell(&far, far_all, &near, near_all, LEDGER_CONNECTS),
	    LEDGER_ANEW);
	ck_assert_int_eq(tell(&near, near_all, &far, far_all, LEDGER_FOLLOWS),
	    LEDGER_AGAIN);
	ck_assert_int_eq(tell(&near, near_all, &far, far_all, LEDGER_FOLLOWS),
	    LEDGER_GOES_ON);
	carry(7);
	exchange();
	ledger_account_out(&near, near_all, &account);
	ck_assert_int_eq(account.state, LEDGER_SETTLED);
	ck_assert_uint_eq(account.came_in, 7);
	ck_assert_uint_eq(account.fates[LEDGER_DELIVERED], 7);
	ledger_account_in(&far, far_all, &account);
	ck_assert_int_eq(account.state, LEDGER_SETTLED);
	ck_assert_uint_eq(account.came_in, 7);
}
END_TEST

/* It did not tell at first, being of an older version. */
START_TEST(test_met_late)
{
	carry(50);
	ck_assert_int_eq(tell(&far, far_all, &near, near_all, LEDGER_CONNECTS),
	    LEDGER_MET);
	ledger_account_out(&near, near_all, &account);
	ck_assert_uint_eq(account.came_in, 0);
	ck_assert_uint_eq(account.fates[LEDGER_UNDER_WAY], 0);
}
END_TEST

START_TEST(test_due)
{
	struct frame_totals totals;
	uint64_t now_us = 5000000;

	ck_assert(ledger_is_time(&near, now_us));
	ledger_say(&near, near_all, now_us, &totals);
	ck_assert(!ledger_is_time(&near, now_us + 999999));
	ck_assert(ledger_is_time(&near, now_us + 1000000));
	for (int i = 0; i < 8; i++) {
		ck_assert(ledger_has_news(&near, near_all));
		ledger_say(&near, near_all, now_us, &totals);
	}
	ck_assert(!ledger_has_news(&near, near_all));
	near_all[FRAME_RECEIVED]++;
	ck_assert(ledger_has_news(&near, near_all));
}
END_TEST

/* Any numbers at all: nothing but the numbers is wrong. */
START_TEST(test_hostile)
{
	struct frame_totals totals;
	unsigned int i;

	memset(&totals, 0, sizeof(totals));
	ck_assert_int_eq(ledger_hear(&near, &totals, LEDGER_CONNECTS, near_all),
	    LEDGER_GOES_ON);
	for (i = 0; i < FRAME_TOTALS_COUNT; i++)
		totals.counts[i] = i % 2 == 0 ? UINT64_MAX : i;
	totals.first = totals.serial = UINT64_MAX;
	totals.echo = near.first;
	ledger_hear(&near, &totals, LEDGER_CONNECTS, near_all);
	ledger_account_out(&near, near_all, &account);
	ledger_account_in(&near, near_all, &account);
	totals.first = 1;
	ck_assert_int_eq(ledger_hear(&near, &totals, LEDGER_LEADS, near_all),
	    LEDGER_GOES_ON);
	ck_assert_uint_eq(near.peer_first, UINT64_MAX);
}
END_TEST

START_TEST(test_names)
{
	for (int i = 0; i < LEDGER_FATES; i++)
		ck_assert_ptr_nonnull(ledger_fate_name((enum ledger_fate)i));
	ck_assert_str_eq(ledger_state_name(LEDGER_SETTLED), "settled");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tests = tcase_create("ledger");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, test_unknown_until_told);
	tcase_add_test(tests, test_both_ends_tell_the_same);
	tcase_add_loop_test(tests, test_open, 0, 3);
	tcase_add_test(tests, test_receiver_decides);
	tcase_add_test(tests, test_leak_shows);
	tcase_add_test(tests, test_stale_word);
	tcase_add_test(tests, test_overtaken);
	tcase_add_test(tests, test_far_end_begins_anew);
	tcase_add_test(tests, test_back_again);
	tcase_add_test(tests, test_met_late);
	tcase_add_test(tests, test_due);
	tcase_add_test(tests, test_hostile);
	tcase_add_test(tests, test_names);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
