#include "supervisor/engine/udp_batch.h"

#include <sys/mman.h>

#include <string.h>

#define ARENA_BYTES (UDP_BATCH * UDP_SLOT_STRIDE)
int
udp_batch_init(struct udp_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (batch->arena == MAP_FAILED) {
		batch->arena = NULL;
		return -1;
	}
	/* A quiet tunnel is to cost the pages of its first slot, not 2 MiB. */
	(void)madvise(batch->arena, ARENA_BYTES, MADV_NOHUGEPAGE);
	return 0;
}

void
udp_batch_free(struct udp_batch *batch)
{
	if (batch->arena != NULL)
		munmap(batch->arena, ARENA_BYTES);
	memset(batch, 0, sizeof(*batch));
}

void
udp_batch_clear(struct udp_batch *batch)
{
	batch->count = batch->next = 0;
	batch->offset = 0;
	batch->more = false;
}

bool
udp_batch_empty(const struct udp_batch *batch)
{
	return batch->next == batch->count;
}

uint64_t
udp_batch_datagrams(uint32_t length, uint32_t segment)
{
	return segment == 0 ? 1 : (length + segment - 1) / segment;
}

uint64_t
udp_batch_left(const struct udp_batch *batch)
{
	uint32_t offset = batch->offset;
	uint64_t left = 0;

	for (unsigned int i = batch->next; i < batch->count; i++) {
		left += udp_batch_datagrams(batch->message[i].length - offset,
		    batch->message[i].segment);
		offset = 0;
	}
	return left;
}

const uint8_t *
udp_batch_peek(const struct udp_batch *batch, size_t *bytes)
{
	uint32_t left;

	if (udp_batch_empty(batch))
		return NULL;
	left = batch->message[batch->next].length - batch->offset;
	*bytes = batch->message[batch->next].segment;
	if (*bytes > left)
		*bytes = left;
	return udp_batch_slot(batch, batch->message[batch->next].slot) +
	    batch->offset;
}

void
udp_batch_take(struct udp_batch *batch)
{
	size_t bytes;

	if (udp_batch_peek(batch, &bytes) == NULL)
		return;
	batch->offset += (uint32_t)bytes;
	if (batch->offset >= batch->message[batch->next].length) {
		batch->next++;
		batch->offset = 0;
	}
}

uint64_t
udp_batch_arrived_us(const struct udp_batch *batch)
{
	return udp_batch_empty(batch) ? 0 :
					batch->message[batch->next].arrived_us;
}
