/*
 * A single-producer single-consumer byte ring between two processes that do
 * not trust each other. Geometry and the own index live in a private handle;
 * shared memory holds only the two free-running indexes. The other side's
 * index is loaded once, checked, and never believed beyond that check.
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum ring_result {
	RING_OK,
	RING_FULL,  /* producer: less than the asked room; an answer, not
			 * an error */
	RING_EMPTY, /* consumer: nothing to read */
	RING_BROKEN /* the other side's index is impossible: end the path */
};

struct ring_producer {
	uint8_t *data;
	size_t capacity;		     /* power of two */
	_Atomic uint64_t *shared_head;	     /* ours: stored, never loaded */
	const _Atomic uint64_t *shared_tail; /* theirs */
	uint64_t head;			     /* private truth */
	uint64_t tail;			     /* the last good value of theirs */
};

struct ring_consumer {
	const uint8_t *data;
	size_t capacity;
	const _Atomic uint64_t *shared_head; /* theirs */
	_Atomic uint64_t *shared_tail;	     /* ours: stored, never loaded */
	uint64_t head;
	uint64_t tail;
};

/*
 * Attach a handle to a ring whose indexes both start at start (0 in
 * production; tests start near the wrap). data is mapped twice in a row,
 * capacity bytes each. Nothing is owned.
 */
void ring_producer_init(struct ring_producer *ring, uint8_t *data,
    size_t capacity, _Atomic uint64_t *shared_head,
    const _Atomic uint64_t *shared_tail, uint64_t start);
void ring_consumer_init(struct ring_consumer *ring, const uint8_t *data,
    size_t capacity, const _Atomic uint64_t *shared_head,
    _Atomic uint64_t *shared_tail, uint64_t start);

/*
 * Go on where another handle stood, with its head and tail: 0, or -1 if these
 * cannot be. Stores our own index, as _init does.
 */
int ring_producer_resume(struct ring_producer *ring, uint8_t *data,
    size_t capacity, _Atomic uint64_t *shared_head,
    const _Atomic uint64_t *shared_tail, uint64_t head, uint64_t tail);
int ring_consumer_resume(struct ring_consumer *ring, const uint8_t *data,
    size_t capacity, const _Atomic uint64_t *shared_head,
    _Atomic uint64_t *shared_tail, uint64_t head, uint64_t tail);

/* The other side goes on elsewhere, and its index with it. */
void ring_consumer_follow(struct ring_consumer *ring, const uint8_t *data,
    const _Atomic uint64_t *shared_head);
void ring_producer_follow(struct ring_producer *ring,
    const _Atomic uint64_t *shared_tail);

/*
 * Ask for at least want bytes of room (1 to capacity). On RING_OK *span points
 * at the room and *room is all of it, at least want. Nothing is published
 * until ring_commit(). The other side's index is reloaded only when the last
 * known value leaves too little room.
 */
enum ring_result ring_reserve(struct ring_producer *ring, size_t want,
    uint8_t **span, size_t *room);

/* Publish the first bytes of what was reserved, with one release store. */
void ring_commit(struct ring_producer *ring, size_t bytes);

/*
 * Bytes that the consumer has not released yet. Reloads and checks the other
 * side's index; RING_OK or RING_BROKEN.
 */
enum ring_result ring_queued(struct ring_producer *ring, size_t *bytes);

/*
 * Look at what is there: RING_OK with *span and *bytes (at least 1),
 * RING_EMPTY or RING_BROKEN. The bytes may change under a hostile producer:
 * copy before checking.
 */
enum ring_result
ring_peek(struct ring_consumer *ring, const uint8_t **span, size_t *bytes);

/* Give the first bytes of what was peeked back to the producer. */
void ring_release(struct ring_consumer *ring, size_t bytes);

#endif
