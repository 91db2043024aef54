#include "supervisor/engine/history.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

#define ARENA HISTORY_BYTES_MIN
#define FRAME_BYTES ((size_t)1000)
#define DATAGRAMS 3

static struct history history;
static uint64_t next_frame[HISTORY_SLOTS];

static void
begin(void)
{
	ck_assert_int_eq(history_init(&history, ARENA), 0);
	for (int slot = 0; slot < HISTORY_SLOTS; slot++)
		next_frame[slot] = 1;
}

static void
end(void)
{
	history_free(&history);
}

static uint8_t
pattern(uint64_t record, size_t i)
{
	return (uint8_t)(record * 31 + i);
}

/* Commit a record of so many bytes that its number can be told from. */
static uint64_t
keep_bytes(size_t length)
{
	uint8_t *plain = history_reserve(&history, length);
	uint64_t record = history.arena.next;

	for (size_t i = 0; i < length; i++)
		plain[i] = pattern(record, i);
	ck_assert_uint_eq(history_commit(&history, length, DATAGRAMS), record);
	return record;
}

static void
assign(uint64_t record, uint8_t slot)
{
	history_assign(&history, record, slot, next_frame[slot]++);
}

static uint64_t
send_on(uint8_t slot)
{
	uint64_t record = keep_bytes(FRAME_BYTES);

	assign(record, slot);
	return record;
}

static void
assert_orphan(uint64_t record)
{
	struct history_orphan orphan;
	size_t i = 0;

	ck_assert(history_next_orphan(&history, &orphan));
	ck_assert_uint_eq(orphan.record, record);
	ck_assert_uint_eq(orphan.datagrams, DATAGRAMS);
	while (i < orphan.length && orphan.plain[i] == pattern(record, i))
		i++;
	ck_assert_uint_eq(i, orphan.length);
}

static void
assert_no_orphan(void)
{
	struct history_orphan orphan;

	ck_assert(!history_next_orphan(&history, &orphan));
}

static void
assert_empty(void)
{
	assert_no_orphan();
	ck_assert(arena_is_empty(&history.arena));
}

START_TEST(test_acknowledged)
{
	uint8_t *first = history_reserve(&history, FRAME_BYTES);

	send_on(0);
	assert_no_orphan();
	history_acknowledge(&history, 1, 1);
	ck_assert(!arena_is_empty(&history.arena));
	history_acknowledge(&history, 0, 1);
	assert_empty();
	/* The room is back at once. */
	ck_assert_ptr_eq(history_reserve(&history, FRAME_BYTES), first);
}
END_TEST

/* PING and PONG have frame numbers and no records. */
START_TEST(test_frames_without_records)
{
	uint64_t second;

	send_on(5);
	next_frame[5] += 3;
	second = send_on(5);
	history_acknowledge(&history, 5, 4);
	history_take_back(&history, 5);
	assert_orphan(second);
	history_acknowledge(&history, 5, 5);
	assert_empty();
}
END_TEST

START_TEST(test_never_taken_by_a_path)
{
	uint64_t record = keep_bytes(FRAME_BYTES);

	assert_orphan(record);
	assign(record, 255);
	assert_no_orphan();
	history_acknowledge(&history, 255, 1);
	assert_empty();
}
END_TEST

START_TEST(test_orphans_in_order)
{
	uint64_t records[200];

	for (unsigned int i = 0; i < 200; i++)
		records[i] = send_on((uint8_t)(i % 3));
	history_take_back(&history, 2);
	assert_orphan(records[2]);
	history_take_back(&history, 0);
	for (unsigned int i = 0; i < 200; i++) {
		if (i % 3 == 1)
			continue;
		assert_orphan(records[i]);
		assert_orphan(records[i]);
		assign(records[i], 1);
	}
	assert_no_orphan();
	ck_assert_uint_eq(history.orphans, 0);
	history_acknowledge(&history, 1, UINT64_MAX);
	assert_empty();
}
END_TEST

