#include "shm/ring.h"

#include "shm/region.h"

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/suite.h"

#define CAPACITY ((size_t)4096)

/* Loop tests run once from each of these. */
static const uint64_t starts[] = { 0, UINT64_MAX, UINT64_MAX - 100,
	UINT64_MAX - CAPACITY + 1, UINT32_MAX - UINT64_C(7), 12345 };
#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

static struct region region;
static _Atomic uint64_t head_word, tail_word;
static struct ring_producer producer;
static struct ring_consumer consumer;
static uint8_t *room_at;
static const uint8_t *bytes_at;
static size_t room, bytes;

static void
setup(void)
{
	ck_assert_int_eq(region_create(&region, "test", CAPACITY,
			     REGION_PEER_WRITES),
	    0);
}

static void
teardown(void)
{
	region_destroy(&region);
}

static void
begin(uint64_t start)
{
	ring_producer_init(&producer, region.data, CAPACITY, &head_word,
	    &tail_word, start);
	ring_consumer_init(&consumer, region.data, CAPACITY, &head_word,
	    &tail_word, start);
}

static enum ring_result
reserve(size_t want)
{
	return ring_reserve(&producer, want, &room_at, &room);
}

static enum ring_result
peek(void)
{
	return ring_peek(&consumer, &bytes_at, &bytes);
}

static void
put(const char *text)
{
	ck_assert_int_eq(reserve(strlen(text)), RING_OK);
	memcpy(room_at, text, strlen(text));
	ring_commit(&producer, strlen(text));
}

/* Move both sides on without looking at the bytes. */
static void
skip(size_t count)
{
	ck_assert_int_eq(reserve(count), RING_OK);
	ring_commit(&producer, count);
	ck_assert_int_eq(peek(), RING_OK);
	ring_release(&consumer, count);
}

START_TEST(a_new_ring_is_empty)
{
	begin(starts[_i]);
	ck_assert_int_eq(peek(), RING_EMPTY);
	ck_assert_int_eq(ring_queued(&producer, &bytes), RING_OK);
	ck_assert_uint_eq(bytes, 0);
	ck_assert_int_eq(reserve(1), RING_OK);
	ck_assert_uint_eq(room, CAPACITY);
	ck_assert_int_eq(reserve(CAPACITY), RING_OK);
}
END_TEST

START_TEST(bytes_go_through)
{
	begin(starts[_i]);
	put("hello ");
	put("world");
	ck_assert_int_eq(peek(), RING_OK);
	ck_assert_uint_eq(bytes, 11);
	ck_assert_mem_eq(bytes_at, "hello world", 11);
	ring_release(&consumer, 6);
	ck_assert_int_eq(ring_queued(&producer, &bytes), RING_OK);
	ck_assert_uint_eq(bytes, 5);
	ck_assert_int_eq(peek(), RING_OK);
	ck_assert_uint_eq(bytes, 5);
	ck_assert_mem_eq(bytes_at, "world", 5);
	ring_release(&consumer, 5);
	ck_assert_int_eq(peek(), RING_EMPTY);
}
END_TEST

START_TEST(nothing_is_published_before_commit)
{
	begin(starts[_i]);
	ck_assert_int_eq(reserve(100), RING_OK);
	memset(room_at, 'x', 100);
	ck_assert_uint_eq(atomic_load(&head_word), starts[_i]);
	ck_assert_int_eq(peek(), RING_EMPTY);
	/* Less than reserved may be committed. */
	ring_commit(&producer, 40);
	ck_assert_uint_eq(atomic_load(&head_word), starts[_i] + 40);
	ck_assert_int_eq(peek(), RING_OK);
	ck_assert_uint_eq(bytes, 40);
	ck_assert_uint_eq(atomic_load(&tail_word), starts[_i]);
	ring_release(&consumer, 40);
	ck_assert_uint_eq(atomic_load(&tail_word), starts[_i] + 40);
}
END_TEST

