#include "supervisor/engine/estimate.h"

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"

#define START_US UINT64_C(5000000)
#define FRAME_BYTES UINT64_C(10000)

static struct estimate estimate;
static uint64_t now_us;

static void
begin(void)
{
	now_us = START_US;
	estimate_init(&estimate, now_us);
}

/* A PONG for all that was sent, after a round trip. */
static bool
pong_all(uint64_t ping_us)
{
	return estimate_pong(&estimate, ping_us, estimate.sent_frames,
	    estimate.sent_bytes, now_us);
}

/* One frame goes, and comes back acknowledged after rtt_us. */
static void
round_trip(uint64_t rtt_us)
{
	uint64_t ping_us = now_us;

	estimate_sent(&estimate, FRAME_BYTES, now_us);
	now_us += rtt_us;
	ck_assert(pong_all(ping_us));
}

/*
 * A path that is kept full: frames leave it at a rate, each carries a PING and
 * is acknowledged as it leaves, and another takes its place.
 */
#define OUTSTANDING 12

static void
keep_full(uint64_t rate, uint64_t for_us)
{
	uint64_t end_us = now_us + for_us, sent_us[OUTSTANDING];
	unsigned int i;

	for (i = 0; i < OUTSTANDING; i++) {
		sent_us[i] = now_us;
		estimate_sent(&estimate, FRAME_BYTES, now_us);
	}
	for (i = 0; now_us < end_us; i = (i + 1) % OUTSTANDING) {
		now_us += FRAME_BYTES * 1000000 / rate;
		ck_assert(estimate_pong(&estimate, sent_us[i],
		    estimate.acked_frames + 1,
		    estimate.acked_bytes + FRAME_BYTES, now_us));
		sent_us[i] = now_us;
		estimate_sent(&estimate, FRAME_BYTES, now_us);
	}
	/* All that is left arrives at once, and slowly. */
	now_us += 1000000;
	ck_assert(pong_all(now_us - 1000000));
}

static void
assert_about(uint64_t value, uint64_t wanted)
{
	ck_assert_uint_ge(value, wanted - wanted / 20);
	ck_assert_uint_le(value, wanted + wanted / 20);
}

START_TEST(test_fresh)
{
	begin();
	ck_assert_uint_eq(estimate.srtt_us, 0);
	ck_assert_uint_eq(estimate_backlog_bytes(&estimate), 0);
	ck_assert_uint_eq(estimate_rate(&estimate), ESTIMATE_START_RATE);
	ck_assert(!estimate_drains(&estimate));
	ck_assert(!estimate_wants_ping(&estimate, now_us + 1000000));
}
END_TEST

START_TEST(test_backlog)
{
	begin();
	estimate_sent(&estimate, 1000, now_us);
	estimate_sent(&estimate, 500, now_us);
	ck_assert_uint_eq(estimate_backlog_bytes(&estimate), 1500);
	now_us += 1000;
	ck_assert(estimate_pong(&estimate, START_US, 1, 1000, now_us));
	ck_assert_uint_eq(estimate_backlog_bytes(&estimate), 500);
	ck_assert_uint_eq(estimate.acked_at_us, now_us);
	/* Nothing new is acknowledged. */
	ck_assert(estimate_pong(&estimate, START_US, 1, 1000, now_us + 1));
	ck_assert_uint_eq(estimate.acked_at_us, now_us);
}
END_TEST

/* RFC 6298: first R and R/2, then 7/8 + 1/8 and 3/4 + 1/4. */
START_TEST(test_smoothing)
{
	begin();
	round_trip(80000);
	ck_assert_uint_eq(estimate.srtt_us, 80000);
	ck_assert_uint_eq(estimate.rttvar_us, 40000);
	round_trip(160000);
	ck_assert_uint_eq(estimate.rttvar_us, 50000);
	ck_assert_uint_eq(estimate.srtt_us, 90000);
	round_trip(90000);
	ck_assert_uint_eq(estimate.rttvar_us, 37500);
	ck_assert_uint_eq(estimate.srtt_us, 90000);
}
END_TEST

