/*
 * What is in flight. The plaintext of each DATA frame stands in one arena per
 * tunnel, where it is packed and from where it is sealed, until a path
 * acknowledges it. What a path that died or stalls had not acknowledged becomes
 * an orphan, to be sent again by another. Pure: no I/O, no clock.
 *
 * To send: history_reserve(), pack, history_commit(), and for each path that
 * takes the frame seal from the reserved place and history_assign(). A frame
 * that no path has taken is an orphan, so a path that breaks under the sealing
 * loses nothing. Records are known by numbers that are never used twice; one
 * that is no longer kept is harmless everywhere.
 *
 * When room runs out the oldest record is forgotten: sending never blocks.
 */
#ifndef ENGINE_HISTORY_H
#define ENGINE_HISTORY_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/engine/arena.h"

#define HISTORY_BYTES_DEFAULT ((size_t)16 << 20)
#define HISTORY_BYTES_MIN ((size_t)256 << 10)
#define HISTORY_BYTES_MAX ((size_t)1 << 30)
#define HISTORY_SLOTS 256 /* paths: a slot is a uint8_t */

/* A record on a path, until the path acknowledges it or has ended. */
struct history_copy {
	TAILQ_ENTRY(history_copy) on_slot; /* by frame number */
	LIST_ENTRY(history_copy) of_record;
	uint64_t record;
	uint64_t frame;
	uint8_t slot;
	bool live; /* not taken back */
};
TAILQ_HEAD(history_slot, history_copy);
LIST_HEAD(history_copies, history_copy);

struct history_record {
	struct history_copies copies;
	uint32_t live; /* of them */
	uint32_t datagrams;
};

struct history {
	struct arena arena;
	struct history_record *records;
	struct history_copy *copies;
	size_t copies_max;
	size_t copies_fresh; /* never used yet from here on */
	struct history_copies spare;
	struct history_slot slots[HISTORY_SLOTS];
	uint64_t *orphan_bits; /* one for each record */
	uint64_t orphan_from;  /* no orphan has a smaller number */
	size_t orphans;

	uint64_t kept;	    /* datagrams now in records */
	uint64_t forgotten; /* datagrams forgotten while a path had them: */
			    /* they may arrive, but not be sent again */
	uint64_t lost;	    /* datagrams of orphans dropped or forgotten */
};

/* A record to be sent again. */
struct history_orphan {
	uint64_t record;
	const uint8_t *plain; /* until the next reserve */
	size_t length;
	size_t datagrams;
};

/*
 * Map an arena of HISTORY_BYTES_MIN to HISTORY_BYTES_MAX bytes (else EINVAL).
 * 0, or -1 with errno; it may be freed in either case, and if all zero.
 */
int history_init(struct history *history, size_t bytes);
void history_free(struct history *history);

/* Room for a plaintext frame, FRAME_PLAIN_MAX bytes at most. Never fails. */
uint8_t *history_reserve(struct history *history, size_t bytes);

/* The frame was packed in what was reserved; returns its record. */
uint64_t
history_commit(struct history *history, size_t length, size_t datagrams);

/*
 * The record went out as that frame of the path: transport frames are numbered
 * from 1, those without a record too. Numbers of a slot ascend.
 */
void history_assign(struct history *history, uint64_t record, uint8_t slot,
    uint64_t frame);

/* That many transport frames have arrived on the path, ever. */
void
history_acknowledge(struct history *history, uint8_t slot, uint64_t frames);

/*
 * The path stalls: what is on it and on no other becomes an orphan. It may
 * still acknowledge, and be given more.
 */
void history_take_back(struct history *history, uint8_t slot);

/* The same for good: the slot's next frame is 1 again, on a new connection. */
void history_end_path(struct history *history, uint8_t slot);

/*
 * The oldest orphan; the same again until it is assigned, acknowledged or
 * dropped. False: there is none.
 */
bool history_next_orphan(struct history *history, struct history_orphan *found);

/* Give a record up: it is not to be sent again. */
void history_drop(struct history *history, uint64_t record);

#endif
