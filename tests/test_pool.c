#include "supervisor/engine/pool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/suite.h"

#define SECOND UINT64_C(1000000)
#define RELAYS 12

/* A world: what each relay can do, and what the pool has done so far. */
static struct pool pool;
static uint64_t now_us;
static uint64_t delivery_us[POOL_MAX]; /* 0: it cannot be connected */
static bool forges[POOL_MAX];
static bool connected[POOL_MAX];
static unsigned int dials[POOL_MAX];
static size_t most_on_trial;
static uint64_t served_us[POOL_MAX]; /* when it entered service, 0: not in */

static void
begin(size_t count, size_t use)
{
	now_us = 1000 * SECOND;
	pool_init(&pool, count, use);
	for (size_t i = 0; i < count; i++)
		delivery_us[i] = 10000;
}

static size_t
count_role(enum pool_role role)
{
	size_t count = 0;

	for (size_t i = 0; i < pool.count; i++)
		count += pool.members[i].role == role;
	return count;
}

static size_t
count_serving_up(void)
{
	size_t count = 0;

	for (size_t i = 0; i < pool.count; i++)
		count += pool.members[i].role == POOL_SERVING && connected[i];
	return count;
}

static void
bring_up(size_t i)
{
	ck_assert(!connected[i]);
	ck_assert_uint_ge(now_us, pool.members[i].ready_us);
	ck_assert_uint_eq(pool.members[i].samples, 0);
	dials[i]++;
	if (delivery_us[i] == 0) {
		pool_down(&pool, i, POOL_FAILED, now_us, (uint32_t)random());
		return;
	}
	connected[i] = true;
	pool_up(&pool, i);
}

static void
take_down(size_t i)
{
	unsigned int failures = pool.members[i].failures;

	ck_assert(connected[i]);
	ck_assert_int_eq(pool.members[i].role, POOL_RESTING);
	connected[i] = false;
	/* The connection's end is told, as if it were news. */
	pool_down(&pool, i, POOL_FAILED, now_us, 0);
	ck_assert_uint_eq(pool.members[i].failures, failures);
	ck_assert_uint_ge(count_serving_up(), pool.use);
}

static void
measure(size_t i)
{
	if (!pool_wants_sample(&pool, i, now_us))
		return;
	if (forges[i]) {
		connected[i] = false;
		pool_down(&pool, i, POOL_FORGED, now_us, 0);
		return;
	}
	/* Up to a tenth of noise. */
	pool_sample(&pool, i,
	    delivery_us[i] + (uint64_t)random() % (delivery_us[i] / 10 + 1),
	    now_us);
}

static void
note_roles(void)
{
	size_t trials = count_role(POOL_ON_TRIAL);

	if (trials > most_on_trial)
		most_on_trial = trials;
	for (size_t i = 0; i < pool.count; i++)
		if (pool.members[i].role != POOL_SERVING)
			served_us[i] = 0;
		else if (served_us[i] == 0)
			served_us[i] = now_us;
}

static void
turn(void)
{
	size_t which;

	for (int step = 0; step < 100; step++) {
		switch (pool_next(&pool, now_us, (uint32_t)random(), &which)) {
		case POOL_NOTHING:
			note_roles();
			return;
		case POOL_BRING_UP:
			bring_up(which);
			break;
		case POOL_TAKE_DOWN:
			take_down(which);
			break;
		}
	}
	ck_abort_msg("it never has enough");
}

static void
run(uint64_t duration_us)
{
	uint64_t end_us = now_us + duration_us;

	for (; now_us < end_us; now_us += 50000) {
		turn();
		for (size_t i = 0; i < pool.count; i++)
			if (connected[i])
				measure(i);
	}
}

static bool
serves(size_t i)
{
	return pool.members[i].role == POOL_SERVING;
}

START_TEST(service_begins_at_once)
{
	begin(RELAYS, 4);
	turn();
	ck_assert_uint_eq(count_role(POOL_SERVING), 4);
	ck_assert_uint_eq(count_role(POOL_ON_TRIAL), 1);
}
END_TEST

