#include "supervisor/engine/estimate.h"

#include <string.h>

/*
 * A rate sample spans two PONGs. Bytes and PINGs travel in one TCP stream, so
 * the bytes acknowledged in between are those sent between the two PINGs: the
 * longer of the two intervals is taken, since PONGs that were held up and
 * arrive together must not look like speed. The estimate is the largest
 * sample of a sliding window. A sample taken while the path had nothing to
 * wait for shows what the application offered, and may only raise it.
 */
#define SAMPLE_LEAST_US UINT64_C(20000)
#define SAMPLE_MOST_US UINT64_C(250000)
#define SAMPLE_LEAST_BYTES UINT64_C(24000) /* some frames on slow paths */
/*
 * A low limit that was not met for so long is history. Without that, a path
 * that once looked slow, in a busy moment, would never be given enough to show
 * better.
 */
#define REVIVE_US UINT64_C(2000000)
#define WINDOW_LEAST_US UINT64_C(1000000)
#define RATE_LEAST UINT64_C(1000)
#define RATE_MOST UINT64_C(1000000000000)
#define SECOND_US UINT64_C(1000000)
#define DRAIN_LEAST_US UINT64_C(200000)
#define DRAIN_SHORT_US UINT64_C(20000)
#define PING_LEAST_US UINT64_C(5000)
#define PING_EVERY_BYTES UINT64_C(2048)
#define PING_LEAST_BYTES UINT64_C(8192)
#define PING_SLOW_MS 10
#define PINGS_PER_ROUND_TRIP 8
#define PING_MOST_US UINT64_C(100000)
#define SEGMENT_BYTES UINT64_C(1400)
/*
 * TCP's first window in a round trip, from which a path begins that is so
 * short: of a few processes on one host or in one room each could carry all.
 */
#define SHORT_US UINT64_C(2000)
#define WINDOW_BYTES (10 * SEGMENT_BYTES)

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void
estimate_init(struct estimate *estimate, uint64_t now_us)
{
	memset(estimate, 0, sizeof(*estimate));
	estimate->probing = true;
	estimate->acked_at_us = now_us;
	estimate->limited_at_us = now_us;
	estimate->sample_at_us = now_us;
	estimate->sample_ping_us = now_us;
	estimate->last_ping_us = now_us;
	estimate->rtt_min_at_us = now_us;
}

void
estimate_sent(struct estimate *estimate, uint64_t bytes, uint64_t now_us)
{
	if (estimate->sent_bytes == estimate->acked_bytes) {
		estimate->limited = false;
		/* The clock for "stopped acknowledging" starts here. */
		estimate->acked_at_us = now_us;
	}
	estimate->sent_bytes += bytes;
	estimate->sent_frames++;
}

uint64_t
estimate_backlog_bytes(const struct estimate *estimate)
{
	return estimate->sent_bytes - estimate->acked_bytes;
}

static bool
is_short(const struct estimate *estimate)
{
	return estimate->rtt_min_us != 0 && estimate->rtt_min_us < SHORT_US;
}

static uint64_t
start_rate(const struct estimate *estimate)
{
	if (!is_short(estimate))
		return ESTIMATE_START_RATE;
	return WINDOW_BYTES * SECOND_US / estimate->rtt_min_us;
}

uint64_t
estimate_rate(const struct estimate *estimate)
{
	if (estimate->probing)
		return larger(2 * estimate->rate_bytes_s, start_rate(estimate));
	return estimate->rate_bytes_s;
}

/*
 * Some in a round trip, but a slow path has better things to carry; though if
 * it only looks slow, nothing else than an answer can tell.
 */
static uint64_t
ping_interval_us(const struct estimate *estimate)
{
	uint64_t slow_us = PING_EVERY_BYTES * SECOND_US /
	    estimate_rate(estimate);

	if (slow_us > PING_MOST_US)
		slow_us = PING_MOST_US;
	return larger(larger(slow_us, PING_LEAST_US),
	    estimate->rtt_min_us / PINGS_PER_ROUND_TRIP);
}

/*
 * Where the scheduler lets less wait than that, nothing more is sent until the
 * answer is there. A path of which a stall had made a slow one would never be
 * given enough to show better, if it was not asked after so little.
 */
