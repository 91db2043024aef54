/*
 * The receiver's view of a tunnel's datagram sequence numbers: what is new,
 * what came twice, what is out of order by RFC 4737, what is lost. Pure, and
 * of fixed size whatever numbers come. A new session gets a new one.
 */
#ifndef ENGINE_ARRIVAL_H
#define ENGINE_ARRIVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_run;

/* How far behind the newest datagram one is still known to be new or not. */
#define ARRIVAL_WINDOW ((size_t)1 << 20)
#define ARRIVAL_GAPS 1024
/* A leap so far means that the far end began anew: nothing was lost. */
#define ARRIVAL_RESTART (UINT64_C(1) << 40)

/* A datagram that came before others of smaller numbers. */
struct arrival_gap {
	uint64_t sequence;
	uint64_t received; /* before it */
};

struct arrival {
	uint64_t received; /* new datagrams */
	uint64_t duplicates;
	uint64_t too_old;    /* behind the window, dropped; also what would pass
			   * the last number there is */
	uint64_t lost;	     /* missing when the window left them behind */
	uint64_t reordered;  /* of received: RFC 4737, section 3 */
	uint64_t extent_max; /* reordering extent, section 4.2: how many */
	uint64_t extent_sum; /* came before it since the first of a larger
				 * number; short where ARRIVAL_GAPS younger
				 * gaps have opened since */
	/* the implementation's */
	uint64_t next;	 /* NextExp: behind the largest number seen */
	uint64_t base;	 /* losses count from here */
	uint64_t lowest; /* no smaller number was seen */
	uint64_t *seen;	 /* a bit each, by sequence modulo ARRIVAL_WINDOW */
	struct arrival_gap gaps[ARRIVAL_GAPS];
	uint64_t gaps_opened;
};

/* 0, or -1 with errno; it may be freed in either case, and if all zero. */
int arrival_init(struct arrival *arrival);
void arrival_free(struct arrival *arrival);

/*
 * The far end begins, or begins anew, with that number: what came before is
 * too old.
 */
void arrival_restart(struct arrival *arrival, uint64_t sequence);

/* True if a run of that number is the first of its sender's. What one of
 * arrival_restart() began with is expected. */
bool arrival_begins(const struct arrival *arrival, uint64_t sequence);

/*
 * Take the next new datagrams off the front of the run and count them as
 * received; those before them that are not new go too. False: the run is used
 * up and *fresh undefined. Most runs are new as a whole:
 *
 *	while (arrival_accept(&arrival, &run, &fresh))
 *		deliver(&fresh);
 */
bool arrival_accept(struct arrival *arrival, struct frame_run *run,
    struct frame_run *fresh);

#endif
