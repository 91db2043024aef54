#include "supervisor/engine/schedule.h"

#include "supervisor/engine/frame.h"

#define SECOND_US UINT64_C(1000000)
/* A fresh path has this much on trial, control frames included. */
#define TRIAL_BYTES 4096
#define TIME_MOST_US (UINT64_MAX / 16) /* sums of a few still fit */
/*
 * A frame that joins a queue is late itself and makes all that follow on that
 * path late. If each only sought its own earliest delivery, every path in use
 * would fill until it is as slow as the slowest of them.
 */
#define QUEUE_WEIGHT 4
/*
 * Behind a queue, a frame that takes some of its time is hardly later than a
 * shorter one, and costs less. The least goes into one TCP segment.
 */
#define WAITING_PART 4
#define SEGMENT_BYTES 1300
/*
 * One path in use costs less than many: frames and writes are long, and few
 * processes wake. A path that is so little later than the best, by its way or
 * by the queue that it has, is as good; and lateness that nothing explains is
 * mostly of the two hosts, busy with too many paths, as is a worker's that has
 * not taken yet what stands in its ring. Some queue has to be, or
 * a rate that was measured among many others would never be seen to grow.
 */
#define EQUAL_MOST_US 5000 /* on longer ways hosts matter little */
#define EQUAL_WAY_US 500
#define EQUAL_QUEUE_US 2000
#define EQUAL_LATE_US 5000
/*
 * PONGs come a PING's interval apart, and late on a busy host. On a path whose
 * round trip is shorter than that, what has left the queue since the last one
 * would look as if it stood there still.
 */
#define PONG_DUE_US 10000

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* a * b / c, without overflow where the result is below TIME_MOST_US. */
static uint64_t
scale(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t product, whole, rest;

	if (!__builtin_mul_overflow(a, b, &product))
		return least(product / c, TIME_MOST_US);
	whole = a / c;
	rest = a % c;
	if (whole > TIME_MOST_US / b || rest > UINT64_MAX / b)
		return TIME_MOST_US;
	return whole * b + rest * b / c;
}

/* The backlog beyond what a full path without a queue has under way. */
static uint64_t
waiting_bytes(const struct schedule_path *path)
{
	uint64_t under_way = 0;

	if (path->rtt_min_us != 0)
		under_way = scale(path->rtt_min_us, path->rate_bytes_s,
		    SECOND_US);
	if (path->drains)
		under_way = under_way / 4 * 3;
	if (path->backlog_bytes <= under_way)
		return 0;
	return path->backlog_bytes - under_way;
}

/* How long that takes, of which some may have passed since the last PONG. */
static uint64_t
waiting_us(const struct schedule_path *path, uint64_t waiting)
{
	uint64_t us = scale(waiting, SECOND_US, path->rate_bytes_s);

	if (path->rtt_min_us >= PONG_DUE_US)
		return us;
	return us -
	    least(us, least(path->pong_age_us, PONG_DUE_US - path->rtt_min_us));
}

/*
 * What the queue does not explain is jitter, or a rate taken too high. On an
 * empty path the smoothed round trip tells of a queue that is gone.
 */
static uint64_t
late_us(const struct schedule_path *path, uint64_t queue_us)
{
	uint64_t explained_us = queue_us + path->rtt_min_us;

	if (path->backlog_bytes == 0 || path->srtt_us <= explained_us)
		return 0;
	return (path->srtt_us - explained_us) / 2;
}

/* What a frame takes where nothing waits and nothing is late. */
static uint64_t
way_us(const struct schedule_path *path, size_t bytes)
{
	return scale(bytes, SECOND_US, path->rate_bytes_s) +
	    path->rtt_min_us / 2;
}

uint64_t
schedule_delivery_us(const struct schedule_path *path, size_t bytes)
{
	uint64_t queue_us = waiting_us(path, waiting_bytes(path));

	return queue_us + way_us(path, bytes) + late_us(path, queue_us);
}

static bool
may_take(const struct schedule_path *path, size_t bytes)
{
	return path->up && !path->taken && bytes <= path->room_bytes;
}

/* Behind so many bytes that wait already. */
static bool
may_queue(const struct schedule_path *path, size_t bytes, uint64_t waiting,
    uint32_t max_queue_ms)
{
	uint64_t most;

	if (waiting == 0)
		return true;
	if (path->drains)
		return false;
	most = scale(max_queue_ms, path->rate_bytes_s, 1000);
	return waiting <= most && bytes <= most - waiting;
}

bool
schedule_has_room(const struct schedule_path *path, size_t bytes,
    uint32_t max_queue_ms)
{
	return may_take(path, bytes) &&
	    may_queue(path, bytes, waiting_bytes(path), max_queue_ms);
}

static bool
any_up(const struct schedule_path *paths, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (paths[i].up && !paths[i].backup)
			return true;
	return false;
}