START_TEST(test_round_trip_of_no_time)
{
	begin();
	round_trip(0);
	ck_assert_uint_eq(estimate.srtt_us, 1);
	ck_assert_uint_eq(estimate.rtt_min_us, 1);
}
END_TEST

START_TEST(test_minimum)
{
	uint64_t seen_us;

	begin();
	round_trip(80000);
	round_trip(60000);
	seen_us = now_us;
	round_trip(61000);
	/* Near enough: it was seen again, and did not grow. */
	ck_assert_uint_eq(estimate.rtt_min_us, 60000);
	ck_assert_uint_eq(estimate.rtt_min_at_us, now_us);
	ck_assert_uint_gt(now_us, seen_us);
	round_trip(90000);
	ck_assert_uint_eq(estimate.rtt_min_us, 60000);
}
END_TEST

/* A minimum out of its window is replaced, but not without a drain. */
START_TEST(test_minimum_expires)
{
	uint64_t seen_us;

	begin();
	round_trip(20000);
	seen_us = now_us;
	while (now_us - seen_us < ESTIMATE_MIN_WINDOW_US) {
		ck_assert(!estimate_drains(&estimate));
		round_trip(50000);
	}
	ck_assert(estimate_drains(&estimate));
	ck_assert_uint_eq(estimate.rtt_min_us, 20000);
	round_trip(40000);
	while (estimate_drains(&estimate))
		round_trip(50000);
	ck_assert_uint_eq(estimate.rtt_min_us, 40000);
	ck_assert_uint_le(now_us - seen_us, ESTIMATE_MIN_WINDOW_US + 400000);
}
END_TEST

START_TEST(test_drain_finds_it_again)
{
	begin();
	round_trip(20000);
	while (!estimate_drains(&estimate))
		round_trip(50000);
	estimate_pinged(&estimate, now_us);
	ck_assert(!estimate_wants_ping(&estimate, now_us));
	estimate_sent(&estimate, FRAME_BYTES, now_us);
	ck_assert(estimate_wants_ping(&estimate, now_us));
	round_trip(20500);
	ck_assert(!estimate_drains(&estimate));
	ck_assert_uint_eq(estimate.rtt_min_us, 20000);
}
END_TEST

START_TEST(test_rate_of_a_full_path)
{
	begin();
	round_trip(20000);
	keep_full(2000000, 1000000);
	ck_assert(!estimate.probing);
	assert_about(estimate_rate(&estimate), 2000000);
}
END_TEST

/* It follows a path that becomes slower within seconds, and up at once. */
START_TEST(test_rate_follows)
{
	begin();
	round_trip(20000);
	keep_full(2000000, 1000000);
	keep_full(500000, 4000000);
	assert_about(estimate_rate(&estimate), 500000);
	keep_full(4000000, 400000);
	assert_about(estimate_rate(&estimate), 4000000);
}
END_TEST

/* A queue that a high estimate built does not keep the estimate high. */
START_TEST(test_rate_is_forgotten_despite_a_queue)
{
	uint64_t fell_us;

	begin();
	round_trip(20000);
	keep_full(4000000, 1000000);
	fell_us = now_us;
	keep_full(100000, 3000000);
	ck_assert_uint_gt(estimate.srtt_us, 400000);
	ck_assert_uint_le(now_us - fell_us, 4100000);
	assert_about(estimate_rate(&estimate), 100000);
}
END_TEST

/* An application that sends little says nothing of the path. */
START_TEST(test_rate_is_not_the_applications)
{
	int i;

	begin();
	round_trip(20000);
	keep_full(2000000, 1000000);
	for (i = 0; i < 100; i++) {
		round_trip(20000);
		now_us += 80000;
	}
	assert_about(estimate_rate(&estimate), 2000000);
}
END_TEST

START_TEST(test_rate_is_not_the_applications_at_start)
{
	int i;

	begin();
	for (i = 0; i < 100; i++) {
		estimate_sent(&estimate, 1000, now_us);
		now_us += 20000;
		ck_assert(pong_all(now_us - 20000));
		now_us += 80000;
	}
	ck_assert(estimate.probing);
	ck_assert_uint_eq(estimate_rate(&estimate), ESTIMATE_START_RATE);
}
END_TEST

