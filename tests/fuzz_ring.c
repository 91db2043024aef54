/*
 * A ring whose other side is the fuzzer: each step of nine bytes is a call of
 * ours or a new value of one of its words. Whatever it does, spans stay inside
 * the data, which is allocated exactly.
 */
#include "shm/ring.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY ((size_t)64)
#define STEP 9

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static _Atomic uint64_t head, tail;
static struct ring_producer producer;
static struct ring_consumer consumer;

static void
write_some(uint64_t value)
{
	size_t want = 1 + value % CAPACITY, room;
	uint8_t *span;

	switch (ring_reserve(&producer, want, &span, &room)) {
	case RING_OK:
		if (room < want || room > CAPACITY)
			abort();
		memset(span, 1, room);
		ring_commit(&producer, (value >> 8) % (room + 1));
		break;
	case RING_FULL:
	case RING_BROKEN:
		break;
	case RING_EMPTY:
		abort();
	}
}

static void
read_some(uint64_t value)
{
	uint8_t copy[CAPACITY];
	const uint8_t *span;
	size_t bytes;

	switch (ring_peek(&consumer, &span, &bytes)) {
	case RING_OK:
		if (bytes == 0 || bytes > CAPACITY)
			abort();
		memcpy(copy, span, bytes);
		ring_release(&consumer, value % (bytes + 1));
		break;
	case RING_EMPTY:
	case RING_BROKEN:
		break;
	case RING_FULL:
		abort();
	}
}

static void
step(uint8_t action, uint64_t value)
{
	size_t bytes;

	switch (action % 6) {
	case 0:
		write_some(value);
		break;
	case 1:
		read_some(value);
		break;
	case 2:
		atomic_store(&tail, value);
		break;
	case 3:
		atomic_store(&head, value);
		break;
	case 4: /* near the last good ones */
		atomic_store(&tail, producer.tail + value % 256 - 64);
		atomic_store(&head, consumer.head + (value >> 8) % 256 - 64);
		break;
	case 5:
		if (ring_queued(&producer, &bytes) == RING_OK &&
		    bytes > CAPACITY)
			abort();
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t *tx = malloc(2 * CAPACITY), *rx = calloc(2, CAPACITY);
	_Atomic uint64_t ours = 0;
	uint64_t value = 0;

	if (tx == NULL || rx == NULL)
		abort();
	if (size >= sizeof(value))
		memcpy(&value, input, sizeof(value));
	atomic_store(&head, value);
	atomic_store(&tail, value);
	ring_producer_init(&producer, tx, CAPACITY, &ours, &tail, value);
	ring_consumer_init(&consumer, rx, CAPACITY, &head, &ours, value);
	for (; size >= STEP; input += STEP, size -= STEP) {
		memcpy(&value, input + 1, sizeof(value));
		step(input[0], value);
	}
	free(tx);
	free(rx);
	return 0;
}
