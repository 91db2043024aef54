/*
 * Puts a tunnel's datagrams in order. Early ones are copied and held until
 * those before them have come, are known to be lost, or their time is over.
 * What comes later than that is delivered as it comes: nothing is dropped.
 * Bounded memory; the clock is an argument.
 *
 * Runs come from arrival_accept(), each datagram once.
 */
#ifndef ENGINE_REORDER_H
#define ENGINE_REORDER_H

#include <bsd/sys/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/engine/arena.h"
#include "supervisor/engine/frame.h"

#define REORDER_BYTES_DEFAULT ((size_t)4 << 20)
#define REORDER_BYTES_MIN ((size_t)128 << 10)
#define REORDER_BYTES_MAX ((size_t)1 << 30)
#define REORDER_BATCH 64

/* Takes runs in order; their bytes are not kept beyond the call. */
struct reorder_sink {
	void (*deliver)(void *argument, const struct frame_run *runs,
	    size_t count);
	void *argument;
};

struct reorder_item {
	RB_ENTRY(reorder_item) by_sequence;
	struct frame_run run;
	uint64_t piece; /* of the arena, where its bytes are */
	uint64_t deadline_us;
};
RB_HEAD(reorder_tree, reorder_item);

struct reorder {
	uint64_t held;	  /* datagrams that waited, ever */
	uint64_t holding; /* and that wait now */
	uint64_t skipped; /* numbers that were waited for in vain */
	uint64_t late;	  /* of those, datagrams that came after all */
	uint64_t crowded; /* times that waiting ended for want of memory */
	/* the implementation's */
	struct reorder_sink sink;
	uint64_t hold_us;
	uint64_t next; /* all before it was delivered or skipped */
	struct arena arena;
	struct reorder_item *items; /* as the arena's pieces: by arrival, */
	struct reorder_tree tree;   /* which is by deadline; by sequence */
	struct frame_run out[REORDER_BATCH];
	size_t out_count;
	bool out_held; /* some of them stand in the arena */
};

/*
 * Hold datagrams up to hold_ms; with 0 all are delivered as they come and no
 * memory is used. bytes: REORDER_BYTES_MIN to REORDER_BYTES_MAX, else EINVAL.
 * 0, or -1 with errno; it may be freed in either case, and if all zero.
 */
int reorder_init(struct reorder *reorder, uint32_t hold_ms, size_t bytes,
    const struct reorder_sink *sink);
/* What is held is not delivered: reorder_skip(UINT64_MAX) before, for that. */
void reorder_free(struct reorder *reorder);

/*
 * A run of FRAME_PLAIN_MAX bytes at most. It is delivered by reorder_flush()
 * or before; its bytes must stand until then.
 */
void reorder_add(struct reorder *reorder, const struct frame_run *run,
    uint64_t now_us);
void reorder_flush(struct reorder *reorder);

/*
 * In an upgrade: hold a run that the process before held until deadline_us;
 * its bytes are copied. False: that cannot be.
 */
bool reorder_hold(struct reorder *reorder, const struct frame_run *run,
    uint64_t deadline_us);

/* When reorder_expire() is due; UINT64_MAX: nothing is held. */
uint64_t reorder_deadline_us(const struct reorder *reorder);

/* Deliver what has waited long enough, with all before and next to it. */
void reorder_expire(struct reorder *reorder, uint64_t now_us);

/*
 * These numbers, 1 at least, need not be waited for: the sender has given them
 * up. If they come all the same, they are delivered.
 */
void reorder_lose(struct reorder *reorder, uint64_t sequence, uint64_t count,
    uint64_t now_us);

/* Nothing before this number will come any more: do not wait for it. */
void reorder_skip(struct reorder *reorder, uint64_t sequence);

#endif
