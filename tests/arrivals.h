/*
 * What a receiver makes of numbered datagrams: loss, duplicates, reordering in
 * the sense of RFC 4737, gaps in time, and the distribution of their delays.
 */
#ifndef TESTS_ARRIVALS_H
#define TESTS_ARRIVALS_H

#include <stddef.h>
#include <stdint.h>

#define ARRIVALS_BUCKETS 3776 /* 64 a power of two: 1.6 % wide */

struct arrivals {
	uint64_t received; /* datagrams, duplicates included */
	uint64_t distinct; /* without duplicates, short ones included */
	uint64_t bytes;
	uint64_t duplicates;
	uint64_t reordered;    /* numbered below one that came earlier */
	uint64_t distance_max; /* how far below */
	uint64_t unnumbered;
	uint64_t corrupt;
	uint64_t next;	 /* one above the highest number seen */
	uint64_t base;	 /* the first number since arrivals_restart() */
	uint64_t before; /* distinct ones below base */
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t gap_max_ns; /* between two arrivals */
	uint64_t delay_max_ns;
	uint64_t delays; /* in bucket[] */
	uint64_t bucket[ARRIVALS_BUCKETS];
	uint64_t *seen; /* a bit for each number */
	size_t seen_words;
};

/* One that is as it must be; a number it has seen before is a duplicate. */
void arrivals_add(struct arrivals *arrivals, uint64_t sequence, size_t bytes,
    uint64_t delay_ns, uint64_t now_ns);
void
arrivals_add_short(struct arrivals *arrivals, size_t bytes, uint64_t now_ns);
void
arrivals_add_corrupt(struct arrivals *arrivals, size_t bytes, uint64_t now_ns);

/*
 * Forget what was measured so far, but neither numbers nor losses: from here
 * on only higher numbers are measured, lower ones merely counted as arrived.
 */
void arrivals_restart(struct arrivals *arrivals);

/* All that ever arrived, without duplicates. */
uint64_t arrivals_total(const struct arrivals *arrivals);

/* The delay that so many per mille of the datagrams did not exceed. */
uint64_t arrivals_delay_ns(const struct arrivals *arrivals, double per_mille);

/*
 * key=value lines on stdout; label names the delays ("delay", "rtt"). expected
 * is the number that was sent; 0: one more than the highest number seen.
 * lost_before is what was lost before arrivals_restart().
 */
void arrivals_print(const struct arrivals *arrivals, const char *label,
    uint64_t expected);

void arrivals_free(struct arrivals *arrivals);

#endif