static uint64_t
ping_bytes(const struct estimate *estimate, uint64_t interval_us)
{
	uint64_t per_ms = estimate_rate(estimate) / 1000;

	if (!estimate->probing && per_ms * PING_SLOW_MS < PING_LEAST_BYTES)
		return per_ms * PING_SLOW_MS;
	return larger(per_ms * (interval_us / 1000), PING_LEAST_BYTES);
}

bool
estimate_wants_ping(const struct estimate *estimate, uint64_t now_us)
{
	uint64_t bytes = estimate->sent_bytes - estimate->pinged_bytes;
	uint64_t interval_us = ping_interval_us(estimate);

	if (bytes == 0)
		return false;
	/* What may go next has to wait for the answer. */
	if (estimate_drains(estimate))
		return true;
	return now_us - estimate->pinged_us >= interval_us ||
	    bytes >= ping_bytes(estimate, interval_us);
}

void
estimate_pinged(struct estimate *estimate, uint64_t now_us)
{
	estimate->pinged_us = now_us;
	estimate->pinged_bytes = estimate->sent_bytes;
}

bool
estimate_drains(const struct estimate *estimate)
{
	return estimate->drain_at_us != 0;
}

/* RFC 6298, section 2: alpha 1/8, beta 1/4. */
static void
smooth(struct estimate *estimate, uint64_t rtt_us)
{
	uint64_t off;

	if (estimate->srtt_us == 0) {
		estimate->srtt_us = rtt_us;
		estimate->rttvar_us = rtt_us / 2;
		return;
	}
	off = estimate->srtt_us > rtt_us ? estimate->srtt_us - rtt_us :
					   rtt_us - estimate->srtt_us;
	estimate->rttvar_us = (3 * estimate->rttvar_us + off) / 4;
	estimate->srtt_us = larger((7 * estimate->srtt_us + rtt_us) / 8, 1);
}

static void
set_minimum(struct estimate *estimate, uint64_t rtt_us, uint64_t now_us)
{
	estimate->rtt_min_us = rtt_us;
	estimate->rtt_min_at_us = now_us;
	estimate->drain_at_us = 0;
}

/* Where next to nothing is under way, a path that drains is a slow one. */
static uint64_t
drain_us(const struct estimate *estimate)
{
	return larger(2 * estimate->srtt_us,
	    is_short(estimate) ? DRAIN_SHORT_US : DRAIN_LEAST_US);
}

/*
 * A minimum that was not seen again for the whole window may be history. The
 * sample at hand cannot replace it, since a standing queue is in it: taking it
 * would let the queue grow by its own measure. So the queue is drained first
 * (as BBR does), and the least of that time is the new minimum.
 */
static void
track_minimum(struct estimate *estimate, uint64_t rtt_us, uint64_t now_us)
{
	uint64_t least = estimate->rtt_min_us;

	if (least == 0 || rtt_us <= least + least / 16) {
		if (least == 0 || rtt_us < least)
			least = rtt_us;
		set_minimum(estimate, least, now_us);
		return;
	}
	if (now_us - estimate->rtt_min_at_us < ESTIMATE_MIN_WINDOW_US)
		return;
	if (estimate->drain_at_us == 0) {
		estimate->drain_at_us = now_us;
		estimate->drain_min_us = rtt_us;
	}
	if (rtt_us < estimate->drain_min_us)
		estimate->drain_min_us = rtt_us;
	if (now_us - estimate->drain_at_us > drain_us(estimate))
		set_minimum(estimate, estimate->drain_min_us, now_us);
}

/* Bytes that are under way when the path is full and nothing waits. */
static uint64_t
pipe_bytes(const struct estimate *estimate)
{
	uint64_t ms = estimate->rtt_min_us / 1000 + 1;

	return estimate_rate(estimate) / 1000 * ms;
}

/*
 * Does something wait on the path? Delay alone could be jitter, unless it is
 * out of proportion; with a backlog that fills the pipe less of it will do,
 * and so it does while nothing is known. With less than a segment behind it, a
 * datagram was late for another reason: some process had to wait for its turn.
 */
static bool
queue_stands(const struct estimate *estimate, uint64_t rtt_us)
{
	uint64_t backlog = estimate_backlog_bytes(estimate);
	uint64_t least = estimate->rtt_min_us;

	if (backlog < SEGMENT_BYTES)
		return false;
	if (rtt_us > least + least / 2 + 20000)
		return true;
	if (!estimate->probing && backlog < pipe_bytes(estimate))
		return false;
	return rtt_us > least + least / 4 + 250;
}

