#include "supervisor/engine/reorder.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

#define HOLD_MS 50
#define HOLD_US UINT64_C(50000)
#define SEGMENT ((size_t)3)
#define ORDER_MAX 20000

static struct reorder reorder;
static uint64_t now_us;
static uint64_t order[ORDER_MAX]; /* as delivered */
static size_t delivered;
static size_t garbled; /* datagrams of other bytes than they had */
static size_t calls;
static const uint8_t *last_bytes;

static uint8_t
pattern(uint64_t sequence, size_t i)
{
	return (uint8_t)(sequence * 7 + i);
}

static void
take_run(const struct frame_run *run)
{
	size_t at = 0, i;

	ck_assert_uint_le(delivered + run->count, ORDER_MAX);
	for (size_t n = 0; n < run->count; n++, at += run->segment) {
		for (i = 0; i < run->segment && at + i < run->length; i++)
			garbled += run->bytes[at + i] !=
			    pattern(run->sequence + n, i);
		order[delivered++] = run->sequence + n;
	}
	last_bytes = run->bytes;
}

static void
deliver(void *argument, const struct frame_run *runs, size_t count)
{
	ck_assert_ptr_eq(argument, &reorder);
	ck_assert_uint_le(count, REORDER_BATCH);
	for (size_t i = 0; i < count; i++)
		take_run(&runs[i]);
	calls++;
}

static const struct reorder_sink sink = { deliver, &reorder };

static void
begin(void)
{
	ck_assert_int_eq(reorder_init(&reorder, HOLD_MS, REORDER_BYTES_MIN,
			     &sink),
	    0);
	now_us = 1000000;
	delivered = garbled = calls = 0;
}

static void
end(void)
{
	ck_assert_uint_eq(garbled, 0);
	reorder_free(&reorder);
}

/* The bytes are gone after the flush. */
static void
add_bytes(uint64_t sequence, size_t count, size_t segment)
{
	struct frame_run run = { .sequence = sequence,
		.segment = segment,
		.count = count,
		.length = count * segment };
	uint8_t *bytes = malloc(run.length + 1);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < run.length; i++)
		bytes[i] = pattern(sequence + i / segment, i % segment);
	run.bytes = bytes;
	reorder_add(&reorder, &run, now_us);
	reorder_flush(&reorder);
	free(bytes);
}

static void
add(uint64_t sequence, size_t count)
{
	add_bytes(sequence, count, SEGMENT);
}

