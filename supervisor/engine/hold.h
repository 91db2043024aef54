/*
 * Datagrams that wait for an application which takes none now: first in,
 * first out, in a ring that is mapped when it is needed. The ring lies in a
 * memfd, so that it crosses in an upgrade without a copy.
 */
#ifndef ENGINE_HOLD_H
#define ENGINE_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOLD_BYTES ((size_t)64 << 20)

/* Empty when all is zero. Positions only grow. */
struct hold {
	uint8_t *ring; /* NULL: none yet */
	int memory;    /* what it is mapped from */
	uint64_t tail; /* of the oldest */
	uint64_t head; /* behind the newest */
	size_t count;  /* datagrams */
};

void hold_free(struct hold *hold);

/*
 * In an upgrade: the ring of another process, which writes to it no more, with
 * its positions and count. Takes memory over, on failure too, into an empty
 * hold. False: it cannot be mapped, or is not what its writer can have left.
 */
bool hold_inherit(struct hold *hold, int memory, uint64_t tail, uint64_t head,
    size_t count);

/* Copy a datagram behind the others. False: no room, or no memory. */
bool hold_add(struct hold *hold, const uint8_t *datagram, size_t bytes);

/*
 * The datagram at a position, which steps on to the next; the first position
 * is the tail. NULL when there is none. It stands until it is released.
 */
const uint8_t *
hold_next(const struct hold *hold, uint64_t *position, size_t *bytes);

/* Let go of the first so many, up to a position that hold_next() gave. */
void hold_release(struct hold *hold, uint64_t position, size_t count);

/* What waits, with what each datagram costs here. */
size_t hold_bytes(const struct hold *hold);

#endif