START_TEST(all_of_a_small_pool_serve)
{
	begin(3, 3);
	run(60 * SECOND);
	ck_assert_uint_eq(count_role(POOL_SERVING), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(dials[i], 1);
}
END_TEST

/* Another pool of the same candidates, in the other order. */
static void
reopen(size_t use)
{
	struct pool before = pool;
	bool were_connected[POOL_MAX];

	memcpy(were_connected, connected, sizeof(were_connected));
	pool_init(&pool, before.count, use);
	for (size_t i = 0; i < before.count; i++) {
		pool_keep(&pool, i, &before, before.count - 1 - i);
		connected[i] = were_connected[before.count - 1 - i];
	}
}

START_TEST(a_reopened_pool_goes_on)
{
	size_t serving;

	begin(3, 1);
	turn();
	for (serving = 0; pool.members[serving].role != POOL_SERVING;)
		serving++;
	ck_assert_uint_eq(count_role(POOL_ON_TRIAL), 1);
	reopen(1);
	turn();
	ck_assert_uint_eq(count_role(POOL_SERVING), 1);
	ck_assert_uint_eq(count_role(POOL_ON_TRIAL), 1);
	ck_assert_int_eq(pool.members[2 - serving].role, POOL_SERVING);
}
END_TEST

START_TEST(a_reopened_pool_keeps_aside_what_forged)
{
	begin(2, 1);
	forges[0] = forges[1] = true;
	run(10 * SECOND);
	ck_assert_uint_eq(count_serving_up(), 0);
	forges[0] = forges[1] = false;
	reopen(1);
	run(60 * SECOND);
	ck_assert_uint_eq(count_serving_up(), 0);
}
END_TEST

START_TEST(the_best_stay_where_fewer_serve)
{
	begin(4, 4);
	delivery_us[0] = 40000;
	delivery_us[3] = 20000;
	run(20 * SECOND);
	reopen(2);
	turn();
	ck_assert_uint_eq(count_role(POOL_SERVING), 2);
	ck_assert(serves(1));
	ck_assert(serves(2));
}
END_TEST

START_TEST(bad_ones_leave_service)
{
	begin(RELAYS, 4);
	delivery_us[0] = delivery_us[1] = delivery_us[2] = 800000;
	forges[3] = true;
	delivery_us[4] = 0;
	run(60 * SECOND);
	ck_assert_uint_eq(count_serving_up(), 4);
	for (size_t i = 0; i < 5; i++)
		ck_assert_msg(!serves(i), "relay %zu serves", i);
	for (size_t i = 0; i < RELAYS; i++)
		ck_assert_uint_ge(dials[i], 1);
	ck_assert_uint_eq(most_on_trial, 1);
}
END_TEST

START_TEST(the_best_are_found)
{
	begin(64, 2);
	delivery_us[17] = 4000;
	delivery_us[50] = 5000;
	run(300 * SECOND);
	ck_assert(serves(17));
	ck_assert(serves(50));
}
END_TEST

START_TEST(equals_are_left_alone)
{
	begin(RELAYS, 4);
	run(60 * SECOND);
	for (size_t i = 0; i < RELAYS; i++)
		if (served_us[i] != 0)
			ck_assert_uint_lt(served_us[i], 1001 * SECOND);
}
END_TEST

static const struct {
	uint64_t serves_us;
	uint64_t rests_us;
} little[] = { { 10000, 8500 }, { 900, 100 } };

START_TEST(a_little_better_is_not_enough)
{
	begin(2, 1);
	turn();
	for (size_t i = 0; i < 2; i++)
		delivery_us[i] = serves(i) ? little[_i].serves_us :
					     little[_i].rests_us;
	run(120 * SECOND);
	ck_assert_uint_eq(served_us[0] != 0 ? served_us[0] : served_us[1],
	    1000 * SECOND);
}
END_TEST

START_TEST(service_lasts_for_a_while)
{
	begin(2, 1);
	turn();
	for (size_t i = 0; i < 2; i++)
		delivery_us[i] = serves(i) ? 100000 : 1000;
	run(POOL_STAY_US - SECOND / 10);
	ck_assert_uint_eq(served_us[0] != 0 ? served_us[0] : served_us[1],
	    1000 * SECOND);
	run(SECOND);
	ck_assert_uint_gt(served_us[0] != 0 ? served_us[0] : served_us[1],
	    1000 * SECOND);
}
END_TEST

START_TEST(one_that_turns_bad_is_replaced)
{
	begin(RELAYS, 4);
	run(30 * SECOND);
	for (size_t i = 0; i < RELAYS; i++)
		if (serves(i)) {
			delivery_us[i] = 500000;
			run(120 * SECOND);
			ck_assert(!serves(i));
			return;
		}
	ck_abort_msg("none serves");
}
END_TEST

START_TEST(a_lost_one_is_replaced_at_once)
{
	begin(RELAYS, 4);
	run(20 * SECOND);
	for (size_t i = 0; i < RELAYS; i++)
		if (serves(i)) {
			connected[i] = false;
			pool_down(&pool, i, POOL_FAILED, now_us, 0);
			break;
		}
	ck_assert_uint_eq(count_role(POOL_SERVING), 3);
	turn();
	ck_assert_uint_eq(count_serving_up(), 4);
}
END_TEST

START_TEST(the_best_known_comes_first)
{
	size_t best = POOL_MAX;

	begin(RELAYS, 4);
	for (size_t i = 0; i < RELAYS; i++)
		delivery_us[i] = 10000 + 100 * i;
	run(30 * SECOND);
	while (count_role(POOL_ON_TRIAL) > 0)
		run(SECOND / 10);
	for (size_t i = 0; i < RELAYS; i++)
		if (pool.members[i].role == POOL_RESTING &&
		    pool.members[i].delivery_us != 0 &&
		    (best == POOL_MAX ||
			pool.members[i].delivery_us <
			    pool.members[best].delivery_us))
			best = i;
	/* Nothing is known of the others. */
	for (size_t i = 0; i < RELAYS; i++)
		if (pool.members[i].role == POOL_RESTING && i != best)
			pool.members[i].delivery_us = 0;
	for (size_t i = 0; i < RELAYS; i++)
		if (serves(i)) {
			connected[i] = false;
			pool_down(&pool, i, POOL_FAILED, now_us, 0);
			break;
		}
	turn();
	ck_assert(serves(best));
}
END_TEST

START_TEST(a_slow_one_on_trial_comes_last)
{
	struct pool_member *slow = &pool.members[0];

	begin(RELAYS, 4);
	delivery_us[0] = 50 * delivery_us[1];
	run(20 * SECOND);
	while (slow->role != POOL_ON_TRIAL || slow->samples == 0)
		run(SECOND / 20);
	for (size_t i = 0; i < RELAYS; i++)
		if (serves(i)) {
			connected[i] = false;
			pool_down(&pool, i, POOL_FAILED, now_us, 0);
			break;
		}
	turn();
	ck_assert(!serves(0));
	ck_assert_uint_eq(count_serving_up(), 4);
}
END_TEST

START_TEST(trials_take_turns)
{
	unsigned int least = UINT32_MAX, most = 0;

	begin(RELAYS, 1);
	run(1500 * SECOND);
	for (size_t i = 0; i < RELAYS; i++) {
		if (serves(i))
			continue;
		least = dials[i] < least ? dials[i] : least;
		most = dials[i] > most ? dials[i] : most;
	}
	ck_assert_uint_ge(least, 3);
	ck_assert_uint_le(most, least + 1);
	/* A pause is 15 s at least, once all were tried. */
	ck_assert_uint_le(most, 1 + 1500 / 15 / (RELAYS - 1) + 1);
}
END_TEST

START_TEST(long_service_forgives)
{
	begin(1, 1);
	delivery_us[0] = 0;
	run(100 * SECOND);
	ck_assert_uint_gt(pool.members[0].failures, 3);
	delivery_us[0] = 10000;
	run(400 * SECOND);
	pool_down(&pool, 0, POOL_FAILED, now_us, 0);
	ck_assert_uint_eq(pool.members[0].failures, 1);
}
END_TEST

START_TEST(forgers_rest_for_an_hour)
{
	begin(2, 1);
	forges[0] = true;
	run(3500 * SECOND);
	ck_assert_uint_eq(dials[0], 1);
	ck_assert(serves(1));
	ck_assert_str_eq(pool_role_name(&pool, 0, now_us), "aside");
	run(200 * SECOND);
	ck_assert_uint_eq(dials[0], 2);
}
END_TEST

START_TEST(dead_ones_are_tried_less_and_less)
{
	begin(2, 1);
	delivery_us[0] = 0;
	run(30 * SECOND);
	ck_assert_uint_ge(dials[0], 2);
	ck_assert_uint_le(dials[0], 6);
	run(3600 * SECOND);
	ck_assert_uint_le(dials[0], 18);
	delivery_us[0] = 10000;
	run(1000 * SECOND);
	ck_assert_uint_gt(pool.members[0].delivery_us, 0);
}
END_TEST

START_TEST(silence_ends_a_trial)
{
	size_t which;

	begin(2, 1);
	ck_assert_int_eq(pool_next(&pool, now_us, 0, &which), POOL_BRING_UP);
	ck_assert_uint_eq(which, 0);
	pool_up(&pool, 0);
	ck_assert_int_eq(pool_next(&pool, now_us, 0, &which), POOL_BRING_UP);
	ck_assert_uint_eq(which, 1);
	pool_up(&pool, 1);
	now_us += POOL_TRIAL_LIMIT_US - 1;
	ck_assert_int_eq(pool_next(&pool, now_us, 0, &which), POOL_NOTHING);
	now_us++;
	ck_assert_int_eq(pool_next(&pool, now_us, 0, &which), POOL_TAKE_DOWN);
	ck_assert_uint_eq(which, 1);
	ck_assert_str_eq(pool_role_name(&pool, 1, now_us), "aside");
	ck_assert_int_eq(pool_next(&pool, now_us, 0, &which), POOL_NOTHING);
}
END_TEST

/* Somebody who never answers holds no place for long. */
START_TEST(one_that_does_not_connect_is_replaced)
{
	size_t which;

	begin(3, 2);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(pool_next(&pool, now_us, 0, &which),
		    POOL_BRING_UP);
		ck_assert_uint_eq(which, i);
	}
	for (size_t i = 1; i < 3; i++) {
		pool_up(&pool, i);
		for (int n = 0; n < POOL_SAMPLES; n++)
			pool_sample(&pool, i, 500000, now_us);
	}
	now_us += POOL_STAY_US - 1;
	ck_assert_int_eq(pool_next(&pool, now_us, 0, &which), POOL_NOTHING);
	now_us++;
	ck_assert_int_eq(pool_next(&pool, now_us, 0, &which), POOL_TAKE_DOWN);
	ck_assert_uint_eq(which, 0);
	ck_assert(serves(1) && serves(2));
	ck_assert_str_eq(pool_role_name(&pool, 0, now_us), "aside");
}
END_TEST

