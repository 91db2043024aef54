/* What crosses in an upgrade: it comes out as it went in, or is refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "supervisor/engine/arrival.h"
#include "supervisor/engine/history.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/reorder.h"
#include "supervisor/state.h"
#include "tests/suite.h"

#define BYTES_MAX ((size_t)4 << 20)
#define RUNS 400
#define LATE 6000

static uint8_t bytes[BYTES_MAX], again[BYTES_MAX];

struct engine_parts {
	struct history history;
	struct arrival arrival;
	struct reorder reorder;
};

static void
drop(void *argument, const struct frame_run *runs, size_t count)
{
	(void)argument;
	(void)runs;
	(void)count;
}

static void
set_up(struct engine_parts *parts)
{
	const struct reorder_sink sink = { drop, NULL };

	ck_assert_int_eq(history_init(&parts->history, HISTORY_BYTES_MIN), 0);
	ck_assert_int_eq(arrival_init(&parts->arrival), 0);
	ck_assert_int_eq(reorder_init(&parts->reorder, 100, REORDER_BYTES_MIN,
			     &sink),
	    0);
}

static void
tear_down(struct engine_parts *parts)
{
	history_free(&parts->history);
	arrival_free(&parts->arrival);
	reorder_free(&parts->reorder);
}

static void
describe(struct state *state, struct engine_parts *parts)
{
	state_begin(state);
	leave_history(state, &parts->history);
	leave_arrival(state, &parts->arrival);
	leave_reorder(state, &parts->reorder);
	state_end(state);
}

/* Written into buffer; its size. */
static size_t
write_parts(struct engine_parts *parts, uint8_t *buffer)
{
	struct state measured = { .way = STATE_MEASURE }, state;

	describe(&measured, parts);
	ck_assert_uint_le(measured.at, BYTES_MAX);
	state = (struct state){ .way = STATE_WRITE,
		.bytes = buffer,
		.size = measured.at };
	describe(&state, parts);
	ck_assert(!state.broken);
	return state.at;
}

static bool
read_parts(struct engine_parts *parts, uint8_t *buffer, size_t size)
{
	struct state state = { .way = STATE_READ,
		.bytes = buffer,
		.size = size };

	describe(&state, parts);
	return !state.broken;
}

/* Records on two paths, one of them stalled, some acknowledged; gaps. */
static void
fill(struct engine_parts *parts)
{
	struct frame_run run, fresh;
	uint8_t text[64];

	for (uint64_t i = 1; i <= 60; i++) {
		memset(history_reserve(&parts->history, 50), (int)i, 50);
		history_assign(&parts->history,
		    history_commit(&parts->history, 50, 2), (uint8_t)(i % 2),
		    i);
		if (i == 30)
			history_take_back(&parts->history, 0);
		if (i == 40)
			history_acknowledge(&parts->history, 1, 21);
		memset(text, (int)i, sizeof(text));
		run = (struct frame_run){ .sequence = 2000000 + i * 3,
			.bytes = text,
			.length = sizeof(text),
			.segment = 32,
			.count = 2 };
		while (arrival_accept(&parts->arrival, &run, &fresh))
			reorder_add(&parts->reorder, &fresh, 1000 + i);
	}
}

START_TEST(what_went_in_comes_out)
{
	struct engine_parts old, new;
	struct history_orphan a, b;
	size_t size;

	set_up(&old);
	set_up(&new);
	fill(&old);
	size = write_parts(&old, bytes);
	ck_assert(read_parts(&new, bytes, size));
	ck_assert_uint_eq(write_parts(&new, again), size);
	ck_assert_mem_eq(again, bytes, size);
	ck_assert_uint_eq(new.history.orphans, old.history.orphans);
	ck_assert_uint_gt(old.history.orphans, 0);
	while (history_next_orphan(&old.history, &a)) {
		ck_assert(history_next_orphan(&new.history, &b));
		ck_assert_uint_eq(a.record, b.record);
		ck_assert_uint_eq(a.length, b.length);
		ck_assert_mem_eq(a.plain, b.plain, a.length);
		history_drop(&old.history, a.record);
		history_drop(&new.history, b.record);
	}
	ck_assert_uint_gt(old.reorder.held, 0);
	ck_assert_uint_eq(reorder_deadline_us(&new.reorder),
	    reorder_deadline_us(&old.reorder));
	tear_down(&old);
	tear_down(&new);
}
END_TEST

/*
 * Pieces of the window where none, some and all were seen; few gaps and many.
 */
