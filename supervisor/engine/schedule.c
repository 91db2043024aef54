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

static uint64_t
delivery_us(const struct schedule_path *path, size_t bytes, uint64_t waiting_us)
{
	uint64_t frame_us = scale(bytes, SECOND_US, path->rate_bytes_s);
	uint64_t rtt_us = path->rtt_min_us;

	/*
	 * What the queue does not explain is jitter, or a rate taken too high.
	 * On an empty path the smoothed value tells of a queue that is gone.
	 */
	if (path->backlog_bytes > 0 && path->srtt_us > waiting_us &&
	    path->srtt_us - waiting_us > rtt_us)
		rtt_us = path->srtt_us - waiting_us;
	return waiting_us + frame_us + rtt_us / 2;
}

uint64_t
schedule_delivery_us(const struct schedule_path *path, size_t bytes)
{
	return delivery_us(path, bytes,
	    scale(waiting_bytes(path), SECOND_US, path->rate_bytes_s));
}

static uint64_t
cost_us(const struct schedule_path *path, size_t bytes, uint64_t waiting)
{
	uint64_t waiting_us = scale(waiting, SECOND_US, path->rate_bytes_s);

	return delivery_us(path, bytes, waiting_us) +
	    (QUEUE_WEIGHT - 1) * waiting_us;
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

static int
pick_earliest(const struct schedule_path *paths, size_t count, size_t bytes,
    uint32_t max_queue_ms, bool backups)
{
	uint64_t least_us = UINT64_MAX, us, waiting;
	int best = -1;
	size_t i;

	for (i = 0; i < count; i++) {
		if (paths[i].backup != backups || !may_take(&paths[i], bytes))
			continue;
		waiting = waiting_bytes(&paths[i]);
		if (!may_queue(&paths[i], bytes, waiting, max_queue_ms))
			continue;
		us = is_untried(&paths[i]) ? 0 :
					     cost_us(&paths[i], bytes, waiting);
		if (us < least_us) {
			least_us = us;
			best = (int)i;
		}
	}
	return best;
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
    uint32_t max_queue_ms)
{
	bool backups = !any_up(paths, count);

	switch (scheduler) {
	case CONFIG_PRIMARY:
		return pick_first(paths, count, bytes, max_queue_ms, backups);
	case CONFIG_EARLIEST:
	case CONFIG_REDUNDANT:
		return pick_earliest(paths, count, bytes, max_queue_ms,
		    backups);
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
