/*
 * A record is its length and its bytes, up to a multiple of the length's own
 * size. None passes the ring's end: what is left there is skipped.
 */
#include "supervisor/engine/hold.h"

#include <sys/mman.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/frame.h"

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

/* Takes memory over, on failure too. */
static bool
map_memory(struct hold *hold, int memory)
{
	void *ring = mmap(NULL, HOLD_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, memory, 0);

	if (ring == MAP_FAILED) {
		close(memory);
		return false;
	}
	hold->ring = ring;
	hold->memory = memory;
	return true;
}

static bool
make_ring(struct hold *hold)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int memory;

	if (hold->ring != NULL)
		return true;
	memory = memfd_create("socktopus-hold",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory == -1)
		return false;
	if (ftruncate(memory, (off_t)HOLD_BYTES) == 0 &&
	    fcntl(memory, F_ADD_SEALS, seals) == 0)
		return map_memory(hold, memory);
	close(memory);
	return false;
}

void
hold_free(struct hold *hold)
{
	if (hold->ring != NULL) {
		munmap(hold->ring, HOLD_BYTES);
		close(hold->memory);
	}
	memset(hold, 0, sizeof(*hold));
}

/* From the tail, records that no one passes, up to the head. */
static bool
is_whole(const struct hold *hold)
{
	uint64_t position = hold->tail;
	size_t bytes, count = 0;

	while (position != hold->head) {
		if (hold->head - position > HOLD_BYTES)
			return false;
		(void)hold_next(hold, &position, &bytes);
		if (bytes > FRAME_DATAGRAM_MAX)
			return false;
		count++;
	}
	return count == hold->count;
}

bool
hold_inherit(struct hold *hold, int memory, uint64_t tail, uint64_t head,
    size_t count)
{
	if ((tail | head) % LENGTH_BYTES != 0) {
		close(memory);
		return false;
	}
	if (!map_memory(hold, memory))
		return false;
	hold->tail = tail;
	hold->head = head;
	hold->count = count;
	if (is_whole(hold))
		return true;
	hold_free(hold);
	return false;
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
	    skip + record > HOLD_BYTES - hold_bytes(hold) || !make_ring(hold))
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
		(void)madvise(hold->ring, HOLD_BYTES, MADV_REMOVE);
	hold->head = hold->tail = 0;
}

size_t
hold_bytes(const struct hold *hold)
{
	return (size_t)(hold->head - hold->tail);
}