START_TEST(test_stalled_path_comes_back)
{
	uint64_t first = send_on(0), second = send_on(0), third;

	history_take_back(&history, 0);
	assert_orphan(first);
	assign(first, 1);
	/* Both had arrived: one was sent again, one need not be. */
	history_acknowledge(&history, 0, 2);
	assert_empty();
	assign(second, 1);
	history_acknowledge(&history, 1, 1);
	assert_empty();
	/* It stalls once more: only what is new is taken back. */
	third = send_on(0);
	history_take_back(&history, 0);
	assert_orphan(third);
	assign(third, 0);
	history_take_back(&history, 0);
	assert_orphan(third);
	assign(third, 1);
	history_take_back(&history, 0);
	assert_no_orphan();
}
END_TEST

START_TEST(test_several_copies)
{
	uint64_t first = send_on(0), second;

	assign(first, 1);
	second = send_on(0);
	assign(second, 1);
	history_acknowledge(&history, 1, 1);
	ck_assert(!arena_keeps(&history.arena, first));
	history_take_back(&history, 1);
	assert_no_orphan();
	history_take_back(&history, 0);
	assert_orphan(second);
	history_acknowledge(&history, 0, 2);
	assert_empty();
}
END_TEST

/* A new connection in the same slot numbers its frames from 1. */
START_TEST(test_ended_path)
{
	uint64_t old = send_on(0), other = send_on(0), young;

	assign(other, 1);
	history_take_back(&history, 0);
	history_end_path(&history, 0);
	next_frame[0] = 1;
	young = send_on(0);
	assert_orphan(old);
	history_acknowledge(&history, 0, 1);
	ck_assert(!arena_keeps(&history.arena, young));
	ck_assert(arena_keeps(&history.arena, other));
	assert_orphan(old);
	history_drop(&history, old);
	ck_assert_uint_eq(history.lost, DATAGRAMS);
	history_acknowledge(&history, 1, 1);
	assert_empty();
}
END_TEST

/* Sending goes on; the oldest is forgotten, on a path or an orphan. */
START_TEST(test_full)
{
	uint64_t orphan = send_on(0), oldest = send_on(1), record = 0;

	history_take_back(&history, 0);
	while (arena_keeps(&history.arena, orphan))
		record = send_on(1);
	ck_assert_uint_eq(record, ARENA / FRAME_BYTES);
	ck_assert_uint_eq(history.lost, DATAGRAMS);
	ck_assert_uint_eq(history.forgotten, 0);
	assert_no_orphan();
	send_on(1);
	ck_assert(!arena_keeps(&history.arena, oldest));
	ck_assert_uint_eq(history.forgotten, DATAGRAMS);
	/* A number from before is harmless. */
	assign(oldest, 2);
	ck_assert(TAILQ_EMPTY(&history.slots[2]));
	history_drop(&history, oldest);
	assert_no_orphan();
	history_acknowledge(&history, 1, UINT64_MAX);
	assert_empty();
}
END_TEST

/* One that is not acknowledged holds up the room, not the sending. */
START_TEST(test_freed_in_any_order)
{
	uint64_t stuck = send_on(0);

	for (int i = 0; i < 10000; i++) {
		send_on(1);
		history_acknowledge(&history, 1, next_frame[1] - 1);
	}
	ck_assert(!arena_keeps(&history.arena, stuck));
	ck_assert_uint_eq(history.forgotten, DATAGRAMS);
	assert_empty();
	/* Places in the tables are as good as new. */
	stuck = send_on(0);
	history_take_back(&history, 0);
	assert_orphan(stuck);
}
END_TEST