static bool
is_untried(const struct schedule_path *path)
{
	return path->fresh && path->backlog_bytes < TRIAL_BYTES;
}

/* What a path has to offer for a frame. */
struct offer {
	uint64_t way_us;
	uint64_t queue_us;
	uint64_t way_queue_us; /* of that, what its worker has taken */
	uint64_t late_us;
};

static bool
offers(const struct schedule_path *path, size_t bytes, uint32_t max_queue_ms,
    struct offer *offer)
{
	uint64_t waiting;

	if (!may_take(path, bytes))
		return false;
	waiting = waiting_bytes(path);
	if (!may_queue(path, bytes, waiting, max_queue_ms))
		return false;
	offer->way_us = way_us(path, bytes);
	offer->queue_us = waiting_us(path, waiting);
	offer->way_queue_us = waiting_us(path,
	    waiting - least(waiting, path->ring_bytes));
	offer->late_us = late_us(path, offer->queue_us);
	if (is_untried(path))
		*offer = (struct offer){ 0 };
	return true;
}

static uint64_t
cost_us(const struct offer *offer)
{
	return offer->way_us + offer->late_us + QUEUE_WEIGHT * offer->queue_us;
}

static bool
is_as_good(const struct offer *offer, uint64_t least_us)
{
	return offer->way_us <= EQUAL_MOST_US &&
	    offer->way_us <= least_us + EQUAL_WAY_US &&
	    offer->way_queue_us <= EQUAL_QUEUE_US &&
	    offer->queue_us <= EQUAL_LATE_US && offer->late_us <= EQUAL_LATE_US;
}

static int
pick_earliest(const struct schedule_path *paths, size_t count, size_t bytes,
    uint32_t max_queue_ms, bool backups, uint64_t *least_us)
{
	struct offer offer;
	int best = -1;
	size_t i;

	for (i = 0; i < count; i++) {
		if (paths[i].backup != backups ||
		    !offers(&paths[i], bytes, max_queue_ms, &offer) ||
		    cost_us(&offer) >= *least_us)
			continue;
		*least_us = cost_us(&offer);
		best = (int)i;
	}
	return best;
}

/* The best, or one that is as good and is known to carry more. */
static int
pick_largest(const struct schedule_path *paths, size_t count, size_t bytes,
    uint32_t max_queue_ms, int best, uint64_t least_us)
{
	struct offer offer;
	size_t i;

	for (i = 0; i < count; i++)
		if (paths[i].rate_bytes_s > paths[best].rate_bytes_s &&
		    paths[i].backup == paths[best].backup &&
		    offers(&paths[i], bytes, max_queue_ms, &offer) &&
		    is_as_good(&offer, least_us))
			best = (int)i;
	return best;
}

bool
schedule_keeps(const struct schedule_path *path, size_t bytes,
    uint32_t max_queue_ms, uint64_t least_us)
{
	struct offer offer;

	return offers(path, bytes, max_queue_ms, &offer) &&
	    is_as_good(&offer, least_us);
}

bool
schedule_awaits(const struct schedule_path *path, size_t bytes,
    uint32_t max_queue_ms, uint64_t least_us)
{
	struct schedule_path roomy = *path;

	if (path->ring_bytes == 0 || bytes <= path->room_bytes)
		return false;
	roomy.room_bytes = bytes;
	return schedule_keeps(&roomy, bytes, max_queue_ms, least_us);
}

static int
pick_first(const struct schedule_path *paths, size_t count, size_t bytes,
    uint32_t max_queue_ms, bool backups)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (paths[i].backup == backups &&
		    schedule_has_room(&paths[i], bytes, max_queue_ms))
			return (int)i;
	return -1;
}

int
schedule_pick(enum config_scheduler scheduler,
    const struct schedule_path *paths, size_t count, size_t bytes,
    uint32_t max_queue_ms, uint64_t *least_us)
{
	bool backups = !any_up(paths, count);
	int best;

	*least_us = UINT64_MAX;
	switch (scheduler) {
	case CONFIG_PRIMARY:
		return pick_first(paths, count, bytes, max_queue_ms, backups);
	case CONFIG_EARLIEST:
	case CONFIG_REDUNDANT:
		best = pick_earliest(paths, count, bytes, max_queue_ms, backups,
		    least_us);
		return best == -1 || *least_us == 0 ?
		    best :
		    pick_largest(paths, count, bytes, max_queue_ms, best,
			*least_us);
	}
	return -1;
}

size_t
schedule_frame_bytes(const struct schedule_path *path, size_t least_bytes)
{
	uint64_t bytes = path->rate_bytes_s / 1000;

	bytes = larger(bytes, waiting_bytes(path) / WAITING_PART);
	bytes = larger(bytes, larger(least_bytes, SEGMENT_BYTES));
	return bytes > FRAME_PLAIN_MAX ? FRAME_PLAIN_MAX : (size_t)bytes;
}
