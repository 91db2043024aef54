/*
 * The indexes count bytes and run freely through 2^64; only masked values
 * index memory, and only unsigned differences are compared. Each side stores
 * its own index and never reads it back. The other side's index may move
 * forward within what our own index allows; backwards is, unsigned, a very
 * large step forward, so one comparison refuses both.
 */
#include "shm/ring.h"

#include <assert.h>
#include <stdbool.h>

static bool
power_of_two(size_t bytes)
{
	return bytes != 0 && (bytes & (bytes - 1)) == 0;
}

void
ring_producer_init(struct ring_producer *ring, uint8_t *data, size_t capacity,
    _Atomic uint64_t *shared_head, const _Atomic uint64_t *shared_tail,
    uint64_t start)
{
	assert(power_of_two(capacity));
	*ring = (struct ring_producer){
		.data = data,
		.capacity = capacity,
		.shared_head = shared_head,
		.shared_tail = shared_tail,
		.head = start,
		.tail = start,
	};
	atomic_store_explicit(shared_head, start, memory_order_release);
}

void
ring_consumer_init(struct ring_consumer *ring, const uint8_t *data,
    size_t capacity, const _Atomic uint64_t *shared_head,
    _Atomic uint64_t *shared_tail, uint64_t start)
{
	assert(power_of_two(capacity));
	*ring = (struct ring_consumer){
		.data = data,
		.capacity = capacity,
		.shared_head = shared_head,
		.shared_tail = shared_tail,
		.head = start,
		.tail = start,
	};
	atomic_store_explicit(shared_tail, start, memory_order_release);
}

int
ring_producer_resume(struct ring_producer *ring, uint8_t *data, size_t capacity,
    _Atomic uint64_t *shared_head, const _Atomic uint64_t *shared_tail,
    uint64_t head, uint64_t tail)
{
	if (head - tail > capacity)
		return -1;
	ring_producer_init(ring, data, capacity, shared_head, shared_tail,
	    head);
	ring->tail = tail;
	return 0;
}

int
ring_consumer_resume(struct ring_consumer *ring, const uint8_t *data,
    size_t capacity, const _Atomic uint64_t *shared_head,
    _Atomic uint64_t *shared_tail, uint64_t head, uint64_t tail)
{
	if (head - tail > capacity)
		return -1;
	ring_consumer_init(ring, data, capacity, shared_head, shared_tail,
	    tail);
	ring->head = head;
	return 0;
}

void
ring_consumer_follow(struct ring_consumer *ring, const uint8_t *data,
    const _Atomic uint64_t *shared_head)
{
	ring->data = data;
	ring->shared_head = shared_head;
}

void
ring_producer_follow(struct ring_producer *ring,
    const _Atomic uint64_t *shared_tail)
{
	ring->shared_tail = shared_tail;
}

static size_t
room_of(const struct ring_producer *ring)
{
	return ring->capacity - (size_t)(ring->head - ring->tail);
}

static bool
load_tail(struct ring_producer *ring)
{
	uint64_t tail;

	/*
	 * Acquire, partner of the release in ring_release(): the consumer is
	 * done with the bytes before we overwrite them.
	 */
	tail = atomic_load_explicit(ring->shared_tail, memory_order_acquire);
	if (tail - ring->tail > ring->head - ring->tail)
		return false;
	ring->tail = tail;
	return true;
}

enum ring_result
ring_reserve(struct ring_producer *ring, size_t want, uint8_t **span,
    size_t *room)
{
	assert(want >= 1 && want <= ring->capacity);
	if (room_of(ring) < want && !load_tail(ring))
		return RING_BROKEN;
	if (room_of(ring) < want)
		return RING_FULL;
	*span = ring->data + (ring->head & (ring->capacity - 1));
	*room = room_of(ring);
	return RING_OK;
}

void
ring_commit(struct ring_producer *ring, size_t bytes)
{
	assert(bytes <= room_of(ring));
	ring->head += bytes;
	/*
	 * Release, partner of the acquire in load_head(): whoever sees the
	 * index sees the bytes.
	 */
	atomic_store_explicit(ring->shared_head, ring->head,
	    memory_order_release);
}

enum ring_result
ring_queued(struct ring_producer *ring, size_t *bytes)
{
	if (!load_tail(ring))
		return RING_BROKEN;
	*bytes = (size_t)(ring->head - ring->tail);
	return RING_OK;
}

static bool
load_head(struct ring_consumer *ring)
{
	uint64_t head, room;

	/*
	 * Acquire, partner of the release in ring_commit(): the bytes up to
	 * the index are there to read.
	 */
	head = atomic_load_explicit(ring->shared_head, memory_order_acquire);
	room = ring->capacity - (ring->head - ring->tail);
	if (head - ring->head > room)
		return false;
	ring->head = head;
	return true;
}

enum ring_result
ring_peek(struct ring_consumer *ring, const uint8_t **span, size_t *bytes)
{
	/* Always: more of an incomplete frame may have come. */
	if (!load_head(ring))
		return RING_BROKEN;
	if (ring->head == ring->tail)
		return RING_EMPTY;
	*span = ring->data + (ring->tail & (ring->capacity - 1));
	*bytes = (size_t)(ring->head - ring->tail);
	return RING_OK;
}

void
ring_release(struct ring_consumer *ring, size_t bytes)
{
	assert(bytes <= ring->head - ring->tail);
	ring->tail += bytes;
	/*
	 * Release, partner of the acquire in load_tail(): our reads of the
	 * bytes are done before the producer sees them as room.
	 */
	atomic_store_explicit(ring->shared_tail, ring->tail,
	    memory_order_release);
}