/* While the limit has not been met, twice what was carried is offered. */
START_TEST(test_probing)
{
	uint64_t i;

	begin();
	for (i = 0; i < 400; i++) {
		estimate_sent(&estimate, FRAME_BYTES, now_us);
		now_us += 2500;
		if (i >= 15)
			ck_assert(estimate_pong(&estimate, now_us - 40000,
			    i - 14, (i - 14) * FRAME_BYTES, now_us));
	}
	ck_assert(estimate.probing);
	assert_about(estimate_rate(&estimate), 8000000);
}
END_TEST

/* Few datagrams at a time, all of them late because the machine is busy. */
START_TEST(test_rate_is_not_of_lone_datagrams)
{
	uint64_t ping_us, frames, bytes;

	begin();
	estimate_sent(&estimate, 243, now_us);
	now_us += 100;
	ck_assert(pong_all(now_us - 100));
	for (int i = 0; i < 2000; i++) {
		ping_us = now_us;
		estimate_sent(&estimate, 243, now_us);
		frames = estimate.sent_frames;
		bytes = estimate.sent_bytes;
		now_us += 1500;
		estimate_sent(&estimate, 243, now_us);
		now_us += 1500;
		ck_assert(
		    estimate_pong(&estimate, ping_us, frames, bytes, now_us));
		ck_assert_uint_ge(estimate_rate(&estimate),
		    ESTIMATE_START_RATE);
	}
}
END_TEST

/* A short path begins with what TCP's first window gives. */
START_TEST(test_short_path_begins_fast)
{
	begin();
	estimate_sent(&estimate, 27, now_us);
	now_us += 1000;
	ck_assert(pong_all(now_us - 1000));
	ck_assert_uint_eq(estimate_rate(&estimate), 14000000);
	begin();
	estimate_sent(&estimate, 27, now_us);
	now_us += 2000;
	ck_assert(pong_all(now_us - 2000));
	ck_assert_uint_eq(estimate_rate(&estimate), ESTIMATE_START_RATE);
}
END_TEST

/*
 * A frame every 20 ms, answered 100 ms later; in a part of each two seconds a
 * host stands still, and then answers all at once: the path was not the limit.
 */
START_TEST(test_rate_is_not_of_a_stall)
{
	uint64_t answered = 0, i;

	begin();
	for (i = 0; i < 500; i++) {
		now_us = START_US + i * 20000;
		estimate_sent(&estimate, 5000, now_us);
		for (; answered + 5 <= i && i % 100 < 80; answered++)
			ck_assert(estimate_pong(&estimate,
			    START_US + answered * 20000,
			    estimate.acked_frames + 1,
			    estimate.acked_bytes + 5000, now_us));
		ck_assert_uint_ge(estimate_rate(&estimate),
		    ESTIMATE_START_RATE);
	}
}
END_TEST

/* PONGs that were held up and arrive together are no speed. */
START_TEST(test_rate_of_compressed_pongs)
{
	uint64_t i, first_us;

	begin();
	round_trip(20000);
	first_us = now_us;
	for (i = 0; i < 100; i++) {
		estimate_sent(&estimate, FRAME_BYTES, now_us);
		now_us += 10000;
	}
	now_us += 20000;
	for (i = 0; i < 100; i++)
		ck_assert(estimate_pong(&estimate, first_us + i * 10000, 2 + i,
		    (2 + i) * FRAME_BYTES, now_us + i));
	ck_assert_uint_le(estimate.rate_bytes_s, 1100000);
}
END_TEST