START_TEST(what_was_seen_is_known)
{
	struct frame_run run = { .sequence = 3000000, .count = 20000 }, fresh;
	struct engine_parts old, new;
	size_t few, many;

	set_up(&old);
	set_up(&new);
	few = write_parts(&old, bytes);
	fill(&old);
	while (arrival_accept(&old.arrival, &run, &fresh))
		continue;
	ck_assert(read_parts(&new, bytes, write_parts(&old, bytes)));
	ck_assert_mem_eq(new.arrival.seen, old.arrival.seen,
	    ARRIVAL_WINDOW / 8);
	ck_assert_mem_eq(new.arrival.gaps, old.arrival.gaps,
	    sizeof(old.arrival.gaps));
	tear_down(&new);
	set_up(&new);
	for (run.sequence = 3100000; run.sequence < 3110000;) {
		run.count = 1;
		run.sequence += 2;
		ck_assert(arrival_accept(&old.arrival, &run, &fresh));
	}
	many = write_parts(&old, bytes);
	ck_assert(read_parts(&new, bytes, many));
	ck_assert_mem_eq(new.arrival.seen, old.arrival.seen,
	    ARRIVAL_WINDOW / 8);
	ck_assert_mem_eq(new.arrival.gaps, old.arrival.gaps,
	    sizeof(old.arrival.gaps));
	ck_assert_uint_lt(few, 4000);
	ck_assert_uint_gt(many, sizeof(old.arrival.gaps));
	tear_down(&old);
	tear_down(&new);
}
END_TEST

/*
 * What was seen lies anywhere in the window, around its seam too, and only that
 * is written; numbers may be the last there are.
 */
START_TEST(windows_cross_wherever_they_are)
{
	static const uint64_t begins[] = { 1, 5000, ARRIVAL_WINDOW - 300,
		3 * ARRIVAL_WINDOW - 1, UINT64_MAX - 100000 };
	static const size_t counts[] = { 1, 700, ARRIVAL_WINDOW + 5 };
	struct frame_run run, fresh;
	struct engine_parts old, new;
	size_t size;

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]);
		     j++) {
			set_up(&old);
			set_up(&new);
			run = (struct frame_run){ .sequence = begins[i],
				.count = counts[j] };
			if (run.count > UINT64_MAX - run.sequence)
				run.count = UINT64_MAX - run.sequence;
			while (arrival_accept(&old.arrival, &run, &fresh))
				continue;
			/* One that comes late, from before the first. */
			run.sequence = begins[i] > LATE ? begins[i] - LATE : 0;
			run.count = 1;
			arrival_accept(&old.arrival, &run, &fresh);
			size = write_parts(&old, bytes);
			ck_assert_uint_lt(size, 6000);
			ck_assert(read_parts(&new, bytes, size));
			ck_assert_mem_eq(new.arrival.seen, old.arrival.seen,
			    ARRIVAL_WINDOW / 8);
			ck_assert_uint_eq(write_parts(&new, again), size);
			ck_assert_mem_eq(again, bytes, size);
			tear_down(&old);
			tear_down(&new);
		}
}
END_TEST

/* Room is made before it is known how much is needed; nothing is left over. */
START_TEST(there_may_be_more_room_than_is_needed)
{
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = BYTES_MAX };
	struct engine_parts parts;
	size_t size;

	set_up(&parts);
	fill(&parts);
	size = write_parts(&parts, again);
	describe(&state, &parts);
	ck_assert(!state.broken);
	ck_assert_uint_eq(state.at, size);
	ck_assert_mem_eq(bytes, again, size);
	tear_down(&parts);
	set_up(&parts);
	ck_assert(!read_parts(&parts, bytes, size + 1));
	tear_down(&parts);
	set_up(&parts);
	ck_assert(read_parts(&parts, bytes, size));
	tear_down(&parts);
}
END_TEST

START_TEST(another_version_is_refused)
{
	struct engine_parts parts;
	size_t size;

	set_up(&parts);
	size = write_parts(&parts, bytes);
	bytes[4] ^= 1;
	ck_assert(!read_parts(&parts, bytes, size));
	tear_down(&parts);
}
END_TEST

