#include "supervisor/engine/arrival.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/frame.h"
#include "tests/suite.h"

#define WINDOW ((uint64_t)ARRIVAL_WINDOW)
#define SEGMENT ((size_t)2)

static struct arrival arrival;
static const uint8_t bytes[2 * 65536];

static void
begin(void)
{
	ck_assert_int_eq(arrival_init(&arrival), 0);
}

static void
end(void)
{
	arrival_free(&arrival);
}

static struct frame_run
make_run(uint64_t sequence, size_t count)
{
	return (struct frame_run){
		.sequence = sequence,
		.bytes = bytes,
		.length = count * SEGMENT,
		.segment = SEGMENT,
		.count = count,
	};
}

/* How many of them are new. */
static uint64_t
offer(uint64_t sequence, size_t count)
{
	struct frame_run run = make_run(sequence, count), fresh;
	uint64_t sum = 0;

	while (arrival_accept(&arrival, &run, &fresh))
		sum += fresh.count;
	return sum;
}

START_TEST(test_new_as_a_whole)
{
	struct frame_run run = make_run(0, 1000), fresh;

	ck_assert(arrival_accept(&arrival, &run, &fresh));
	ck_assert_uint_eq(fresh.sequence, 0);
	ck_assert_uint_eq(fresh.count, 1000);
	ck_assert_uint_eq(fresh.length, 1000 * SEGMENT);
	ck_assert_ptr_eq(fresh.bytes, bytes);
	ck_assert(!arrival_accept(&arrival, &run, &fresh));
	ck_assert_uint_eq(arrival.received, 1000);
	ck_assert_uint_eq(arrival.reordered, 0);
}
END_TEST

START_TEST(test_duplicates)
{
	ck_assert_uint_eq(offer(0, 100), 100);
	ck_assert_uint_eq(offer(0, 100), 0);
	ck_assert_uint_eq(offer(63, 2), 0);
	ck_assert_uint_eq(offer(90, 20), 10);
	ck_assert_uint_eq(arrival.duplicates, 112);
	ck_assert_uint_eq(arrival.received, 110);
	ck_assert_uint_eq(arrival.reordered, 0);
}
END_TEST

static void
assert_piece(struct frame_run *run, uint64_t sequence, size_t count,
    size_t length)
{
	struct frame_run fresh;

	ck_assert(arrival_accept(&arrival, run, &fresh));
	ck_assert_uint_eq(fresh.sequence, sequence);
	ck_assert_uint_eq(fresh.count, count);
	ck_assert_uint_eq(fresh.length, length);
	ck_assert_uint_eq(fresh.segment, SEGMENT);
	ck_assert_ptr_eq(fresh.bytes, bytes + sequence * SEGMENT);
}

/* The last datagram is shorter than the others. */
START_TEST(test_new_in_parts)
{
	struct frame_run run = make_run(0, 300), fresh;

	run.length--;
	offer(10, 5);
	offer(100, 64);
	offer(299, 1);
	assert_piece(&run, 0, 10, 10 * SEGMENT);
	assert_piece(&run, 15, 85, 85 * SEGMENT);
	assert_piece(&run, 164, 135, 135 * SEGMENT);
	ck_assert(!arrival_accept(&arrival, &run, &fresh));
	run = make_run(299, 2);
	run.bytes = bytes + 299 * SEGMENT;
	run.length--;
	assert_piece(&run, 300, 1, SEGMENT - 1);
}
END_TEST

START_TEST(test_empty_datagrams)
{
	struct frame_run run = make_run(0, 255), fresh;

	run.segment = run.length = 0;
	offer(7, 1);
	ck_assert(arrival_accept(&arrival, &run, &fresh));
	ck_assert_uint_eq(fresh.count, 7);
	ck_assert(arrival_accept(&arrival, &run, &fresh));
	ck_assert_uint_eq(fresh.count, 247);
	ck_assert_uint_eq(fresh.length, 0);
	ck_assert(!arrival_accept(&arrival, &run, &fresh));
}
END_TEST

START_TEST(test_window)
{
	offer(0, 1);
	offer(WINDOW, 1);
	/* 1 is the oldest still known. */
	ck_assert_uint_eq(arrival.lost, 0);
	ck_assert_uint_eq(offer(0, 2), 1);
	ck_assert_uint_eq(arrival.too_old, 1);
	ck_assert_uint_eq(offer(WINDOW + 2, 1), 1);
	ck_assert_uint_eq(arrival.lost, 1);
	ck_assert_uint_eq(offer(2, 1), 0);
	ck_assert_uint_eq(arrival.too_old, 2);
	ck_assert_uint_eq(arrival.duplicates, 0);
}
END_TEST