START_TEST(none_left_is_no_harm)
{
	begin(4, 2);
	for (size_t i = 0; i < 4; i++)
		delivery_us[i] = 0;
	run(100 * SECOND);
	ck_assert_uint_eq(count_role(POOL_RESTING), 4);
	delivery_us[2] = 1000;
	run(300 * SECOND);
	ck_assert(serves(2));
}
END_TEST

START_TEST(the_last_samples_count)
{
	begin(1, 1);
	turn();
	ck_assert(pool_wants_sample(&pool, 0, now_us));
	for (uint64_t value = 5; value <= 50; value += 5) {
		pool_sample(&pool, 0, value, now_us);
		ck_assert(!pool_wants_sample(&pool, 0, now_us));
	}
	ck_assert_uint_eq(pool.members[0].delivery_us, 40);
	ck_assert(!pool_wants_sample(&pool, 0, now_us + POOL_REFRESH_US - 1));
	ck_assert(pool_wants_sample(&pool, 0, now_us + POOL_REFRESH_US));
	pool_sample(&pool, 0, 0, now_us);
	ck_assert_uint_eq(pool.members[0].delivery_us, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pool");
	TCase *tests = tcase_create("pool");

	tcase_add_unchecked_fixture(tests, suite_seed, NULL);
	tcase_add_test(tests, service_begins_at_once);
	tcase_add_test(tests, all_of_a_small_pool_serve);
	tcase_add_test(tests, a_reopened_pool_goes_on);
	tcase_add_test(tests, a_reopened_pool_keeps_aside_what_forged);
	tcase_add_test(tests, the_best_stay_where_fewer_serve);
	tcase_add_test(tests, bad_ones_leave_service);
	tcase_add_test(tests, the_best_are_found);
	tcase_add_test(tests, equals_are_left_alone);
	tcase_add_loop_test(tests, a_little_better_is_not_enough, 0, 2);
	tcase_add_test(tests, service_lasts_for_a_while);
	tcase_add_test(tests, one_that_turns_bad_is_replaced);
	tcase_add_test(tests, a_lost_one_is_replaced_at_once);
	tcase_add_test(tests, the_best_known_comes_first);
	tcase_add_test(tests, a_slow_one_on_trial_comes_last);
	tcase_add_test(tests, trials_take_turns);
	tcase_add_test(tests, long_service_forgives);
	tcase_add_test(tests, forgers_rest_for_an_hour);
	tcase_add_test(tests, dead_ones_are_tried_less_and_less);
	tcase_add_test(tests, silence_ends_a_trial);
	tcase_add_test(tests, one_that_does_not_connect_is_replaced);
	tcase_add_test(tests, none_left_is_no_harm);
	tcase_add_test(tests, the_last_samples_count);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