static uint64_t
per_second(uint64_t bytes, uint64_t interval_us)
{
	uint64_t rate;

	if (bytes > UINT64_MAX / SECOND_US)
		return RATE_MOST;
	rate = bytes * SECOND_US / larger(interval_us, 1);
	return rate > RATE_MOST ? RATE_MOST : larger(rate, RATE_LEAST);
}

/* Put a sample into its bucket and take the maximum of the window. */
static void
feed_window(struct estimate *estimate, uint64_t rate, uint64_t now_us)
{
	/*
	 * Not of the smoothed round trip: one that a rate taken too high makes
	 * long would keep that rate in the window.
	 */
	uint64_t window_us = larger(10 * estimate->rtt_min_us, WINDOW_LEAST_US);
	unsigned int i = estimate->window_next, last;
	uint64_t most;

	if (now_us - estimate->window_at_us[i] >=
	    window_us / ESTIMATE_BUCKETS) {
		i = (i + 1) % ESTIMATE_BUCKETS;
		estimate->window_next = i;
		estimate->window_at_us[i] = now_us;
		estimate->window_rate[i] = 0;
	}
	estimate->window_rate[i] = larger(estimate->window_rate[i], rate);
	/* One sample alone, after a pause, is not a reason to forget all. */
	last = (i + ESTIMATE_BUCKETS - 1) % ESTIMATE_BUCKETS;
	most = estimate->window_rate[last];
	for (i = 0; i < ESTIMATE_BUCKETS; i++)
		if (now_us - estimate->window_at_us[i] < window_us)
			most = larger(most, estimate->window_rate[i]);
	estimate->rate_bytes_s = most;
}

static void
sample_rate(struct estimate *estimate, uint64_t ping_us, uint64_t now_us)
{
	uint64_t bytes = estimate->acked_bytes - estimate->sample_bytes;
	uint64_t came_us = now_us - estimate->sample_at_us;
	uint64_t went_us = ping_us - estimate->sample_ping_us;
	uint64_t interval_us = larger(came_us, went_us), rate;

	if (interval_us < larger(estimate->rtt_min_us, SAMPLE_LEAST_US))
		return;
	if (bytes < SAMPLE_LEAST_BYTES && interval_us < SAMPLE_MOST_US &&
	    !estimate->probing)
		return;
	/* It came faster than it went: something had held it up. */
	if (went_us > came_us + came_us / 4)
		estimate->limited = false;
	rate = per_second(bytes, interval_us);
	if (estimate->limited || rate > estimate->rate_bytes_s)
		feed_window(estimate, rate, now_us);
	if (estimate->limited) {
		estimate->probing = false;
		estimate->limited_at_us = now_us;
	} else if (estimate->rate_bytes_s < start_rate(estimate) &&
	    now_us - estimate->limited_at_us > REVIVE_US)
		estimate->probing = true;
	estimate->sample_at_us = now_us;
	estimate->sample_ping_us = ping_us;
	estimate->sample_bytes = estimate->acked_bytes;
	estimate->limited = queue_stands(estimate, now_us - ping_us);
}

/* In one TCP stream nothing overtakes: every count and time only grows. */
static bool
is_possible(const struct estimate *estimate, uint64_t ping_us, uint64_t frames,
    uint64_t bytes, uint64_t now_us)
{
	return ping_us <= now_us && ping_us >= estimate->last_ping_us &&
	    now_us >= estimate->sample_at_us && bytes <= estimate->sent_bytes &&
	    bytes >= estimate->acked_bytes && frames <= estimate->sent_frames &&
	    frames >= estimate->acked_frames;
}

bool
estimate_pong(struct estimate *estimate, uint64_t ping_us, uint64_t frames,
    uint64_t bytes, uint64_t now_us)
{
	uint64_t rtt_us;

	if (!is_possible(estimate, ping_us, frames, bytes, now_us))
		return false;
	rtt_us = larger(now_us - ping_us, 1);
	if (bytes > estimate->acked_bytes)
		estimate->acked_at_us = now_us;
	estimate->acked_bytes = bytes;
	estimate->acked_frames = frames;
	estimate->last_ping_us = ping_us;
	smooth(estimate, rtt_us);
	track_minimum(estimate, rtt_us, now_us);
	if (!queue_stands(estimate, rtt_us))
		estimate->limited = false;
	sample_rate(estimate, ping_us, now_us);
	return true;
}