START_TEST(test_far_ahead)
{
	uint64_t far = UINT64_MAX - 10;

	offer(0, 10);
	/* As far as this it is a loss, and beyond the far end began anew. */
	ck_assert_uint_eq(offer(ARRIVAL_RESTART + 10, 1), 1);
	ck_assert_uint_eq(arrival.lost, ARRIVAL_RESTART + 1 - WINDOW);
	ck_assert_uint_eq(offer(far, 5), 5);
	ck_assert_uint_eq(arrival.lost, ARRIVAL_RESTART + 1 - WINDOW);
	ck_assert_uint_eq(offer(10, 5), 0);
	ck_assert_uint_eq(arrival.too_old, 5);
	ck_assert_uint_eq(offer(far - 5, 5), 5);
	ck_assert_uint_eq(offer(far, 5), 0);
	/* Past the end of all numbers. */
	ck_assert_uint_eq(offer(far, 11), 0);
	ck_assert_uint_eq(arrival.too_old, 16);
	ck_assert_uint_eq(offer(far, 10), 5);
}
END_TEST

/* A hostile peer's jumps cost a moment each. */
START_TEST(test_jumps)
{
	for (uint64_t i = 1; i <= 1000; i++)
		ck_assert_uint_eq(offer(i * 3 * WINDOW, 1), 1);
	ck_assert_uint_eq(arrival.lost, 999 * 3 * WINDOW - 999 - WINDOW + 1);
	ck_assert_uint_eq(arrival.received, 1000);
}
END_TEST

START_TEST(test_run_longer_than_the_window)
{
	struct frame_run run = make_run(5, 3 * ARRIVAL_WINDOW), fresh;
	uint64_t sum = 0;

	run.segment = run.length = 0;
	while (arrival_accept(&arrival, &run, &fresh))
		sum += fresh.count;
	ck_assert_uint_eq(sum, 3 * WINDOW);
	ck_assert_uint_eq(arrival.lost, 5);
}
END_TEST

/* A listener that was restarted: what was before is neither lost nor old. */
START_TEST(test_late_start)
{
	uint64_t start = 1000 * WINDOW;

	ck_assert_uint_eq(offer(start, 1), 1);
	ck_assert_uint_eq(offer(start - 10, 10), 10);
	ck_assert_uint_eq(offer(start - WINDOW, 1), 0);
	ck_assert_uint_eq(arrival.reordered, 10);
	ck_assert_uint_eq(offer(start + 2, WINDOW), WINDOW);
	ck_assert_uint_eq(arrival.lost, 1);
}
END_TEST

/* The example of RFC 4737: 4, 5 and 6 come after 10. */
START_TEST(test_reordering)
{
	static const uint64_t order[] = { 1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11 };

	offer(0, 1);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_uint_eq(offer(order[i], 1), 1);
	ck_assert_uint_eq(arrival.reordered, 3);
	ck_assert_uint_eq(arrival.extent_max, 6);
	ck_assert_uint_eq(arrival.extent_sum, 4 + 5 + 6);
	ck_assert_uint_eq(arrival.lost, 0);
}
END_TEST

/* More gaps than are remembered: the extent is understated. */
START_TEST(test_many_gaps)
{
	for (uint64_t i = 0; i < 2 * ARRIVAL_GAPS; i++)
		offer(2 * i + 1, 1);
	offer(2 * (2 * ARRIVAL_GAPS - 1), 1);
	ck_assert_uint_eq(arrival.extent_max, 1);
	offer(2 * ARRIVAL_GAPS, 1);
	ck_assert_uint_eq(arrival.extent_max, ARRIVAL_GAPS + 1);
	offer(0, 1);
	ck_assert_uint_eq(arrival.extent_max, ARRIVAL_GAPS + 2);
	ck_assert_uint_eq(arrival.reordered, 3);
}
END_TEST

/*
 * The naive one: datagram by datagram, with a byte for each number and the
 * list of all arrivals.
 */
#define MODEL_SPAN (8 * WINDOW)
#define MODEL_ARRIVALS 20000

static uint8_t *model_seen;
static uint64_t model_origin, model_next, model_first;
static uint64_t model_order[MODEL_ARRIVALS];
static struct arrival model; /* the counters */

static bool
model_offer(uint64_t sequence)
{
	uint64_t extent, j = 0;

	if (model_next > WINDOW && sequence < model_next - WINDOW) {
		model.too_old++;
		return false;
	}
	if (model_seen[sequence - model_origin]) {
		model.duplicates++;
		return false;
	}
	model_seen[sequence - model_origin] = 1;
	if (sequence >= model_next) {
		if (model.received == 0)
			model_first = sequence < WINDOW ? 0 : sequence;
		model_next = sequence + 1;
	} else {
		while (model_order[j] < sequence)
			j++;
		extent = model.received - j;
		model.reordered++;
		model.extent_sum += extent;
		if (extent > model.extent_max)
			model.extent_max = extent;
	}
	model_order[model.received++] = sequence;
	return true;
}