START_TEST(full_is_an_answer)
{
	begin(starts[_i]);
	ck_assert_int_eq(reserve(CAPACITY), RING_OK);
	ring_commit(&producer, CAPACITY);
	ck_assert_int_eq(reserve(1), RING_FULL);
	ck_assert_int_eq(peek(), RING_OK);
	ck_assert_uint_eq(bytes, CAPACITY);
	ring_release(&consumer, 10);
	ck_assert_int_eq(reserve(11), RING_FULL);
	ck_assert_int_eq(reserve(10), RING_OK);
	ck_assert_uint_eq(room, 10);
	ring_commit(&producer, 10);
	ck_assert_int_eq(reserve(1), RING_FULL);
	ck_assert_int_eq(peek(), RING_OK);
	ck_assert_uint_eq(bytes, CAPACITY);
}
END_TEST

static int
resume_both(uint64_t head, uint64_t tail)
{
	int result = ring_producer_resume(&producer, region.data, CAPACITY,
	    &head_word, &tail_word, head, tail);

	ck_assert_int_eq(ring_consumer_resume(&consumer, region.data, CAPACITY,
			     &head_word, &tail_word, head, tail),
	    result);
	return result;
}

START_TEST(both_sides_go_on)
{
	uint64_t start = starts[_i];

	ck_assert_int_eq(resume_both(start + CAPACITY, start), 0);
	ck_assert_int_eq(reserve(1), RING_FULL);
	ck_assert_int_eq(peek(), RING_OK);
	ck_assert_uint_eq(bytes, CAPACITY);
	ring_release(&consumer, 10);
	ck_assert_int_eq(reserve(10), RING_OK);
	ck_assert_uint_eq(room, 10);
	ck_assert_int_eq(resume_both(start, start), 0);
	ck_assert_int_eq(peek(), RING_EMPTY);
	ck_assert_int_eq(resume_both(start + CAPACITY + 1, start), -1);
	ck_assert_int_eq(resume_both(start, start + 1), -1);
}
END_TEST

START_TEST(every_span_is_contiguous)
{
	uint8_t pattern[CAPACITY];
	size_t i;

	for (i = 0; i < CAPACITY; i++)
		pattern[i] = (uint8_t)(i * 7 + 1);
	begin(starts[_i]);
	for (i = 0; i < 2 * CAPACITY; i += 1001) {
		skip(1001);
		ck_assert_int_eq(reserve(CAPACITY), RING_OK);
		memcpy(room_at, pattern, CAPACITY);
		ring_commit(&producer, CAPACITY);
		ck_assert_int_eq(peek(), RING_OK);
		ck_assert_uint_eq(bytes, CAPACITY);
		ck_assert_mem_eq(bytes_at, pattern, CAPACITY);
		ring_release(&consumer, CAPACITY);
	}
}
END_TEST

START_TEST(reserve_reloads_only_when_it_must)
{
	begin(starts[_i]);
	ck_assert_int_eq(reserve(1000), RING_OK);
	ring_commit(&producer, 1000);
	ck_assert_int_eq(peek(), RING_OK);
	ring_release(&consumer, 1000);
	ck_assert_int_eq(reserve(1), RING_OK);
	ck_assert_uint_eq(room, CAPACITY - 1000);
	ck_assert_int_eq(reserve(CAPACITY), RING_OK);
	ck_assert_uint_eq(room, CAPACITY);
}
END_TEST

START_TEST(our_own_word_is_never_read_back)
{
	begin(starts[_i]);
	put("abc");
	atomic_store(&head_word, UINT64_C(0x1234567890));
	ck_assert_int_eq(reserve(CAPACITY - 3), RING_OK);
	ck_assert_uint_eq(room, CAPACITY - 3);
	put("d");
	ck_assert_uint_eq(atomic_load(&head_word), starts[_i] + 4);
	ck_assert_int_eq(peek(), RING_OK);
	atomic_store(&tail_word, UINT64_C(0x1234567890));
	ring_release(&consumer, 1);
	ck_assert_uint_eq(atomic_load(&tail_word), starts[_i] + 1);
	ck_assert_int_eq(peek(), RING_OK);
	ck_assert_mem_eq(bytes_at, "bcd", 3);
}
END_TEST