/* Cut off, or with some bytes changed: refused or taken, never a crash. */
START_TEST(damage_does_no_harm)
{
	struct engine_parts old, new;
	unsigned int seed = arc4random();
	size_t size, cut;

	fprintf(stderr, "seed %u\n", seed);
	srandom(seed);
	set_up(&old);
	fill(&old);
	size = write_parts(&old, bytes);
	for (int i = 0; i < RUNS; i++) {
		memcpy(again, bytes, size);
		cut = i % 4 == 0 ? (size_t)random() % size : size;
		for (int j = 0; i % 4 != 0 && j < i % 4; j++)
			again[(size_t)random() % (i % 2 == 0 ? size : 4096)] ^=
			    (uint8_t)(1 << random() % 8);
		set_up(&new);
		ck_assert(!read_parts(&new, again, cut) || cut == size);
		reorder_expire(&new.reorder, UINT64_MAX);
		history_end_path(&new.history, 0);
		tear_down(&new);
	}
	tear_down(&old);
}
END_TEST

/* A record's number never comes again, so it has room to go on. */
START_TEST(numbers_at_their_end_are_refused)
{
	const size_t oldest_at = 24; /* behind the head and two counters */
	uint64_t oldest = UINT64_MAX - 1;
	struct engine_parts old, new;
	size_t size;

	set_up(&old);
	set_up(&new);
	for (int i = 0; i < 3; i++) {
		history_reserve(&old.history, 5);
		history_commit(&old.history, 5, 1);
	}
	size = write_parts(&old, bytes);
	memcpy(bytes + oldest_at, &oldest, sizeof(oldest));
	ck_assert(!read_parts(&new, bytes, size));
	tear_down(&old);
	tear_down(&new);
}
END_TEST

START_TEST(a_cipher_goes_on_across_its_rekey)
{
	static const uint8_t key[NOISE_KEY_BYTES] = { 1, 2, 3 };
	struct noise_cipher *tx, *rx, *heir;
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = sizeof(bytes) };
	uint8_t sealed[32], plain[32];

	ck_assert_int_eq(noise_init(), 0);
	tx = noise_cipher_new();
	rx = noise_cipher_new();
	heir = noise_cipher_new();
	ck_assert(noise_cipher_set_key(tx, key));
	ck_assert(noise_cipher_set_key(rx, key));
	for (uint64_t i = 0; i < NOISE_REKEY_FRAMES + 7; i++) {
		ck_assert_int_eq(noise_seal(tx, key, 5, sealed), 0);
		ck_assert_int_eq(noise_open(rx, sealed, 21, plain), 0);
	}
	noise_cipher_state(&state, tx);
	state = (struct state){ .way = STATE_READ,
		.bytes = bytes,
		.size = state.at };
	noise_cipher_state(&state, heir);
	ck_assert(!state.broken);
	ck_assert_int_eq(noise_seal(heir, key, 5, sealed), 0);
	ck_assert_int_eq(noise_open(rx, sealed, 21, plain), 0);
	noise_cipher_free(tx);
	noise_cipher_free(rx);
	noise_cipher_free(heir);
}
END_TEST

START_TEST(texts_counts_and_descriptors_are_checked)
{
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = sizeof(bytes) };
	char text[8] = "seven77", small[4];
	int fd = 5, fds[1] = { -1 };

	state.fds = fds;
	state.fds_count = 1;
	state_text(&state, text, sizeof(text));
	state_fd(&state, &fd);
	ck_assert_int_eq(fds[0], 5);
	state.way = STATE_READ;
	state.at = state.fds_at = 0;
	state_text(&state, small, sizeof(small));
	ck_assert(state.broken);
	ck_assert_str_eq(small, "");
	state.at = state.fds_at = 0;
	state.broken = false;
	state_text(&state, text, sizeof(text));
	ck_assert_str_eq(text, "seven77");
	state_fd(&state, &fd);
	ck_assert_int_eq(fd, 5);
	ck_assert_int_eq(fds[0], -1);
	state_fd(&state, &fd);
	ck_assert_int_eq(fd, -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("state");
	TCase *t = tcase_create("state");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_went_in_comes_out);
	tcase_add_test(t, what_was_seen_is_known);
	tcase_add_test(t, windows_cross_wherever_they_are);
	tcase_add_test(t, there_may_be_more_room_than_is_needed);
	tcase_add_test(t, another_version_is_refused);
	tcase_add_test(t, damage_does_no_harm);
	tcase_add_test(t, numbers_at_their_end_are_refused);
	tcase_add_test(t, a_cipher_goes_on_across_its_rekey);
	tcase_add_test(t, texts_counts_and_descriptors_are_checked);
	suite_add_tcase(s, t);
	return suite_run(s);
}
