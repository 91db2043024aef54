/*
 * A path's timers, and a look at its rings in case a bell was withheld; how it
 * looks to the scheduler.
 */
#include <stdatomic.h>

#include "supervisor/config.h"
#include "supervisor/engine/channel.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/path_dial.h"
#include "supervisor/engine/schedule.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/wire.h"
#include "supervisor/log.h"

#define STALL_MIN_US UINT64_C(200000)
/* The rings of a path with nothing under way: hundreds may be idle. */
#define QUIET_LOOK_US UINT64_C(250000)
#define VAIN_US UINT64_C(1000000)

bool
path_is_stalled(const struct path *path, uint64_t now_us)
{
	uint64_t limit_us = 4 * path->estimate.srtt_us;

	if (limit_us < STALL_MIN_US)
		limit_us = STALL_MIN_US;
	return path->waits_us != 0 && now_us > path->waits_us + limit_us;
}

/*
 * Not acknowledged, and not waiting either: it has arrived behind a segment
 * that TCP is sending again. Without this every loss would look like a queue.
 * A worker that lies makes its own path fuller than it should be.
 */
static uint64_t
held_bytes(const struct path *path)
{
	if (!channel_is_open(&path->channel))
		return 0;
	return atomic_load_explicit(&path->channel.flags->held_bytes,
	    memory_order_relaxed);
}

static uint64_t
backlog_bytes(const struct path *path)
{
	uint64_t backlog = estimate_backlog_bytes(&path->estimate);
	uint64_t held = held_bytes(path);

	/* Our control frames alone are nothing that waits. */
	if (!path->ping_due && path->waits_us == 0)
		return 0;
	return held < backlog ? backlog - held : 0;
}

/* What was sent in this very burst may be younger than its beginning. */
static uint64_t
pong_age_us(const struct path *path, uint64_t now_us)
{
	uint64_t acked_at_us = path->estimate.acked_at_us;

	return now_us > acked_at_us ? now_us - acked_at_us : 0;
}

static size_t
room_bytes(struct path *path, uint64_t now_us)
{
	if (path->state != PATH_UP || path->held_us > now_us)
		return 0;
	return wire_room(&path->channel);
}

/* A worker that keeps us waiting, or lies, is not awaited again so soon. */
static uint64_t
ring_bytes(const struct path *path, size_t room, uint64_t now_us)
{
	if (room == 0 || !channel_is_busy(&path->channel) ||
	    (path->vain_us != 0 && now_us - path->vain_us < VAIN_US))
		return 0;
	return path->channel.tx.capacity - room;
}

void
path_describe(struct path *path, struct schedule_path *description,
    uint64_t now_us)
{
	size_t room = room_bytes(path, now_us);

	description->up = path->state == PATH_UP && path->drains_us == 0 &&
	    !path_is_stalled(path, now_us);
	description->taken = false;
	description->fresh = path->estimate.rate_bytes_s == 0;
	description->drains = estimate_drains(&path->estimate);
	description->backup = path->backup;
	description->room_bytes = room > WIRE_RESERVE_BYTES ?
	    room - WIRE_RESERVE_BYTES :
	    0;
	description->ring_bytes = ring_bytes(path, room, now_us);
	description->backlog_bytes = backlog_bytes(path);
	description->rate_bytes_s = estimate_rate(&path->estimate);
	description->srtt_us = path->estimate.srtt_us;
	description->rtt_min_us = path->estimate.rtt_min_us;
	description->pong_age_us = pong_age_us(path, now_us);
}

static void
tick_up(struct path *path, uint64_t now_us)
{
	size_t queued;

	/* To the scheduler a broken ring is a full one, for ever. */
	if (ring_queued(&path->channel.tx, &queued) != RING_OK) {
		path_break(path, WIRE_BROKEN_RING);
		return;
	}
	if (channel_burns(&path->channel, now_us)) {
		channel_kill(&path->channel);
		path_fail(path, "worker burns the processor for nothing");
		return;
	}
	if (path_is_stalled(path, now_us) && path->tunnel->paths_up > 1)
		tunnel_path_stalled(path->tunnel, path);
	if (path->waits_us != 0 &&
	    now_us > path->waits_us + path->tunnel->dead_us) {
		path_fail(path, "no answer in %u s",
		    (unsigned int)(path->tunnel->dead_us / 1000000));
		return;
	}
	tunnel_rotate(path, now_us);
	path_flush(path, now_us);
}

static bool
is_quiet(const struct path *path)
{
	return path->state == PATH_UP && path->waits_us == 0 &&
	    !path->ping_due && !path->pong_due && path->drains_us == 0;
}

static void
act(struct path *path, uint64_t now_us)
{
	switch (path->state) {
	case PATH_WAITING:
		if (!path->rests && now_us >= path->limit_us)
			path_dial(path);
		return;
	case PATH_DIALLING:
	case PATH_HANDSHAKE:
	case PATH_OPENING:
		if (now_us >= path->limit_us)
			path_fail(path, "%s: no answer in %u s",
			    path_state_name(path->state),
			    (unsigned int)((path->limit_us - path->since_us) /
				1000000));
		return;
	case PATH_UP:
		tick_up(path, now_us);
		return;
	case PATH_ENDED:
		return;
	}
}

void
path_tick(struct path *path, uint64_t now_us)
{
	if (is_quiet(path) && now_us - path->looked_us < QUIET_LOOK_US)
		return;
	path->looked_us = now_us;
	log_account(path->peer->config->name);
	if (channel_is_open(&path->channel))
		path_receive(path);
	act(path, clock_now_us());
	log_account(NULL);
}
