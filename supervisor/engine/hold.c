/*
 * A record is its length and its bytes, up to a multiple of the length's own
 * size. None passes the ring's end: what is left there is skipped.
 */
#include "supervisor/engine/hold.h"

#include <sys/mman.h>

#include <string.h>

#define LENGTH_BYTES sizeof(uint32_t)
#define SKIPPED UINT32_MAX

_Static_assert((HOLD_BYTES & (HOLD_BYTES - 1)) == 0, "positions wrap in it");

static size_t
record_bytes(size_t bytes)
{
	return (LENGTH_BYTES + bytes + LENGTH_BYTES - 1) & ~(LENGTH_BYTES - 1);
}

static uint8_t *
at(const struct hold *hold, uint64_t position)
{
	return hold->ring + (position & (HOLD_BYTES - 1));
}

static bool
map_ring(struct hold *hold)
{
	void *ring;

	if (hold->ring != NULL)
		return true;
	ring = mmap(NULL, HOLD_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ring == MAP_FAILED)
		return false;
	(void)madvise(ring, HOLD_BYTES, MADV_NOHUGEPAGE);
	hold->ring = ring;
	return true;
}

void
hold_free(struct hold *hold)
{
	if (hold->ring != NULL)
		munmap(hold->ring, HOLD_BYTES);
	memset(hold, 0, sizeof(*hold));
}

bool
hold_add(struct hold *hold, const uint8_t *datagram, size_t bytes)
{
	size_t record = record_bytes(bytes), skip = 0;
	size_t left = HOLD_BYTES - (hold->head & (HOLD_BYTES - 1));
	uint32_t length = (uint32_t)bytes;
	const uint32_t skipped = SKIPPED;

	if (record > left)
		skip = left;
	if (record > HOLD_BYTES ||
	    skip + record > HOLD_BYTES - hold_bytes(hold) || !map_ring(hold))
		return false;
	if (skip > 0)
		memcpy(at(hold, hold->head), &skipped, LENGTH_BYTES);
	hold->head += skip;
	memcpy(at(hold, hold->head), &length, LENGTH_BYTES);
	if (bytes > 0)
		memcpy(at(hold, hold->head) + LENGTH_BYTES, datagram, bytes);
	hold->head += record;
	hold->count++;
	return true;
}

const uint8_t *
hold_next(const struct hold *hold, uint64_t *position, size_t *bytes)
{
	const uint8_t *record;
	uint32_t length;

	if (*position == hold->head)
		return NULL;
	memcpy(&length, at(hold, *position), LENGTH_BYTES);
	if (length == SKIPPED) {
		*position += HOLD_BYTES - (*position & (HOLD_BYTES - 1));
		memcpy(&length, at(hold, *position), LENGTH_BYTES);
	}
	record = at(hold, *position);
	*position += record_bytes(length);
	*bytes = length;
	return record + LENGTH_BYTES;
}

void
hold_release(struct hold *hold, uint64_t position, size_t count)
{
	hold->tail = position;
	hold->count -= count;
	if (hold->tail != hold->head || hold->ring == NULL)
		return;
	/* From the start: the same few pages, as long as they do. */
	if (hold->head > HOLD_BYTES / 64)
		(void)madvise(hold->ring, HOLD_BYTES, MADV_DONTNEED);
	hold->head = hold->tail = 0;
}

size_t
hold_bytes(const struct hold *hold)
{
	return (size_t)(hold->head - hold->tail);
}
