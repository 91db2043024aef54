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

#define LAYOUT_VERSION 1
#define LAYOUT_MAGIC UINT32_C(0x736f636b) /* "sock" */

/* The control page of region S; the transmit ring's data follows it. */
struct layout_engine {
	uint32_t magic;
	uint32_t version;
	alignas(64) _Atomic uint64_t tx_head; /* to the worker's peek */
	alignas(64) _Atomic uint64_t rx_tail; /* to the worker's reserve */
};

/* The control page of region W; the receive ring's data follows it. */
struct layout_worker {
	alignas(64) _Atomic uint64_t rx_head; /* to the engine's peek */
	alignas(64) _Atomic uint64_t tx_tail; /* to the engine's reserve */
	/* Flags of bell.h. */
	alignas(64) _Atomic uint32_t worker_sleeps;	/* rung by the engine */
	alignas(64) _Atomic uint32_t engine_wants_data; /* rung by the worker */
	alignas(64) _Atomic uint32_t engine_wants_room; /* rung by the worker */
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
static_assert(sizeof(struct layout_worker) == 320, "layout");

#endif
