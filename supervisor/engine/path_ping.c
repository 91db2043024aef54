/*
 * When a path asks what has arrived, and its answers.
 */
#include "supervisor/engine/clock.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"

/* An idle path is asked so often; one that is idle for long, more seldom. */
#define IDLE_PING_INTERVAL_US UINT64_C(1000000)
#define IDLE_LONG_US UINT64_C(10000000)
#define IDLE_LONG_PING_MOST_US UINT64_C(5000000)
/* The end that was dialled asks so much less while it is asked itself. */
#define IDLE_LISTENER_PART 4

void
path_ping(struct path *path)
{
	/* Not the time at which a burst began: it never goes back. */
	uint64_t now_us = clock_now_us();
	struct frame_ping ping = { .time_us = now_us };
	uint8_t frame[FRAME_CONTROL_MAX];

	if (!path_send(path, frame, frame_encode_ping(&ping, frame)))
		return;
	estimate_pinged(&path->estimate, now_us);
	path->ping_due = false;
	if (path->waits_us == 0)
		path->waits_us = now_us;
}

void
path_pong(struct path *path)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	if (path_send(path, frame, frame_encode_pong(&path->pong, frame)))
		path->pong_due = false;
}

static bool
is_asked(const struct path *path, uint64_t now_us)
{
	return path->config == NULL && path->asked_us != 0 &&
	    now_us - path->asked_us < 2 * IDLE_LONG_PING_MOST_US;
}

static uint64_t
idle_interval_us(const struct path *path, uint64_t now_us)
{
	uint64_t interval_us = path->tunnel->dead_us;

	if (now_us - path->data_us < IDLE_LONG_US ||
	    now_us - path->since_us < IDLE_LONG_US ||
	    interval_us < IDLE_PING_INTERVAL_US)
		return IDLE_PING_INTERVAL_US;
	if (interval_us > IDLE_LONG_PING_MOST_US)
		interval_us = IDLE_LONG_PING_MOST_US;
	return is_asked(path, now_us) ? IDLE_LISTENER_PART * interval_us :
					interval_us;
}

/*
 * A PING asks for what DATA came through; an idle path is asked now and then.
 * Control frames alone are no reason, or the two ends would never rest.
 */
static bool
is_ping_time(const struct path *path, uint64_t now_us)
{
	if (path->ping_due)
		return estimate_wants_ping(&path->estimate, now_us);
	return path->waits_us == 0 &&
	    now_us - path->estimate.pinged_us >= idle_interval_us(path, now_us);
}

void
path_ping_if_due(struct path *path, uint64_t now_us)
{
	if (is_ping_time(path, now_us))
		path_ping(path);
}
