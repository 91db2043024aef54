#include "supervisor/engine/reorder.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The table is sized for runs of this many bytes. */
#define ITEM_BYTES 128

static int
compare(struct reorder_item *a, struct reorder_item *b)
{
	return (a->run.sequence > b->run.sequence) -
	    (a->run.sequence < b->run.sequence);
}

RB_PROTOTYPE(reorder_tree, reorder_item, by_sequence, compare)
RB_GENERATE(reorder_tree, reorder_item, by_sequence, compare)

int
reorder_init(struct reorder *reorder, uint32_t hold_ms, size_t bytes,
    const struct reorder_sink *sink)
{
	size_t items = 1;

	memset(reorder, 0, sizeof(*reorder));
	RB_INIT(&reorder->tree);
	reorder->sink = *sink;
	reorder->hold_us = (uint64_t)hold_ms * 1000;
	if (hold_ms == 0)
		return 0;
	if (bytes < REORDER_BYTES_MIN || bytes > REORDER_BYTES_MAX) {
		errno = EINVAL;
		return -1;
	}
	while (items < bytes / ITEM_BYTES)
		items *= 2;
	if (arena_init(&reorder->arena, bytes, items) == -1)
		return -1;
	reorder->items = calloc(items, sizeof(*reorder->items));
	return reorder->items == NULL ? -1 : 0;
}

void
reorder_free(struct reorder *reorder)
{
	arena_free(&reorder->arena);
	free(reorder->items);
	memset(reorder, 0, sizeof(*reorder));
}

void
reorder_flush(struct reorder *reorder)
{
	size_t count = reorder->out_count;

	reorder->out_count = 0;
	reorder->out_held = false;
	if (count != 0)
		reorder->sink.deliver(reorder->sink.argument, reorder->out,
		    count);
}

/* Numbers that are lost take the place of a run that has no bytes. */
static bool
is_hole(const struct frame_run *run)
{
	return run->bytes == NULL;
}

static void
emit(struct reorder *reorder, const struct frame_run *run)
{
	if (reorder->out_count == REORDER_BATCH)
		reorder_flush(reorder);
	reorder->out[reorder->out_count++] = *run;
}

static void
skip_to(struct reorder *reorder, uint64_t sequence)
{
	if (sequence <= reorder->next)
		return;
	reorder->skipped += sequence - reorder->next;
	reorder->next = sequence;
}

/* A run that does not lie ahead. */
static void
pass(struct reorder *reorder, const struct frame_run *run)
{
	uint64_t end = run->sequence + run->count;
	uint64_t behind = reorder->next - run->sequence;

	if (is_hole(run)) {
		skip_to(reorder, end);
		return;
	}
	emit(reorder, run);
	reorder->late += behind < run->count ? behind : run->count;
	if (end > reorder->next)
		reorder->next = end;
}

/* Its bytes stay where they are until the arena is written to. */
static void
pass_item(struct reorder *reorder, struct reorder_item *item)
{
	RB_REMOVE(reorder_tree, &reorder->tree, item);
	if (!is_hole(&item->run))
		reorder->holding -= item->run.count;
	pass(reorder, &item->run);
	reorder->out_held = true;
	arena_release(&reorder->arena, item->piece);
}

/* Deliver what is held before the number, then all that follows unbroken. */
static void
give_up(struct reorder *reorder, uint64_t sequence)
{
	struct reorder_item *item;

	while ((item = RB_MIN(reorder_tree, &reorder->tree)) != NULL &&
	    item->run.sequence < sequence) {
		skip_to(reorder, item->run.sequence);
		pass_item(reorder, item);
	}
	skip_to(reorder, sequence);
	while ((item = RB_MIN(reorder_tree, &reorder->tree)) != NULL &&
	    item->run.sequence <= reorder->next)
		pass_item(reorder, item);
}

static struct reorder_item *
item_at(const struct reorder *reorder, uint64_t piece)
{
	return &reorder->items[arena_index(&reorder->arena, piece)];
}

static void
hold(struct reorder *reorder, const struct frame_run *run, uint8_t *bytes,
    uint64_t now_us)
{
	struct reorder_item *item = item_at(reorder, reorder->arena.next);

	item->run = *run;
	if (!is_hole(run))
		item->run.bytes = bytes;
	item->deadline_us = now_us + reorder->hold_us;
	item->piece = reorder->arena.next;
	if (RB_INSERT(reorder_tree, &reorder->tree, item) != NULL) {
		/* It came twice, which is not ours to judge. */
		if (!is_hole(run))
			emit(reorder, run);
		return;
	}
	if (reorder->out_held)
		reorder_flush(reorder);
	if (run->length != 0)
		memcpy(bytes, run->bytes, run->length);
	arena_commit(&reorder->arena, run->length);
	if (is_hole(run))
		return;
	reorder->held += run->count;
	reorder->holding += run->count;
}

bool
reorder_hold(struct reorder *reorder, const struct frame_run *run,
    uint64_t deadline_us)
{
	struct reorder_item key = { .run = *run };
	uint8_t *bytes;

	if (reorder->hold_us == 0 || run->sequence <= reorder->next ||
	    run->length > reorder->arena.capacity ||
	    RB_FIND(reorder_tree, &reorder->tree, &key) != NULL)
		return false;
	bytes = arena_reserve(&reorder->arena, run->length);
	if (bytes == NULL)
		return false;
	hold(reorder, run, bytes, deadline_us - reorder->hold_us);
	return true;
}

void
reorder_add(struct reorder *reorder, const struct frame_run *run,
    uint64_t now_us)
{
	uint8_t *bytes;

	if (reorder->hold_us == 0) {
		emit(reorder, run);
		return;
	}
	assert(run->length <= reorder->arena.capacity);
	while (run->sequence > reorder->next) {
		bytes = arena_reserve(&reorder->arena, run->length);
		if (bytes != NULL) {
			hold(reorder, run, bytes, now_us);
			return;
		}
		/* Room comes back from the oldest arrival on. */
		reorder->crowded++;
		give_up(reorder,
		    item_at(reorder, reorder->arena.oldest)->run.sequence);
	}
	pass(reorder, run);
	give_up(reorder, reorder->next);
}

uint64_t
reorder_deadline_us(const struct reorder *reorder)
{
	if (reorder->hold_us == 0 || arena_is_empty(&reorder->arena))
		return UINT64_MAX;
	return item_at(reorder, reorder->arena.oldest)->deadline_us;
}

void
reorder_expire(struct reorder *reorder, uint64_t now_us)
{
	/* The oldest arrival has the first deadline. */
	while (!arena_is_empty(&reorder->arena) &&
	    reorder_deadline_us(reorder) <= now_us)
		give_up(reorder,
		    item_at(reorder, reorder->arena.oldest)->run.sequence);
	reorder_flush(reorder);
}

void
reorder_lose(struct reorder *reorder, uint64_t sequence, uint64_t count,
    uint64_t now_us)
{
	struct frame_run hole = { .sequence = sequence, .count = count };

	if (reorder->hold_us != 0)
		reorder_add(reorder, &hole, now_us);
	reorder_flush(reorder);
}

void
reorder_skip(struct reorder *reorder, uint64_t sequence)
{
	if (reorder->hold_us != 0)
		give_up(reorder, sequence);
	reorder_flush(reorder);
}