static void
model_run(uint64_t sequence, size_t count)
{
	struct frame_run run = make_run(sequence, count), fresh;
	uint64_t at = sequence;

	while (arrival_accept(&arrival, &run, &fresh)) {
		for (; at < fresh.sequence; at++)
			ck_assert(!model_offer(at));
		for (; at < fresh.sequence + fresh.count; at++)
			ck_assert(model_offer(at));
		ck_assert_ptr_eq(fresh.bytes,
		    bytes + (fresh.sequence - sequence) * SEGMENT);
	}
	for (; at < sequence + count; at++)
		ck_assert(!model_offer(at));
}

static void
model_compare(void)
{
	uint64_t lost = 0;

	for (uint64_t i = model_first; i + WINDOW < model_next; i++)
		lost += !model_seen[i - model_origin];
	ck_assert_uint_eq(arrival.lost, lost);
	ck_assert_uint_eq(arrival.received, model.received);
	ck_assert_uint_eq(arrival.duplicates, model.duplicates);
	ck_assert_uint_eq(arrival.too_old, model.too_old);
	ck_assert_uint_eq(arrival.reordered, model.reordered);
	ck_assert_uint_eq(arrival.extent_max, model.extent_max);
	ck_assert_uint_eq(arrival.extent_sum, model.extent_sum);
}

/* Mostly about the newest; now and then far back, or far ahead. */
static uint64_t
choose_sequence(void)
{
	uint64_t limit = model_origin + MODEL_SPAN - 1000;
	uint64_t reach = 300, sequence;

	if (lrand48() % 16 == 0)
		reach = WINDOW + 500;
	sequence = model_next + (uint64_t)lrand48() % (2 * reach);
	sequence = sequence < model_origin + reach ? model_origin :
						     sequence - reach;
	return sequence < limit ? sequence : limit;
}

START_TEST(test_model)
{
	static const uint64_t origins[] = { 0, 12345 * WINDOW,
		UINT64_MAX - MODEL_SPAN };

	suite_seed();
	model_origin = origins[_i % 3];
	model_seen = calloc(MODEL_SPAN, 1);
	ck_assert_ptr_nonnull(model_seen);
	memset(&model, 0, sizeof(model));
	model_next = 0;
	if (model_origin != 0)
		model_run(model_origin + 2 * WINDOW, 1);
	for (int i = 0; i < 600; i++)
		model_run(choose_sequence(), 1 + (size_t)lrand48() % 30);
	model_compare();
	free(model_seen);
}
END_TEST

START_TEST(test_told_to_begin)
{
	struct frame_run run = make_run(5 * WINDOW, 1);

	ck_assert(arrival_begins(&arrival, run.sequence));
	arrival_restart(&arrival, 5 * WINDOW - 3);
	ck_assert(!arrival_begins(&arrival, run.sequence));
	ck_assert_uint_eq(offer(5 * WINDOW, 1), 1);
	ck_assert_uint_eq(offer(5 * WINDOW - 3, 3), 3);
	ck_assert_uint_eq(arrival.reordered, 3);

	/* Anew, far ahead or far behind: what was before is too old. */
	arrival_restart(&arrival, 2 * WINDOW);
	ck_assert_uint_eq(offer(2 * WINDOW, 10), 10);
	ck_assert_uint_eq(offer(WINDOW - 10, 10), 0);
	ck_assert_uint_eq(arrival.too_old, 10);
	arrival_restart(&arrival, 9 * WINDOW);
	ck_assert_uint_eq(offer(2 * WINDOW, 10), 0);
	ck_assert_uint_eq(arrival.too_old, 20);
	ck_assert_uint_eq(arrival.duplicates, 0);
	ck_assert_uint_eq(arrival.lost, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("arrival");
	TCase *tcase = tcase_create("arrival");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, test_told_to_begin);
	tcase_add_test(tcase, test_new_as_a_whole);
	tcase_add_test(tcase, test_duplicates);
	tcase_add_test(tcase, test_new_in_parts);
	tcase_add_test(tcase, test_empty_datagrams);
	tcase_add_test(tcase, test_window);
	tcase_add_test(tcase, test_far_ahead);
	tcase_add_test(tcase, test_jumps);
	tcase_add_test(tcase, test_run_longer_than_the_window);
	tcase_add_test(tcase, test_late_start);
	tcase_add_test(tcase, test_reordering);
	tcase_add_test(tcase, test_many_gaps);
	tcase_add_loop_test(tcase, test_model, 0, 6);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