/* A tail seen at 100 with the head at 300: only 100 to 300 are possible. */
START_TEST(impossible_tails)
{
	static const int64_t bad[] = { 99, 301, 0, -1, 100 - 4096, 300 + 4096,
		300 - 4096, INT64_MAX, INT64_MIN, 100 + (INT64_C(1) << 32) };
	static const int64_t good[] = { 100, 101, 299, 300 };
	uint64_t start = starts[_i];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(start);
		skip(100);
		ck_assert_int_eq(ring_queued(&producer, &bytes), RING_OK);
		ck_assert_int_eq(reserve(200), RING_OK);
		ring_commit(&producer, 200);
		atomic_store(&tail_word, start + (uint64_t)bad[i]);
		ck_assert_int_eq(ring_queued(&producer, &bytes), RING_BROKEN);
		ck_assert_int_eq(reserve(CAPACITY), RING_BROKEN);
		/* What was known before still holds. */
		ck_assert_int_eq(reserve(1), RING_OK);
		ck_assert_uint_eq(room, CAPACITY - 200);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		atomic_store(&tail_word, start + (uint64_t)good[i]);
		ck_assert_int_eq(ring_queued(&producer, &bytes), RING_OK);
		ck_assert_uint_eq(bytes, (size_t)(300 - good[i]));
	}
}
END_TEST

/* A head seen at 300 with the tail at 100: 300 to 100 + CAPACITY. */
START_TEST(impossible_heads)
{
	static const int64_t bad[] = { 299, 100 + 4097, 100, 99, 0, -1,
		300 - 4096, 300 + 4096, INT64_MAX, INT64_MIN,
		300 + (INT64_C(1) << 32) };
	static const int64_t good[] = { 300, 301, 100 + 4095, 100 + 4096 };
	uint64_t start = starts[_i];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(start);
		skip(100);
		ck_assert_int_eq(reserve(200), RING_OK);
		ring_commit(&producer, 200);
		ck_assert_int_eq(peek(), RING_OK);
		atomic_store(&head_word, start + (uint64_t)bad[i]);
		ck_assert_int_eq(peek(), RING_BROKEN);
		/* What was peeked before can still be released. */
		ring_release(&consumer, 200);
	}
	begin(start);
	skip(100);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		atomic_store(&head_word, start + (uint64_t)good[i]);
		ck_assert_int_eq(peek(), RING_OK);
		ck_assert_uint_eq(bytes, (size_t)(good[i] - 100));
	}
}
END_TEST

