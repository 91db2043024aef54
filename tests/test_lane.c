#include "tests/lane.h"
#include "tests/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define MS_NS UINT64_C(1000000)
#define BYTES 1250 /* a millisecond at 10 Mbit/s */

static uint8_t packet[BYTES];

static void
begin(struct lane *lane, uint64_t seed)
{
	lane_init(lane, seed, 0);
	ck_assert_int_eq(lane_set(lane, "delay=5ms"), 0);
	ck_assert_int_eq(lane_set(lane, "rate=10Mbit"), 0);
}

/* All that is due by then. */
static unsigned int
take(struct lane *lane, uint64_t now_ns)
{
	unsigned int count = 0;
	size_t bytes;

	while (lane_peek(lane, now_ns, &bytes) != NULL) {
		ck_assert_uint_eq(bytes, BYTES);
		lane_drop(lane);
		count++;
	}
	return count;
}

START_TEST(test_packets_leave_at_the_rate_after_the_delay)
{
	struct lane lane;
	uint64_t i;

	begin(&lane, 1);
	for (i = 0; i < 5; i++)
		lane_put(&lane, packet, BYTES, 0);
	for (i = 0; i < 5; i++) {
		ck_assert_uint_eq(lane_next_ns(&lane), (6 + i) * MS_NS);
		ck_assert_uint_eq(take(&lane, (6 + i) * MS_NS - 1), 0);
		ck_assert_uint_eq(take(&lane, (6 + i) * MS_NS), 1);
	}
	ck_assert_uint_eq(lane_next_ns(&lane), UINT64_MAX);
	/* The line was idle: nothing is saved up. */
	lane_put(&lane, packet, BYTES, 100 * MS_NS);
	ck_assert_uint_eq(lane_next_ns(&lane), 106 * MS_NS);
	lane_free(&lane);
}
END_TEST

START_TEST(test_a_full_queue_drops)
{
	static const char *const sizes[] = { "queue=1bdp", "queue=10ms",
		"queue=12500B", "queue=12.5kB" };
	struct lane lane;
	size_t i;
	int n;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin(&lane, 1);
		ck_assert_int_eq(lane_set(&lane, sizes[i]), 0);
		for (n = 0; n < 100; n++)
			lane_put(&lane, packet, BYTES, 0);
		/* Ten wait, and the line is busy with one. */
		ck_assert_uint_eq(lane.counters.dropped, 100 - 11);
		ck_assert_uint_eq(take(&lane, 1000 * MS_NS), 11);
		lane_free(&lane);
	}
}
END_TEST

START_TEST(test_two_lanes_on_one_line_wait_for_each_other)
{
	struct lane lane, other;

	begin(&lane, 1);
	begin(&other, 2);
	ck_assert_int_eq(lane_set(&lane, "queue=10ms"), 0);
	ck_assert_int_eq(lane_set(&other, "delay=7ms"), 0);
	lane_share(&other, &lane);
	lane_put(&lane, packet, BYTES, 0);
	lane_put(&other, packet, BYTES, 0);
	lane_put(&lane, packet, BYTES, 0);
	ck_assert_uint_eq(lane_next_ns(&lane), 6 * MS_NS);
	ck_assert_uint_eq(lane_next_ns(&other), 9 * MS_NS);
	ck_assert_uint_eq(take(&lane, 8 * MS_NS), 2);
	/* Three are in the queue of eleven. */
	for (int n = 0; n < 100; n++)
		lane_put(&other, packet, BYTES, 0);
	ck_assert_uint_eq(other.counters.dropped, 100 - 8);
	ck_assert_uint_eq(take(&other, 1000 * MS_NS), 9);
	lane_free(&lane);
	lane_free(&other);
}
END_TEST

START_TEST(test_loss_is_by_chance_and_by_seed)
{
	uint64_t lost[3];
	struct lane lane;
	uint64_t i, n;

	for (i = 0; i < 3; i++) {
		begin(&lane, i < 2 ? 1 : 2);
		ck_assert_int_eq(lane_set(&lane, "loss=10%"), 0);
		for (n = 0; n < 10000; n++) {
			lane_put(&lane, packet, BYTES, n * MS_NS);
			take(&lane, n * MS_NS);
		}
		lost[i] = lane.counters.lost;
		ck_assert_uint_ge(lost[i], 850);
		ck_assert_uint_le(lost[i], 1150);
		lane_free(&lane);
	}
	ck_assert_uint_eq(lost[0], lost[1]);
	ck_assert_uint_ne(lost[0], lost[2]);
}
END_TEST

/* One by one, which of 1000 are lost. */
static void
lose(struct lane *lane, bool lost[1000])
{
	uint64_t before;
	size_t i;

	for (i = 0; i < 1000; i++) {
		before = lane->counters.lost;
		lane_put(lane, packet, BYTES, 0);
		lost[i] = lane->counters.lost != before;
		take(lane, 0);
	}
}