/* An orphan where one stood before, while others are older. */
START_TEST(test_orphans_around_the_table)
{
	uint64_t records = history.arena.pieces_max, old, young;

	keep_bytes(13);
	while (history.arena.next < records - 1)
		assign(keep_bytes(13), 0);
	old = keep_bytes(13);
	history_drop(&history, 0);
	history_acknowledge(&history, 0, next_frame[0] / 2);
	young = keep_bytes(13);
	ck_assert_uint_eq(young, records);
	assert_orphan(old);
	history_drop(&history, old);
	assert_orphan(young);
}
END_TEST

START_TEST(test_many_small_records)
{
	size_t records = 0;

	while (history.forgotten == 0) {
		assign(keep_bytes(13), 0);
		records++;
	}
	ck_assert_uint_eq(records, history.arena.pieces_max + 1);
	history_take_back(&history, 0);
	for (uint64_t record = 1; record < records; record++) {
		assert_orphan(record);
		assign(record, 1);
	}
	assert_no_orphan();
}
END_TEST

START_TEST(test_too_many_copies)
{
	size_t records = history.arena.pieces_max;

	for (size_t i = 0; i < records; i++) {
		uint64_t record = keep_bytes(13);

		for (uint8_t slot = 0; slot < 8; slot++)
			assign(record, slot);
		ck_assert(arena_keeps(&history.arena, record));
	}
	ck_assert_uint_eq(history.forgotten,
	    DATAGRAMS * (records - history.copies_max / 8));
	history_acknowledge(&history, 3, UINT64_MAX);
	assert_empty();
}
END_TEST

/* Even a single record may not have all copies and one more. */
START_TEST(test_copies_of_one_record)
{
	uint64_t record = keep_bytes(FRAME_BYTES);

	while (arena_keeps(&history.arena, record))
		assign(record, 0);
	ck_assert_uint_eq(next_frame[0], history.copies_max + 2);
	assert_empty();
	send_on(0);
	history_acknowledge(&history, 0, UINT64_MAX);
	assert_empty();
}
END_TEST

START_TEST(test_sizes)
{
	struct history none;

	memset(&none, 0, sizeof(none));
	history_free(&none);
	errno = 0;
	ck_assert_int_eq(history_init(&none, HISTORY_BYTES_MIN - 1), -1);
	ck_assert_int_eq(errno, EINVAL);
	history_free(&none);
	ck_assert_int_eq(history_init(&none, HISTORY_BYTES_MAX + 1), -1);
	ck_assert_int_eq(history_init(&none, HISTORY_BYTES_DEFAULT), 0);
	ck_assert_ptr_nonnull(history_reserve(&none, 65519));
	history_free(&none);
}
END_TEST

/*
 * The naive one: every record ever, with a list of where it is. What is
 * forgotten is not predicted but must be the oldest, and for want of room.
 */
#define MODEL_RECORDS 3000
#define MODEL_COPIES 16
#define MODEL_SLOTS 5
#define MODEL_FRAME_MAX 20000

struct model_record {
	bool kept;
	bool orphan;
	size_t length;
	unsigned int copies;
	struct {
		uint8_t slot;
		uint64_t frame;
		bool live;
	} copy[MODEL_COPIES];
};

static struct model_record model[MODEL_RECORDS];
static size_t model_count;
static uint64_t model_gone; /* datagrams */

static void
model_assign(uint64_t number, uint8_t slot)
{
	struct model_record *record = &model[number];

	if (record->copies == MODEL_COPIES)
		return;
	record->copy[record->copies].slot = slot;
	record->copy[record->copies].frame = next_frame[slot];
	record->copy[record->copies++].live = true;
	record->orphan = false;
	assign(number, slot);
}

static void
model_forget(size_t wanted)
{
	uint64_t gone = history.forgotten + history.lost;
	size_t oldest = 0, span = wanted;

	for (; model_gone < gone; model_gone += DATAGRAMS) {
		while (oldest < model_count && !model[oldest].kept)
			oldest++;
		ck_assert_uint_lt(oldest, model_count);
		for (size_t i = oldest; i < model_count; i++)
			span += model[i].length;
		ck_assert_uint_gt(span + MODEL_FRAME_MAX, ARENA);
		model[oldest].kept = model[oldest].orphan = false;
		span = wanted;
	}
	ck_assert_uint_eq(model_gone, gone);
}

