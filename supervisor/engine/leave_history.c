/*
 * What may have to be sent again. Records keep their numbers, and with them
 * their order; a record that was released among others leaves an empty piece.
 */
#include "supervisor/engine/history.h"
#include "supervisor/engine/leave.h"
#include "supervisor/state.h"

static void
write_record(struct state *state, struct history *history, uint64_t number)
{
	struct arena *arena = &history->arena;
	bool kept = arena_keeps(arena, number);
	uint32_t datagrams;
	size_t length;
	uint8_t *bytes;

	state_flag(state, &kept);
	if (!kept)
		return;
	bytes = arena_piece(arena, number, &length);
	datagrams = history->records[arena_index(arena, number)].datagrams;
	STATE_NUMBER(state, datagrams);
	length = state_count(state, length, HISTORY_BYTES_MIN);
	state_bytes(state, bytes, length);
}

static void
read_record(struct state *state, struct history *history)
{
	uint32_t datagrams;
	size_t length;
	uint8_t *bytes;
	bool kept = false;

	state_flag(state, &kept);
	if (!kept) {
		history_reserve(history, 0);
		history_drop(history, history_commit(history, 0, 0));
		return;
	}
	STATE_NUMBER(state, datagrams);
	length = state_count(state, 0, HISTORY_BYTES_MIN);
	bytes = history_reserve(history, length);
	state_bytes(state, bytes, length);
	history_commit(history, length, datagrams);
}

static void
leave_records(struct state *state, struct history *history)
{
	struct arena *arena = &history->arena;
	uint64_t oldest = arena->oldest;
	size_t count;

	STATE_NUMBER(state, oldest);
	count = state_count(state, (size_t)(arena->next - arena->oldest),
	    arena->pieces_max);
	/* Numbers ascend for good: an honest one is far from the end. */
	if (oldest > UINT64_MAX / 2)
		state_break(state);
	if (state->way == STATE_READ && !state->broken)
		arena->oldest = arena->next = oldest;
	for (size_t i = 0; i < count && !state->broken; i++) {
		if (state->way == STATE_READ)
			read_record(state, history);
		else
			write_record(state, history, oldest + i);
	}
}

static size_t
count_copies(const struct history_slot *slot)
{
	const struct history_copy *copy;
	size_t count = 0;

	TAILQ_FOREACH(copy, slot, on_slot)
		count++;
	return count;
}

static void
write_copies(struct state *state, const struct history_slot *slot)
{
	struct history_copy *copy;

	TAILQ_FOREACH(copy, slot, on_slot) {
		STATE_NUMBER(state, copy->record);
		STATE_NUMBER(state, copy->frame);
		state_flag(state, &copy->live);
	}
}

/* Those that were taken back come first. */
static void
read_copies(struct state *state, struct history *history, uint8_t slot,
    size_t count)
{
	uint64_t record, frame, last = 0;
	bool live, was_live = false;

	for (size_t i = 0; i < count; i++) {
		live = false;
		STATE_NUMBER(state, record);
		STATE_NUMBER(state, frame);
		state_flag(state, &live);
		if (frame <= last || (was_live && !live) ||
		    !arena_keeps(&history->arena, record))
			state_break(state);
		if (state->broken)
			return;
		if (live && !was_live)
			history_take_back(history, slot);
		history_assign(history, record, slot, frame);
		last = frame;
		was_live = live;
	}
	if (!was_live)
		history_take_back(history, slot);
}

static size_t
count_slots(const struct history *history)
{
	size_t count = 0;

	for (int slot = 0; slot < HISTORY_SLOTS; slot++)
		count += !TAILQ_EMPTY(&history->slots[slot]);
	return count;
}

static void
write_slot(struct state *state, struct history *history, uint8_t slot)
{
	const struct history_slot *copies = &history->slots[slot];

	if (TAILQ_EMPTY(copies))
		return;
	STATE_NUMBER(state, slot);
	state_count(state, count_copies(copies), history->copies_max);
	write_copies(state, copies);
}

static void
write_slots(struct state *state, struct history *history)
{
	state_count(state, count_slots(history), HISTORY_SLOTS);
	for (int slot = 0; slot < HISTORY_SLOTS; slot++)
		write_slot(state, history, (uint8_t)slot);
}

static void
read_slots(struct state *state, struct history *history)
{
	size_t count = state_count(state, 0, HISTORY_SLOTS), copies;
	uint8_t slot;

	for (size_t i = 0; i < count && !state->broken; i++) {
		STATE_NUMBER(state, slot);
		copies = state_count(state, 0, history->copies_max);
		if (!TAILQ_EMPTY(&history->slots[slot]))
			state_break(state);
		else
			read_copies(state, history, slot, copies);
	}
}

void
leave_history(struct state *state, struct history *history)
{
	STATE_NUMBER(state, history->forgotten);
	STATE_NUMBER(state, history->lost);
	leave_records(state, history);
	if (state->way == STATE_READ)
		read_slots(state, history);
	else
		write_slots(state, history);
}
