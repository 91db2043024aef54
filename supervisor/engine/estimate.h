/*
 * What a path can do, by measurement: smoothed round trip (RFC 6298) and
 * delivery rate from what PONGs acknowledge. Pure: the clock is an argument.
 *
 * It needs PINGs while frames are sent, several in a round trip: what arrived
 * shows only when one comes back. estimate_wants_ping() says when.
 */
#ifndef ENGINE_ESTIMATE_H
#define ENGINE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#define ESTIMATE_BUCKETS 8
#define ESTIMATE_MIN_WINDOW_US UINT64_C(10000000)
#define ESTIMATE_START_RATE UINT64_C(300000) /* bytes/s until measured */

struct estimate {
	uint64_t srtt_us; /* 0: no sample yet */
	uint64_t rttvar_us;
	uint64_t rtt_min_us;	/* over the last ESTIMATE_MIN_WINDOW_US */
	uint64_t rtt_min_at_us; /* when it was last seen */
	uint64_t rate_bytes_s;	/* the most that was measured, 0: nothing */
	bool probing;		/* its limit has not been met yet */
	uint64_t limited_at_us; /* when it was met last */
	uint64_t sent_bytes;	/* wire bytes given to the path, ever */
	uint64_t sent_frames;
	uint64_t acked_bytes; /* of them, acknowledged */
	uint64_t acked_frames;
	uint64_t acked_at_us; /* when acked_bytes last grew */
	bool limited;	      /* a queue stood on the path at the last
				 * sample and ever since: the next one will show
				 * the path's rate, not the application's */
	/* the implementation's: a window of maxima, and the sample begun */
	uint64_t window_rate[ESTIMATE_BUCKETS];
	uint64_t window_at_us[ESTIMATE_BUCKETS];
	unsigned int window_next; /* the bucket being filled */
	uint64_t sample_at_us;
	uint64_t sample_bytes;
	uint64_t sample_ping_us; /* when the PING that began it left */
	uint64_t last_ping_us;	 /* the youngest PING that came back */
	uint64_t pinged_us;	 /* when the last PING left, and the */
	uint64_t pinged_bytes;	 /* sent_bytes of that time */
	uint64_t drain_at_us;	 /* 0: not draining */
	uint64_t drain_min_us;
};

void estimate_init(struct estimate *estimate, uint64_t now_us);

/* A frame of so many wire bytes was given to the path; PINGs count too. */
void estimate_sent(struct estimate *estimate, uint64_t bytes, uint64_t now_us);

/*
 * A PONG: the clock value that the PING carried, and the totals that had
 * arrived. Returns false, with nothing changed, for a lying peer: it claims
 * more than was sent, goes backwards, or names a time that lies in the future
 * or before the path's start.
 */
bool estimate_pong(struct estimate *estimate, uint64_t ping_us, uint64_t frames,
    uint64_t bytes, uint64_t now_us);

/*
 * True if a PING is due, whether or not earlier ones have come back: after
 * some time, or as many bytes as the path carries in that time, since a burst
 * must not be acknowledged at one stroke; while draining, after each frame.
 * Never if nothing was sent since the last. estimate_pinged(): a PING was given
 * to the path (and counted by estimate_sent() before).
 */
bool estimate_wants_ping(const struct estimate *estimate, uint64_t now_us);
void estimate_pinged(struct estimate *estimate, uint64_t now_us);

/* Sent and not yet acknowledged. */
uint64_t estimate_backlog_bytes(const struct estimate *estimate);

/*
 * The rate to reckon with: the measured one; while probing twice that, and
 * ESTIMATE_START_RATE at least, or where the round trip is below 2 ms what
 * TCP's first window carries in one. Bytes per second, never 0.
 */
uint64_t estimate_rate(const struct estimate *estimate);

/*
 * True for a moment every ESTIMATE_MIN_WINDOW_US while a queue hides the
 * path's own delay: the scheduler then lets the queue run out, and rtt_min_us
 * is measured anew.
 */
bool estimate_drains(const struct estimate *estimate);

#endif