START_TEST(test_pings)
{
	uint64_t i;

	begin();
	round_trip(80000);
	estimate_pinged(&estimate, now_us);
	ck_assert(!estimate_wants_ping(&estimate, now_us + 1000000));
	estimate_sent(&estimate, 100, now_us);
	/* Several in a round trip, without waiting for an answer. */
	ck_assert(!estimate_wants_ping(&estimate, now_us + 9999));
	ck_assert(estimate_wants_ping(&estimate, now_us + 10000));
	/* And inside a burst. */
	for (i = 0; !estimate_wants_ping(&estimate, now_us); i++)
		estimate_sent(&estimate, 1000, now_us);
	ck_assert_uint_ge(i, 8);
	ck_assert_uint_le(i, 16);
	estimate_pinged(&estimate, now_us);
	ck_assert(!estimate_wants_ping(&estimate, now_us));
}
END_TEST

static void
assert_refused(uint64_t ping_us, uint64_t frames, uint64_t bytes)
{
	struct estimate before = estimate;

	ck_assert(!estimate_pong(&estimate, ping_us, frames, bytes, now_us));
	ck_assert_mem_eq(&before, &estimate, sizeof(before));
}

START_TEST(test_lies)
{
	uint64_t ping_us;

	begin();
	round_trip(20000);
	round_trip(20000);
	ping_us = now_us;
	estimate_sent(&estimate, FRAME_BYTES, now_us);
	now_us += 20000;
	assert_refused(ping_us, 4, 3 * FRAME_BYTES);
	assert_refused(ping_us, 3, 3 * FRAME_BYTES + 1);
	assert_refused(ping_us, UINT64_MAX, UINT64_MAX);
	assert_refused(ping_us, 1, 3 * FRAME_BYTES);
	assert_refused(ping_us, 3, 2 * FRAME_BYTES - 1);
	assert_refused(now_us + 1, 3, 3 * FRAME_BYTES);
	assert_refused(UINT64_MAX, 3, 3 * FRAME_BYTES);
	assert_refused(START_US, 3, 3 * FRAME_BYTES);
	assert_refused(0, 3, 3 * FRAME_BYTES);
	ck_assert(
	    estimate_pong(&estimate, ping_us, 3, 3 * FRAME_BYTES, now_us));
}
END_TEST

/* Before the path's start there is nothing that could come back. */
START_TEST(test_lie_about_the_start)
{
	begin();
	estimate_sent(&estimate, 1000, now_us);
	now_us += 20000;
	assert_refused(START_US - 1, 1, 1000);
	assert_refused(0, 1, 1000);
}
END_TEST

START_TEST(test_huge_amounts)
{
	begin();
	/* In microseconds' terms it does not fit 64 bits. */
	estimate_sent(&estimate, UINT64_MAX / 1000000 + 2, now_us);
	now_us += 20000;
	ck_assert(pong_all(START_US));
	ck_assert_uint_ge(estimate_rate(&estimate), UINT64_C(1000000000000));
	estimate_sent(&estimate, 1000, now_us);
	(void)estimate_wants_ping(&estimate, UINT64_MAX);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("estimate");
	TCase *tests = tcase_create("estimate");

	tcase_add_test(tests, test_fresh);
	tcase_add_test(tests, test_backlog);
	tcase_add_test(tests, test_smoothing);
	tcase_add_test(tests, test_round_trip_of_no_time);
	tcase_add_test(tests, test_minimum);
	tcase_add_test(tests, test_minimum_expires);
	tcase_add_test(tests, test_drain_finds_it_again);
	tcase_add_test(tests, test_rate_of_a_full_path);
	tcase_add_test(tests, test_rate_follows);
	tcase_add_test(tests, test_rate_is_forgotten_despite_a_queue);
	tcase_add_test(tests, test_rate_is_not_the_applications);
	tcase_add_test(tests, test_rate_is_not_the_applications_at_start);
	tcase_add_test(tests, test_probing);
	tcase_add_test(tests, test_rate_is_not_of_lone_datagrams);
	tcase_add_test(tests, test_rate_is_not_of_a_stall);
	tcase_add_test(tests, test_rate_of_compressed_pongs);
	tcase_add_test(tests, test_short_path_begins_fast);
	tcase_add_test(tests, test_pings);
	tcase_add_test(tests, test_lies);
	tcase_add_test(tests, test_lie_about_the_start);
	tcase_add_test(tests, test_huge_amounts);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
