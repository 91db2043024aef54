#include "supervisor/engine/arrival.h"

#include <sys/mman.h>

#include <string.h>

#include "supervisor/engine/frame.h"

#define WORD_BITS 64
#define SEEN_BYTES (ARRIVAL_WINDOW / 8)

/* A range of sequence numbers within one word of the window. */
struct part {
	uint64_t *word;
	uint64_t mask;
	size_t count;
};

int
arrival_init(struct arrival *arrival)
{
	void *seen = mmap(NULL, SEEN_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(arrival, 0, sizeof(*arrival));
	if (seen == MAP_FAILED)
		return -1;
	/* calloc(3) may clear it all, and a quiet tunnel is to cost little. */
	arrival->seen = seen;
	arrival->lowest = UINT64_MAX;
	return 0;
}

void
arrival_free(struct arrival *arrival)
{
	if (arrival->seen != NULL)
		munmap(arrival->seen, SEEN_BYTES);
	memset(arrival, 0, sizeof(*arrival));
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* As much of the range as its first word has. */
static struct part
first_part(const struct arrival *arrival, uint64_t sequence, size_t count)
{
	size_t bit = sequence % WORD_BITS;
	struct part part;

	part.word = &arrival->seen[sequence % ARRIVAL_WINDOW / WORD_BITS];
	part.count = least(WORD_BITS - bit, count);
	part.mask = (~UINT64_C(0) >> (WORD_BITS - part.count)) << bit;
	return part;
}

static void
mark(struct arrival *arrival, uint64_t sequence, size_t count)
{
	struct part part;

	if (sequence < arrival->lowest)
		arrival->lowest = sequence;
	for (; count > 0; sequence += part.count, count -= part.count) {
		part = first_part(arrival, sequence, count);
		*part.word |= part.mask;
	}
}

/*
 * How many at the front of the range lie in words without a mark. That is all
 * that a hostile peer's jumps find, so it is to be quick.
 */
static size_t
skip_unmarked(const struct arrival *arrival, uint64_t sequence, size_t count)
{
	size_t place = sequence % ARRIVAL_WINDOW;
	const uint64_t *word = &arrival->seen[place / WORD_BITS];
	const uint64_t *end = word +
	    least(count, ARRIVAL_WINDOW - place) / WORD_BITS;
	const uint64_t *at = word;

	if (place % WORD_BITS != 0)
		return 0;
	while (at < end && *at == 0)
		at++;
	return (size_t)(at - word) * WORD_BITS;
}

/* Clear the range; returns how many were not marked. */
static uint64_t
clear(struct arrival *arrival, uint64_t sequence, size_t count)
{
	struct part part;
	uint64_t missing = count;
	size_t skipped;

	while (count > 0) {
		skipped = skip_unmarked(arrival, sequence, count);
		sequence += skipped;
		count -= skipped;
		if (count == 0)
			break;
		part = first_part(arrival, sequence, count);
		missing -= (uint64_t)__builtin_popcountll(
		    *part.word & part.mask);
		*part.word &= ~part.mask;
		sequence += part.count;
		count -= part.count;
	}
	return missing;
}

/* Move the window up to end. A number's place is that of the one it loses. */
static void
slide(struct arrival *arrival, uint64_t end)
{
	uint64_t distance = end - arrival->next;
	uint64_t covered = arrival->next - arrival->base;
	size_t uncounted = 0;

	if (distance > ARRIVAL_WINDOW) {
		arrival->lost += distance - ARRIVAL_WINDOW;
		distance = ARRIVAL_WINDOW;
	}
	if (covered < ARRIVAL_WINDOW)
		uncounted = least(ARRIVAL_WINDOW - covered, distance);
	clear(arrival, arrival->next, uncounted);
	arrival->lost += clear(arrival, arrival->next + uncounted,
	    distance - uncounted);
	arrival->next = end;
}

static void
open_gap(struct arrival *arrival, uint64_t sequence)
{
	struct arrival_gap *gap =
	    &arrival->gaps[arrival->gaps_opened++ % ARRIVAL_GAPS];

	gap->sequence = sequence;
	gap->received = arrival->received;
}

/*
 * The one that a missing number is in: the first to end behind it. Gaps end
 * at ascending numbers.
 */
static const struct arrival_gap *
find_gap(const struct arrival *arrival, uint64_t sequence)
{
	uint64_t high = arrival->gaps_opened - 1, middle;
	uint64_t low = high - least(high, ARRIVAL_GAPS - 1);

	while (low < high) {
		middle = low + (high - low) / 2;
		if (arrival->gaps[middle % ARRIVAL_GAPS].sequence > sequence)
			high = middle;
		else
			low = middle + 1;
	}
	return &arrival->gaps[low % ARRIVAL_GAPS];
}

/* The extent grows by one with each datagram of the run. */
static void
count_reordered(struct arrival *arrival, uint64_t sequence, uint64_t count)
{
	uint64_t extent = arrival->received -
	    find_gap(arrival, sequence)->received;

	arrival->reordered += count;
	arrival->extent_sum += count * extent + count * (count - 1) / 2;
	if (arrival->extent_max < extent + count - 1)
		arrival->extent_max = extent + count - 1;
}

/*
 * The very first one may find the window's start long gone: the far end was
 * there before us, and what it sent then is not lost.
 */
static void
begin(struct arrival *arrival, uint64_t sequence)
{
	if (sequence >= ARRIVAL_WINDOW)
		arrival->base = arrival->next = sequence;
	open_gap(arrival, sequence);
}

bool
arrival_begins(const struct arrival *arrival, uint64_t sequence)
{
	return arrival->next == 0 ||
	    (sequence > arrival->next &&
		sequence - arrival->next > ARRIVAL_RESTART);
}

void
arrival_restart(struct arrival *arrival, uint64_t sequence)
{
	clear(arrival, arrival->next, ARRIVAL_WINDOW);
	arrival->lowest = UINT64_MAX;
	arrival->base = arrival->next = sequence;
	open_gap(arrival, sequence);
}

static size_t
accept_ahead(struct arrival *arrival, uint64_t sequence, size_t count)
{
	count = least(count, ARRIVAL_WINDOW);
	if (arrival->next == 0)
		begin(arrival, sequence);
	else if (arrival_begins(arrival, sequence))
		arrival_restart(arrival, sequence);
	else if (sequence > arrival->next)
		open_gap(arrival, sequence);
	slide(arrival, sequence + count);
	mark(arrival, sequence, count);
	arrival->received += count;
	return count;
}

/* How many from here on are alike, seen or not. */
static size_t
measure(const struct arrival *arrival, uint64_t sequence, size_t limit,
    bool seen)
{
	struct part part;
	uint64_t others;
	size_t count = 0;

	while (count < limit) {
		part = first_part(arrival, sequence + count, limit - count);
		others = (seen ? ~*part.word : *part.word) & part.mask;
		if (others != 0)
			return count + (size_t)__builtin_ctzll(others) -
			    (sequence + count) % WORD_BITS;
		count += part.count;
	}
	return count;
}

static size_t
accept_behind(struct arrival *arrival, uint64_t sequence, size_t count,
    bool *fresh)
{
	uint64_t low = arrival->next - least(arrival->next, ARRIVAL_WINDOW);

	count = least(count, arrival->next - sequence);
	if (sequence < low) {
		count = least(count, low - sequence);
		arrival->too_old += count;
		*fresh = false;
		return count;
	}
	*fresh = measure(arrival, sequence, 1, false) == 1;
	count = measure(arrival, sequence, count, !*fresh);
	if (!*fresh) {
		arrival->duplicates += count;
		return count;
	}
	count_reordered(arrival, sequence, count);
	mark(arrival, sequence, count);
	arrival->received += count;
	return count;
}

/* Take so many datagrams off the front of the run. */
static void
cut(struct frame_run *run, size_t count, struct frame_run *front)
{
	*front = *run;
	front->count = count;
	front->length = least(count * run->segment, run->length);
	run->sequence += count;
	run->bytes += front->length;
	run->length -= front->length;
	run->count -= count;
}

bool
arrival_accept(struct arrival *arrival, struct frame_run *run,
    struct frame_run *fresh)
{
	bool is_fresh = true;
	size_t count;

	if (run->count > UINT64_MAX - run->sequence) {
		arrival->too_old += run->count;
		return false;
	}
	while (run->count > 0) {
		if (run->sequence >= arrival->next)
			count = accept_ahead(arrival, run->sequence,
			    run->count);
		else
			count = accept_behind(arrival, run->sequence,
			    run->count, &is_fresh);
		cut(run, count, fresh);
		if (is_fresh)
			return true;
		is_fresh = true;
	}
	return false;
}
