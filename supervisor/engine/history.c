/*
 * A record's copies hang on it and on the slots of the paths that have it. The
 * copies of a slot stand in the order of their frames; those taken back come
 * first. Orphans are bits in a map, which keeps them in order for nothing.
 */
#include "supervisor/engine/history.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The tables are sized for frames of this many bytes, on two paths each. */
#define RECORD_BYTES 256
#define RECORD_COPIES 2
#define WORD_BITS 64

static size_t
count_records(size_t bytes)
{
	size_t count = WORD_BITS;

	while (count < bytes / RECORD_BYTES)
		count *= 2;
	return count;
}

int
history_init(struct history *history, size_t bytes)
{
	size_t count;

	memset(history, 0, sizeof(*history));
	for (int slot = 0; slot < HISTORY_SLOTS; slot++)
		TAILQ_INIT(&history->slots[slot]);
	if (bytes < HISTORY_BYTES_MIN || bytes > HISTORY_BYTES_MAX) {
		errno = EINVAL;
		return -1;
	}
	count = count_records(bytes);
	if (arena_init(&history->arena, bytes, count) == -1)
		return -1;
	history->copies_max = count * RECORD_COPIES;
	history->records = calloc(count, sizeof(*history->records));
	history->copies = calloc(history->copies_max, sizeof(*history->copies));
	history->orphan_bits = calloc(count / WORD_BITS, sizeof(uint64_t));
	if (history->records == NULL || history->copies == NULL ||
	    history->orphan_bits == NULL)
		return -1;
	return 0;
}

void
history_free(struct history *history)
{
	arena_free(&history->arena);
	free(history->records);
	free(history->copies);
	free(history->orphan_bits);
	memset(history, 0, sizeof(*history));
}

static struct history_record *
record_at(const struct history *history, uint64_t number)
{
	return &history->records[arena_index(&history->arena, number)];
}

static uint64_t *
orphan_word(const struct history *history, uint64_t number, uint64_t *bit)
{
	*bit = UINT64_C(1) << number % WORD_BITS;
	return &history->orphan_bits[arena_index(&history->arena, number) /
	    WORD_BITS];
}

static bool
is_orphan(const struct history *history, uint64_t number)
{
	uint64_t bit;

	return (*orphan_word(history, number, &bit) & bit) != 0;
}

static void
orphan(struct history *history, uint64_t number)
{
	uint64_t bit, *word = orphan_word(history, number, &bit);

	*word |= bit;
	if (history->orphans++ == 0 || number < history->orphan_from)
		history->orphan_from = number;
}

static void
adopt(struct history *history, uint64_t number)
{
	uint64_t bit, *word = orphan_word(history, number, &bit);

	if ((*word & bit) == 0)
		return;
	*word &= ~bit;
	history->orphans--;
}

/* Of a record that is to go, or from a path that was taken back. */
static void
drop_copy(struct history *history, struct history_copy *copy)
{
	TAILQ_REMOVE(&history->slots[copy->slot], copy, on_slot);
	LIST_REMOVE(copy, of_record);
	LIST_INSERT_HEAD(&history->spare, copy, of_record);
}

static void
release(struct history *history, uint64_t number)
{
	struct history_record *record = record_at(history, number);

	adopt(history, number);
	history->kept -= record->datagrams;
	while (!LIST_EMPTY(&record->copies))
		drop_copy(history, LIST_FIRST(&record->copies));
	arena_release(&history->arena, number);
}

static void
forget_oldest(struct history *history)
{
	uint64_t number = history->arena.oldest;
	uint32_t datagrams = record_at(history, number)->datagrams;

	if (is_orphan(history, number))
		history->lost += datagrams;
	else
		history->forgotten += datagrams;
	release(history, number);
}

uint8_t *
history_reserve(struct history *history, size_t bytes)
{
	uint8_t *plain;

	assert(bytes <= HISTORY_BYTES_MIN);
	while ((plain = arena_reserve(&history->arena, bytes)) == NULL)
		forget_oldest(history);
	return plain;
}

uint64_t
history_commit(struct history *history, size_t length, size_t datagrams)
{
	uint64_t number = arena_commit(&history->arena, length);
	struct history_record *record = record_at(history, number);

	LIST_INIT(&record->copies);
	record->live = 0;
	record->datagrams = (uint32_t)datagrams;
	history->kept += datagrams;
	orphan(history, number);
	return number;
}

static struct history_copy *
find_spare(struct history *history)
{
	struct history_copy *copy = LIST_FIRST(&history->spare);

	if (copy != NULL)
		LIST_REMOVE(copy, of_record);
	else if (history->copies_fresh < history->copies_max)
		copy = &history->copies[history->copies_fresh++];
	return copy;
}

void
history_assign(struct history *history, uint64_t record, uint8_t slot,
    uint64_t frame)
{
	struct history_slot *list = &history->slots[slot];
	struct history_copy *copy;

	/* Room for the copy may cost older records, even this one. */
	do {
		if (!arena_keeps(&history->arena, record))
			return;
		copy = find_spare(history);
		if (copy == NULL)
			forget_oldest(history);
	} while (copy == NULL);
	assert(
	    TAILQ_EMPTY(list) || TAILQ_LAST(list, history_slot)->frame < frame);
	copy->record = record;
	copy->frame = frame;
	copy->slot = slot;
	copy->live = true;
	TAILQ_INSERT_TAIL(list, copy, on_slot);
	LIST_INSERT_HEAD(&record_at(history, record)->copies, copy, of_record);
	record_at(history, record)->live++;
	adopt(history, record);
}

void
history_acknowledge(struct history *history, uint8_t slot, uint64_t frames)
{
	struct history_copy *copy;

	while ((copy = TAILQ_FIRST(&history->slots[slot])) != NULL &&
	    copy->frame <= frames)
		release(history, copy->record);
}

void
history_take_back(struct history *history, uint8_t slot)
{
	struct history_copy *copy;

	/* From the newest: behind one taken back all are. */
	TAILQ_FOREACH_REVERSE(copy, &history->slots[slot], history_slot,
	    on_slot)
	{
		if (!copy->live)
			break;
		copy->live = false;
		if (--record_at(history, copy->record)->live == 0)
			orphan(history, copy->record);
	}
}

void
history_end_path(struct history *history, uint8_t slot)
{
	history_take_back(history, slot);
	while (!TAILQ_EMPTY(&history->slots[slot]))
		drop_copy(history, TAILQ_FIRST(&history->slots[slot]));
}

static uint64_t
find_orphan(struct history *history)
{
	uint64_t number = history->orphan_from, word, bit;

	if (number < history->arena.oldest)
		number = history->arena.oldest;
	/* There is one, so the search ends before it has gone around. */
	for (;;) {
		word = *orphan_word(history, number, &bit) & -bit;
		number -= number % WORD_BITS;
		if (word != 0)
			break;
		number += WORD_BITS;
	}
	history->orphan_from = number + (uint64_t)__builtin_ctzll(word);
	return history->orphan_from;
}

bool
history_next_orphan(struct history *history, struct history_orphan *found)
{
	uint64_t number;

	if (history->orphans == 0)
		return false;
	number = find_orphan(history);
	found->record = number;
	found->plain = arena_piece(&history->arena, number, &found->length);
	found->datagrams = record_at(history, number)->datagrams;
	return true;
}

void
history_drop(struct history *history, uint64_t record)
{
	if (!arena_keeps(&history->arena, record))
		return;
	if (is_orphan(history, record))
		history->lost += record_at(history, record)->datagrams;
	release(history, record);
}