static void
model_send(void)
{
	struct model_record *record = &model[model_count];
	unsigned int copies = (unsigned int)lrand48() % 3;

	memset(record, 0, sizeof(*record));
	record->length = 9 + (size_t)lrand48() % (MODEL_FRAME_MAX - 9);
	ck_assert_uint_eq(keep_bytes(record->length), model_count);
	model_forget(record->length);
	record->kept = record->orphan = true;
	for (unsigned int i = 0; i < copies; i++)
		model_assign(model_count, (uint8_t)(lrand48() % MODEL_SLOTS));
	model_count++;
}

static void
model_acknowledge(uint8_t slot)
{
	uint64_t frames = (uint64_t)lrand48() % next_frame[slot];

	history_acknowledge(&history, slot, frames);
	for (size_t i = 0; i < model_count; i++)
		for (unsigned int k = 0; k < model[i].copies; k++)
			if (model[i].copy[k].slot == slot &&
			    model[i].copy[k].frame <= frames)
				model[i].kept = model[i].orphan = false;
}

static void
model_take_back(uint8_t slot, bool ended)
{
	struct model_record *record;
	bool had, live;

	for (record = model; record < model + model_count; record++) {
		had = live = false;
		for (unsigned int k = 0; k < record->copies; k++) {
			had |= record->copy[k].live;
			if (record->copy[k].slot == slot) {
				record->copy[k].live = false;
				if (ended)
					record->copy[k].frame = UINT64_MAX;
			}
			live |= record->copy[k].live;
		}
		if (record->kept && had && !live)
			record->orphan = true;
	}
	if (!ended) {
		history_take_back(&history, slot);
		return;
	}
	history_end_path(&history, slot);
	next_frame[slot] = 1;
}

static void
model_compare(void)
{
	size_t first = model_count, orphans = 0, wrong = 0;

	for (size_t i = model_count; i-- > 0;) {
		wrong += arena_keeps(&history.arena, i) != model[i].kept;
		if (model[i].orphan) {
			orphans++;
			first = i;
		}
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(history.orphans, orphans);
	if (orphans == 0)
		assert_no_orphan();
	else
		assert_orphan(first);
}

static void
model_step(void)
{
	struct history_orphan orphan;
	uint8_t slot = (uint8_t)(lrand48() % MODEL_SLOTS);

	switch (lrand48() % 16) {
	case 0:
		model_take_back(slot, false);
		break;
	case 1:
		model_take_back(slot, true);
		break;
	case 2:
	case 3:
		model_acknowledge(slot);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
		if (history_next_orphan(&history, &orphan))
			model_assign(orphan.record, slot);
		break;
	default:
		model_send();
		break;
	}
}

START_TEST(test_model)
{
	suite_seed();
	model_count = 0;
	model_gone = 0;
	while (model_count < 400) {
		model_step();
		model_compare();
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("history");
	TCase *tcase = tcase_create("history");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, test_acknowledged);
	tcase_add_test(tcase, test_frames_without_records);
	tcase_add_test(tcase, test_never_taken_by_a_path);
	tcase_add_test(tcase, test_orphans_in_order);
	tcase_add_test(tcase, test_stalled_path_comes_back);
	tcase_add_test(tcase, test_several_copies);
	tcase_add_test(tcase, test_ended_path);
	tcase_add_test(tcase, test_full);
	tcase_add_test(tcase, test_freed_in_any_order);
	tcase_add_test(tcase, test_orphans_around_the_table);
	tcase_add_test(tcase, test_many_small_records);
	tcase_add_test(tcase, test_too_many_copies);
	tcase_add_test(tcase, test_copies_of_one_record);
	tcase_add_test(tcase, test_sizes);
	tcase_add_loop_test(tcase, test_model, 0, 5);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
