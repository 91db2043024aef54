/*
 * Every struct that lives in shared memory. Region S is written by the engine
 * and read by the worker; region W is written by the worker, and its flags by
 * both. Sizes, offsets and masks are never in shared memory.
 */
#ifndef SHM_LAYOUT_H
#define SHM_LAYOUT_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_VERSION 3
#define LAYOUT_MAGIC UINT32_C(0x736f636b) /* "sock" */

/* The control page of region S; the transmit ring's data follows it. */
struct layout_engine {
	uint32_t magic;
	uint32_t version;
	alignas(64) _Atomic uint64_t tx_head; /* to the worker's peek */
	alignas(64) _Atomic uint64_t rx_tail; /* to the worker's reserve */
};

/*
 * The control page of region W; the receive ring's data follows it, and that
 * of the heir's transmit ring.
 *
 * The heir is an engine that took over from the one which made the regions. S
 * is sealed against it, so its indexes and its ring are here. They go on from
 * those in S, where no more is written; the worker changes over once it has
 * taken all that S holds. The heir only stores them: the worker, which could
 * forge them, would harm its own path and no other.
 */
struct layout_worker {
	alignas(64) _Atomic uint64_t rx_head; /* to the engine's peek */
	alignas(64) _Atomic uint64_t tx_tail; /* to the engine's reserve */
	/* A hint for the engine, and no more: bytes that wait at the next hop
	 * for others that TCP sends again. */
	_Atomic uint32_t held_bytes;
	/* Flags of bell.h. */
	alignas(64) _Atomic uint32_t worker_sleeps;	/* rung by the engine */
	_Atomic uint32_t worker_wants_room;		/* rung by the engine */
	alignas(64) _Atomic uint32_t engine_wants_data; /* rung by the worker */
	alignas(64) _Atomic uint32_t engine_wants_room; /* rung by the worker */
	alignas(64) _Atomic uint64_t heir_tx_head;
	alignas(64) _Atomic uint64_t heir_rx_tail;
	alignas(
	    64) _Atomic uint32_t heir; /* 1: it writes, S is as it was left */
};

static_assert(offsetof(struct layout_engine, tx_head) == 64, "layout");
static_assert(offsetof(struct layout_engine, rx_tail) == 128, "layout");
static_assert(sizeof(struct layout_engine) == 192, "layout");
static_assert(offsetof(struct layout_worker, tx_tail) == 64, "layout");
static_assert(offsetof(struct layout_worker, worker_sleeps) == 128, "layout");
static_assert(offsetof(struct layout_worker, engine_wants_data) == 192,
    "layout");
static_assert(offsetof(struct layout_worker, engine_wants_room) == 256,
    "layout");
static_assert(offsetof(struct layout_worker, heir_tx_head) == 320, "layout");
static_assert(offsetof(struct layout_worker, heir_rx_tail) == 384, "layout");
static_assert(offsetof(struct layout_worker, heir) == 448, "layout");
static_assert(sizeof(struct layout_worker) == 512, "layout");

#endif
