/*
 * What is held until those before it come. It is read in the order in which it
 * arrived, so that the deadlines ascend as they did.
 */
#include "supervisor/engine/leave.h"
#include "supervisor/engine/reorder.h"
#include "supervisor/state.h"

static size_t
count_held(const struct reorder *reorder)
{
	const struct arena *arena = &reorder->arena;
	size_t count = 0;

	for (uint64_t piece = arena->oldest; piece < arena->next; piece++)
		count += arena_keeps(arena, piece);
	return count;
}

static void
leave_run(struct state *state, struct frame_run *run, uint64_t *deadline_us)
{
	bool hole = state->way != STATE_READ && run->bytes == NULL;

	STATE_NUMBER(state, run->sequence);
	STATE_NUMBER(state, run->segment);
	STATE_NUMBER(state, run->count);
	STATE_NUMBER(state, run->client);
	STATE_NUMBER(state, *deadline_us);
	state_flag(state, &hole);
	run->length = state_count(state, run->length, FRAME_PLAIN_MAX);
	if (state->way == STATE_READ)
		run->bytes = hole ? NULL : state_span(state, run->length);
	else if (!hole)
		state_bytes(state, (void *)(uintptr_t)run->bytes, run->length);
}

static void
write_held(struct state *state, struct reorder *reorder)
{
	struct arena *arena = &reorder->arena;
	struct reorder_item *item;

	for (uint64_t piece = arena->oldest; piece < arena->next; piece++) {
		if (!arena_keeps(arena, piece))
			continue;
		item = &reorder->items[arena_index(arena, piece)];
		leave_run(state, &item->run, &item->deadline_us);
	}
}

static bool
is_possible(const struct frame_run *run)
{
	if (run->count == 0 || run->count > UINT64_MAX - run->sequence)
		return false;
	/* Numbers that were given up: there may be any number of them. */
	if (run->bytes == NULL)
		return run->length == 0;
	if (run->count > FRAME_DATAGRAMS_MAX || run->segment > FRAME_PLAIN_MAX)
		return false;
	if (run->segment == 0)
		return run->length == 0;
	return run->length <= run->count * run->segment &&
	    run->length > (run->count - 1) * run->segment;
}

static void
read_held(struct state *state, struct reorder *reorder, size_t count)
{
	struct frame_run run;
	uint64_t deadline_us;

	for (size_t i = 0; i < count && !state->broken; i++) {
		leave_run(state, &run, &deadline_us);
		if (state->broken || !is_possible(&run) ||
		    !reorder_hold(reorder, &run, deadline_us))
			state_break(state);
	}
}

void
leave_reorder(struct state *state, struct reorder *reorder)
{
	size_t count;

	STATE_NUMBER(state, reorder->next);
	count = state_count(state, count_held(reorder),
	    reorder->arena.pieces_max);
	if (state->way == STATE_READ)
		read_held(state, reorder, count);
	else
		write_held(state, reorder);
	/* Afterwards: what was read was not held anew. */
	STATE_NUMBER(state, reorder->held);
	STATE_NUMBER(state, reorder->skipped);
	STATE_NUMBER(state, reorder->late);
	STATE_NUMBER(state, reorder->crowded);
}