START_TEST(test_a_seed_brings_the_same_chances_again)
{
	bool first[1000], again[1000], other[1000];
	struct lane lanes[2];

	begin(&lanes[0], 1);
	begin(&lanes[1], 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(lane_set(&lanes[i], "loss=10%"), 0);
	lose(&lanes[0], first);
	ck_assert_int_eq(lane_set(&lanes[0], "seed=7"), 0);
	lose(&lanes[0], first);
	ck_assert_int_eq(lane_set(&lanes[0], "seed=7"), 0);
	lose(&lanes[0], again);
	ck_assert_mem_eq(first, again, sizeof(first));

	ck_assert_int_eq(lane_set(&lanes[0], "seed=8"), 0);
	lose(&lanes[0], other);
	ck_assert_mem_ne(first, other, sizeof(first));
	ck_assert_int_eq(lane_set(&lanes[1], "seed=7"), 0);
	lose(&lanes[1], other);
	ck_assert_mem_ne(first, other, sizeof(first));
	lane_free(&lanes[0]);
	lane_free(&lanes[1]);
}
END_TEST

START_TEST(test_a_hole_swallows_what_is_under_way)
{
	struct lane lane;

	begin(&lane, 1);
	lane_put(&lane, packet, BYTES, 0);
	ck_assert_int_eq(lane_set(&lane, "hole=on"), 0);
	lane_put(&lane, packet, BYTES, 0);
	ck_assert_uint_eq(take(&lane, 100 * MS_NS), 0);
	ck_assert_uint_eq(lane.counters.swallowed, 2);
	ck_assert_uint_eq(lane_next_ns(&lane), UINT64_MAX);
	ck_assert_int_eq(lane_set(&lane, "hole=off"), 0);
	lane_put(&lane, packet, BYTES, 100 * MS_NS);
	ck_assert_uint_eq(take(&lane, 106 * MS_NS), 1);
	lane_free(&lane);
}
END_TEST

START_TEST(test_a_wandering_delay_keeps_the_order_and_its_bounds)
{
	uint64_t now_ns, due_ns, last_ns = 0, least = UINT64_MAX, most = 0;
	struct lane lane;

	begin(&lane, 7);
	ck_assert_int_eq(lane_set(&lane, "jitter=2ms"), 0);
	for (now_ns = 0; now_ns < 5000 * MS_NS; now_ns += 2 * MS_NS) {
		lane_put(&lane, packet, BYTES, now_ns);
		due_ns = lane_next_ns(&lane);
		ck_assert_uint_gt(due_ns, last_ns);
		last_ns = due_ns;
		take(&lane, UINT64_MAX);
		due_ns -= now_ns;
		least = due_ns < least ? due_ns : least;
		most = due_ns > most ? due_ns : most;
	}
	/* 1 ms of line, 5 ms of delay, 2 ms to either side. */
	ck_assert_uint_ge(least, 4 * MS_NS);
	ck_assert_uint_lt(least, 9 * MS_NS / 2);
	ck_assert_uint_le(most, 8 * MS_NS);
	ck_assert_uint_gt(most, 15 * MS_NS / 2);
	lane_free(&lane);
}
END_TEST

START_TEST(test_a_shorter_delay_lets_nothing_overtake)
{
	struct lane lane;

	begin(&lane, 1);
	lane_put(&lane, packet, BYTES, 0);
	ck_assert_int_eq(lane_set(&lane, "delay=1ms"), 0);
	lane_put(&lane, packet, BYTES, MS_NS);
	ck_assert_uint_eq(take(&lane, 6 * MS_NS - 1), 0);
	ck_assert_uint_eq(take(&lane, 6 * MS_NS), 2);
	ck_assert_uint_eq(lane.counters.late_max_ns, 0);
	lane_free(&lane);
}
END_TEST

START_TEST(test_settings_that_are_none)
{
	static const char *const bad[] = { "", "=", "delay",
		"delay=", "delay=5", "delay=-1ms", "delay=5msx", "de=5ms",
		"rate=fast", "rate=5", "rate=-5Mbit", "queue=5", "queue=5bdpx",
		"loss=5", "loss=101%", "loss=-1%", "hole=", "hole=yes",
		"seed=", "seed=-1", "seed=4294967296", "seed=1x",
		"delay=nanms" };
	struct lane lane;
	size_t i;

	begin(&lane, 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(lane_set(&lane, bad[i]) == -1, "'%s'", bad[i]);
	ck_assert_uint_eq(lane.settings.delay_ns, 5 * MS_NS);
	ck_assert_int_eq(lane_set(&lane, "rate=0"), 0);
	lane_free(&lane);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lane");
	TCase *tcase = tcase_create("lane");

	tcase_add_test(tcase, test_packets_leave_at_the_rate_after_the_delay);
	tcase_add_test(tcase, test_a_full_queue_drops);
	tcase_add_test(tcase, test_two_lanes_on_one_line_wait_for_each_other);
	tcase_add_test(tcase, test_loss_is_by_chance_and_by_seed);
	tcase_add_test(tcase, test_a_seed_brings_the_same_chances_again);
	tcase_add_test(tcase, test_a_hole_swallows_what_is_under_way);
	tcase_add_test(tcase,
	    test_a_wandering_delay_keeps_the_order_and_its_bounds);
	tcase_add_test(tcase, test_a_shorter_delay_lets_nothing_overtake);
	tcase_add_test(tcase, test_settings_that_are_none);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