/* All from first on, and no others since the last time. */
static void
assert_delivered(uint64_t first, size_t count)
{
	ck_assert_uint_eq(delivered, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(order[i], first + i);
	delivered = 0;
}

START_TEST(test_off)
{
	struct reorder none;

	memset(&none, 0, sizeof(none));
	reorder_free(&none);
	reorder_free(&reorder);
	ck_assert_int_eq(reorder_init(&reorder, 0, 0, &sink), 0);
	add(7, 1);
	add(3, 2);
	ck_assert_uint_eq(delivered, 3);
	ck_assert_uint_eq(order[0], 7);
	ck_assert_uint_eq(order[2], 4);
	ck_assert_uint_eq(reorder_deadline_us(&reorder), UINT64_MAX);
	reorder_expire(&reorder, now_us + HOLD_US);
	reorder_skip(&reorder, 100);
	ck_assert_uint_eq(reorder.held + reorder.late + reorder.skipped, 0);
}
END_TEST

START_TEST(test_in_order)
{
	uint8_t byte = pattern(0, 0);
	struct frame_run run = { .bytes = &byte,
		.length = 1,
		.segment = 1,
		.count = 1 };

	reorder_add(&reorder, &run, now_us);
	reorder_flush(&reorder);
	/* Not copied. */
	ck_assert_ptr_eq(last_bytes, &byte);
	add(1, 10);
	add(11, 1);
	assert_delivered(0, 12);
	ck_assert_uint_eq(calls, 3);
	ck_assert_uint_eq(reorder.held, 0);
}
END_TEST

START_TEST(test_gap_is_filled)
{
	add(0, 1);
	add(5, 5);
	add(2, 3);
	assert_delivered(0, 1);
	ck_assert_uint_eq(reorder.held, 8);
	ck_assert_uint_eq(reorder_deadline_us(&reorder), now_us + HOLD_US);
	add(1, 1);
	assert_delivered(1, 9);
	ck_assert_uint_eq(reorder_deadline_us(&reorder), UINT64_MAX);
	ck_assert_uint_eq(reorder.skipped, 0);
}
END_TEST

START_TEST(test_time_is_over)
{
	add(1, 1);
	now_us += 10;
	add(5, 1);
	add(3, 1);
	now_us += 10;
	add(4, 1);
	reorder_expire(&reorder, 1000000 + HOLD_US - 1);
	assert_delivered(0, 0);
	reorder_expire(&reorder, 1000000 + HOLD_US);
	assert_delivered(1, 1);
	/* 5 is over: 3 goes before it, and 4. */
	ck_assert_uint_eq(reorder_deadline_us(&reorder), 1000010 + HOLD_US);
	reorder_expire(&reorder, 1000010 + HOLD_US);
	assert_delivered(3, 3);
	ck_assert_uint_eq(reorder.skipped, 2);
	ck_assert_uint_eq(reorder_deadline_us(&reorder), UINT64_MAX);
}
END_TEST

/* What stands next to it goes along; what is behind a gap waits on. */
START_TEST(test_follows_an_expired_one)
{
	add(1, 1);
	now_us += 10;
	add(2, 1);
	add(4, 1);
	reorder_expire(&reorder, 1000000 + HOLD_US);
	assert_delivered(1, 2);
	add(3, 1);
	assert_delivered(3, 2);
}
END_TEST

START_TEST(test_late)
{
	add(10, 10);
	reorder_expire(&reorder, now_us + HOLD_US);
	assert_delivered(10, 10);
	add(3, 2);
	assert_delivered(3, 2);
	ck_assert_uint_eq(reorder.late, 2);
	ck_assert_uint_eq(reorder.skipped, 10);
	add(20, 1);
	assert_delivered(20, 1);
}
END_TEST

START_TEST(test_late_in_part)
{
	add(12, 2);
	reorder_skip(&reorder, 10);
	add(8, 4);
	assert_delivered(8, 6);
	ck_assert_uint_eq(reorder.late, 2);
}
END_TEST

START_TEST(test_known_to_be_lost)
{
	add(5, 1);
	add(8, 1);
	reorder_skip(&reorder, 4);
	assert_delivered(0, 0);
	reorder_skip(&reorder, 5);
	assert_delivered(5, 1);
	reorder_skip(&reorder, 2);
	add(6, 1);
	assert_delivered(6, 1);
	reorder_skip(&reorder, 20);
	assert_delivered(8, 1);
	ck_assert_uint_eq(reorder.skipped, 5 + 1 + 11);
	add(20, 1);
	assert_delivered(20, 1);
}
END_TEST

/* More runs at once than a batch holds. */
START_TEST(test_many)
{
	size_t i;

	for (i = 1000; i > 0; i--)
		add(i, 1);
	calls = 0;
	add(0, 1);
	assert_delivered(0, 1001);
	ck_assert_uint_eq(calls, 1001 / REORDER_BATCH + 1);
}
END_TEST

START_TEST(test_empty_datagrams)
{
	add_bytes(5, 4, 0);
	add_bytes(2, 3, 0);
	add_bytes(0, 2, 0);
	assert_delivered(0, 9);
}
END_TEST

/* The runs of a frame stand until the flush, those released with them too. */
START_TEST(test_flush_before_room_is_used_again)
{
	uint8_t bytes[2] = { pattern(0, 0), pattern(4, 0) };
	struct frame_run run = { .bytes = bytes,
		.length = 1,
		.segment = 1,
		.count = 1 };

	add_bytes(1, 1, 1);
	reorder_add(&reorder, &run, now_us);
	run.sequence = 4;
	run.bytes++;
	reorder_add(&reorder, &run, now_us);
	reorder_flush(&reorder);
	assert_delivered(0, 2);
	reorder_skip(&reorder, 4);
	assert_delivered(4, 1);
}
END_TEST

/* Without room the oldest arrival's wait is over. */
START_TEST(test_no_room)
{
	uint64_t sequence = 1;

	for (; reorder.crowded == 0; sequence += 2)
		add_bytes(sequence, 1, 10000);
	assert_delivered(1, 1);
	ck_assert_uint_eq(sequence / 2, REORDER_BYTES_MIN / 10000 + 1);
	ck_assert_uint_eq(reorder.skipped, 1);
	/* All of it may be asked for. */
	add_bytes(1000, 1, 65507);
	add_bytes(2000, 1, 65507);
	add_bytes(3000, 1, 65507);
	ck_assert_uint_eq(order[delivered - 1], 1000);
	delivered = 0;
	reorder_skip(&reorder, UINT64_MAX);
	ck_assert_uint_eq(delivered, 2);
}
END_TEST

/* Room that is made by giving up what the run itself waits for. */
START_TEST(test_no_room_for_what_is_due)
{
	add_bytes(2, 1, 65507);
	add_bytes(4, 1, 65507);
	add_bytes(3, 1, 65507);
	ck_assert_uint_eq(reorder.crowded, 1);
	assert_delivered(2, 3);
}
END_TEST

START_TEST(test_many_small)
{
	uint64_t sequence = 1;

	for (; reorder.crowded == 0; sequence += 2)
		add_bytes(sequence, 1, 1);
	ck_assert_uint_eq(reorder.held, reorder.arena.pieces_max + 1);
	assert_delivered(1, 1);
}
END_TEST

/* Not for us to drop, and no harm to what is held. */
START_TEST(test_twice)
{
	add(5, 1);
	add(5, 1);
	ck_assert_uint_eq(delivered, 1);
	reorder_skip(&reorder, 5);
	ck_assert_uint_eq(delivered, 2);
}
END_TEST

START_TEST(test_sizes)
{
	struct reorder small;

	errno = 0;
	ck_assert_int_eq(reorder_init(&small, 1, REORDER_BYTES_MIN - 1, &sink),
	    -1);
	ck_assert_int_eq(errno, EINVAL);
	reorder_free(&small);
	ck_assert_int_eq(reorder_init(&small, 1, REORDER_BYTES_MAX + 1, &sink),
	    -1);
	ck_assert_int_eq(reorder_init(&small, 1, REORDER_BYTES_DEFAULT, &sink),
	    0);
	reorder_free(&small);
}
END_TEST

/*
 * The naive one: a list of runs held, searched from end to end. Runs of a
 * stream come shuffled, and some not at all.
 */
#define MODEL_RUNS 1500

struct model_run {
	uint64_t sequence;
	size_t count;
	uint64_t deadline_us; /* 0: not held */
};

static struct model_run runs[MODEL_RUNS];
static uint64_t model_order[ORDER_MAX];
static size_t model_delivered;
static uint64_t model_next;

static void
model_deliver(struct model_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		model_order[model_delivered++] = run->sequence + i;
	if (run->sequence + run->count > model_next)
		model_next = run->sequence + run->count;
	run->deadline_us = 0;
}

/* The held run of the smallest number. */
static struct model_run *
model_smallest(void)
{
	struct model_run *best = NULL;

	for (size_t i = 0; i < MODEL_RUNS; i++)
		if (runs[i].deadline_us != 0 &&
		    (best == NULL || runs[i].sequence < best->sequence))
			best = &runs[i];
	return best;
}

static bool
model_is_over(void)
{
	for (size_t i = 0; i < MODEL_RUNS; i++)
		if (runs[i].deadline_us != 0 && runs[i].deadline_us <= now_us)
			return true;
	return false;
}

static void
model_settle(void)
{
	struct model_run *first;

	while ((first = model_smallest()) != NULL &&
	    (first->sequence <= model_next || model_is_over()))
		model_deliver(first);
}

static void
model_add(struct model_run *run)
{
	model_settle();
	if (run->sequence <= model_next)
		model_deliver(run);
	else
		run->deadline_us = now_us + HOLD_US;
	model_settle();
	reorder_expire(&reorder, now_us);
	add(run->sequence, run->count);
	ck_assert_uint_eq(delivered, model_delivered);
}

/* A gap that is known to be lost ends the waiting at once. */
START_TEST(test_lost)
{
	reorder_skip(&reorder, 1);
	add(1, 2);
	add(5, 2);
	add(9, 1);
	reorder_lose(&reorder, 7, 2, now_us);
	assert_delivered(1, 2);
	reorder_lose(&reorder, 3, 2, now_us);
	ck_assert_uint_eq(delivered, 3);
	ck_assert_uint_eq(order[0], 5);
	ck_assert_uint_eq(order[1], 6);
	ck_assert_uint_eq(order[2], 9);
	delivered = 0;
	ck_assert_uint_eq(reorder.skipped, 1 + 4);
	ck_assert_uint_eq(reorder.held, 3);
	add(10, 1);
	assert_delivered(10, 1);
}
END_TEST

/* They come after all, before, within, or late: each is delivered once. */
START_TEST(test_lost_and_found)
{
	reorder_skip(&reorder, 1);
	add(1, 1);
	assert_delivered(1, 1);
	add(4, 2);
	reorder_lose(&reorder, 4, 4, now_us);
	reorder_lose(&reorder, 1, 3, now_us);
	assert_delivered(4, 2);
	ck_assert_uint_eq(reorder_deadline_us(&reorder), UINT64_MAX);
	add(6, 2);
	assert_delivered(6, 2);
	add(2, 2);
	assert_delivered(2, 2);
	ck_assert_uint_eq(reorder.late, 2);
}
END_TEST

static void
shuffle_runs(void)
{
	struct model_run run;
	uint64_t sequence = 0;
	size_t other;

	for (size_t i = 0; i < MODEL_RUNS; i++) {
		runs[i].sequence = sequence;
		runs[i].count = 1 + (size_t)lrand48() % 5;
		runs[i].deadline_us = 0;
		sequence += runs[i].count + (lrand48() % 20 == 0);
	}
	for (size_t i = 0; i + 40 < MODEL_RUNS; i++) {
		other = i + (size_t)lrand48() % (lrand48() % 9 == 0 ? 40 : 3);
		run = runs[i];
		runs[i] = runs[other];
		runs[other] = run;
	}
}

START_TEST(test_model)
{
	suite_seed();
	shuffle_runs();
	model_delivered = 0;
	model_next = 0;
	for (size_t i = 0; i < MODEL_RUNS; i++) {
		now_us += (uint64_t)lrand48() % 6000;
		model_add(&runs[i]);
	}
	ck_assert_int_eq(memcmp(order, model_order,
			     delivered * sizeof(order[0])),
	    0);
	ck_assert_uint_eq(reorder.crowded, 0);
	ck_assert_uint_gt(reorder.skipped, 0);
	ck_assert_uint_gt(reorder.held, 0);
}
END_TEST

/* Scarce room: all the same each datagram once, and as it was. */
START_TEST(test_model_without_room)
{
	uint64_t total = 0;

	suite_seed();
	shuffle_runs();
	for (size_t i = 0; i < MODEL_RUNS; i++) {
		add_bytes(runs[i].sequence, runs[i].count,
		    (size_t)lrand48() % 9000);
		total += runs[i].count;
	}
	reorder_skip(&reorder, UINT64_MAX);
	ck_assert_uint_eq(delivered, total);
	ck_assert_uint_gt(reorder.crowded, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reorder");
	TCase *tcase = tcase_create("reorder");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, test_off);
	tcase_add_test(tcase, test_lost);
	tcase_add_test(tcase, test_lost_and_found);
	tcase_add_test(tcase, test_in_order);
	tcase_add_test(tcase, test_gap_is_filled);
	tcase_add_test(tcase, test_time_is_over);
	tcase_add_test(tcase, test_follows_an_expired_one);
	tcase_add_test(tcase, test_late);
	tcase_add_test(tcase, test_late_in_part);
	tcase_add_test(tcase, test_known_to_be_lost);
	tcase_add_test(tcase, test_many);
	tcase_add_test(tcase, test_empty_datagrams);
	tcase_add_test(tcase, test_flush_before_room_is_used_again);
	tcase_add_test(tcase, test_no_room);
	tcase_add_test(tcase, test_no_room_for_what_is_due);
	tcase_add_test(tcase, test_many_small);
	tcase_add_test(tcase, test_twice);
	tcase_add_test(tcase, test_sizes);
	tcase_add_loop_test(tcase, test_model, 0, 4);
	tcase_add_loop_test(tcase, test_model_without_room, 0, 4);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