START_TEST(random_walk_keeps_every_byte)
{
	uint64_t written = 0, checked = 0;
	size_t part, i, wrong = 0;
	int step;

	suite_seed();
	begin(starts[_i]);
	for (step = 0; step < 1000; step++) {
		part = 1 + (size_t)random() % CAPACITY;
		if (reserve(part) == RING_OK) {
			for (i = 0; i < part; i++)
				room_at[i] = (uint8_t)((written + i) % 251);
			ring_commit(&producer, part);
			written += part;
		}
		if (peek() != RING_OK)
			continue;
		ck_assert_uint_eq(bytes, written - checked);
		part = (size_t)random() % (bytes + 1);
		for (i = 0; i < part; i++)
			wrong += bytes_at[i] != (checked + i) % 251;
		ring_release(&consumer, part);
		checked += part;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(checked, 4 * CAPACITY);
}
END_TEST

/* An index near what is expected, or anything at all. */
static uint64_t
forged_index(uint64_t near)
{
	int64_t step = (int64_t)(random() % 3 * (int64_t)CAPACITY);

	switch (random() % 4) {
	case 0:
		return near + (uint64_t)(random() % 5 - 2 - step);
	case 1:
		return near + (uint64_t)(random() % (int64_t)CAPACITY);
	case 2:
		return (uint64_t)random() << 33 ^ (uint64_t)random();
	default:
		return near;
	}
}

static bool
inside(const uint8_t *span, size_t length)
{
	return span >= region.data && span < region.data + CAPACITY &&
	    length >= 1 && length <= CAPACITY;
}

START_TEST(a_hostile_consumer)
{
	int step, broken = 0;

	suite_seed();
	begin(starts[_i]);
	for (step = 0; step < 5000; step++) {
		atomic_store(&tail_word, forged_index(producer.tail));
		switch (reserve(1 + (size_t)random() % CAPACITY)) {
		case RING_OK:
			ck_assert(inside(room_at, room));
			memset(room_at, step, room);
			ring_commit(&producer, (size_t)random() % (room + 1));
			break;
		case RING_BROKEN:
			broken++;
			break;
		case RING_FULL:
			break;
		case RING_EMPTY:
			ck_abort_msg("a producer is never told EMPTY");
		}
		ck_assert_uint_le(producer.head - producer.tail, CAPACITY);
	}
	ck_assert_int_gt(broken, 100);
}
END_TEST

START_TEST(a_hostile_producer)
{
	uint8_t copy[CAPACITY];
	int step, broken = 0;

	suite_seed();
	begin(starts[_i]);
	for (step = 0; step < 5000; step++) {
		atomic_store(&head_word, forged_index(consumer.head));
		switch (peek()) {
		case RING_OK:
			ck_assert(inside(bytes_at, bytes));
			memcpy(copy, bytes_at, bytes);
			ring_release(&consumer, (size_t)random() % (bytes + 1));
			break;
		case RING_BROKEN:
			broken++;
			break;
		case RING_EMPTY:
			break;
		case RING_FULL:
			ck_abort_msg("a consumer is never told FULL");
		}
		ck_assert_uint_le(consumer.head - consumer.tail, CAPACITY);
	}
	ck_assert_int_gt(broken, 100);
}
END_TEST

/* Our own bugs end the process. */
START_TEST(misuse_aborts)
{
	begin(0);
	switch (_i) {
	case 0:
		reserve(0);
		break;
	case 1:
		reserve(CAPACITY + 1);
		break;
	case 2:
		ring_commit(&producer, CAPACITY + 1);
		break;
	case 3:
		ring_release(&consumer, 1);
		break;
	case 4:
		ring_producer_init(&producer, region.data, CAPACITY - 1,
		    &head_word, &tail_word, 0);
		break;
	case 5:
		ring_consumer_init(&consumer, region.data, 0, &head_word,
		    &tail_word, 0);
		break;
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("ring");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_new_ring_is_empty, 0, STARTS);
	tcase_add_loop_test(tcase, bytes_go_through, 0, STARTS);
	tcase_add_loop_test(tcase, nothing_is_published_before_commit, 0,
	    STARTS);
	tcase_add_loop_test(tcase, full_is_an_answer, 0, STARTS);
	tcase_add_loop_test(tcase, both_sides_go_on, 0, STARTS);
	tcase_add_loop_test(tcase, every_span_is_contiguous, 0, STARTS);
	tcase_add_loop_test(tcase, reserve_reloads_only_when_it_must, 0,
	    STARTS);
	tcase_add_loop_test(tcase, our_own_word_is_never_read_back, 0, STARTS);
	tcase_add_loop_test(tcase, impossible_tails, 0, STARTS);
	tcase_add_loop_test(tcase, impossible_heads, 0, STARTS);
	tcase_add_loop_test(tcase, random_walk_keeps_every_byte, 0, STARTS);
	tcase_add_loop_test(tcase, a_hostile_consumer, 0, STARTS);
	tcase_add_loop_test(tcase, a_hostile_producer, 0, STARTS);
	tcase_add_loop_test_raise_signal(tcase, misuse_aborts, SIGABRT, 0, 6);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
