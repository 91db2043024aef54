/*
 * A candidate is measured by a burst of padding and the PONG behind it, so
 * that relays compare whatever the application sends just then.
 */
#include "supervisor/engine/tunnel_pool.h"

#include <bsd/stdlib.h>
#include <stdlib.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/pool.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"
#include "supervisor/state.h"

#define BURST_BYTES ((size_t)32000)
#define BURST_FRAME_BYTES ((size_t)16000)
/* What is not acknowledged by then goes out again on another path. */
#define DRAIN_LIMIT_US UINT64_C(2000000)
#define STEPS_MAX (2 * POOL_MAX)

struct candidate {
	struct path *path;
	uint64_t burst_us;    /* when it began; 0: none is on its way */
	uint64_t burst_bytes; /* sent in all at its end */
};

struct tunnel_pool {
	struct pool pool;
	struct candidate candidates[POOL_MAX];
};

_Static_assert(POOL_MAX == CONFIG_POOL_MAX, "what is configured fits");

/* pool.count for a path that is not of it. */
static size_t
find(const struct tunnel_pool *pool, const struct path *path)
{
	size_t i = 0;

	while (i < pool->pool.count && pool->candidates[i].path != path)
		i++;
	return i;
}

/* POOL_MAX for a path that is not of its tunnel's pool. */
static size_t
index_of(const struct path *path)
{
	const struct tunnel_pool *pool = path->tunnel->pool;
	size_t i;

	if (pool == NULL)
		return POOL_MAX;
	i = find(pool, path);
	return i < pool->pool.count ? i : POOL_MAX;
}

int
tunnel_pool_open(struct tunnel *tunnel)
{
	struct tunnel_pool *pool;
	struct path *path;
	size_t count = 0, use = tunnel->config->pool_use;

	if (use == 0 || tunnel->config->down)
		return 0;
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return -1;
	TAILQ_FOREACH(path, &tunnel->paths, entry) {
		if (path->config == NULL || !path->config->pooled ||
		    count == POOL_MAX)
			continue;
		pool->candidates[count++].path = path;
		path->rests = true;
	}
	if (use > count)
		use = count;
	pool_init(&pool->pool, count, use);
	tunnel->pool = pool;
	return 0;
}

/* What it is and what is known of it stay as they were. */
static void
keep(struct tunnel_pool *pool, size_t which, const struct tunnel_pool *before)
{
	struct path *path = pool->candidates[which].path;
	size_t i = find(before, path);

	if (i < before->pool.count) {
		pool->candidates[which] = before->candidates[i];
		pool_keep(&pool->pool, which, &before->pool, i);
		path->rests = pool->pool.members[which].role == POOL_RESTING;
	}
}

int
tunnel_pool_reopen(struct tunnel *tunnel)
{
	struct tunnel_pool *before = tunnel->pool;
	int result;

	tunnel->pool = NULL;
	result = tunnel_pool_open(tunnel);
	if (before != NULL && tunnel->pool != NULL)
		for (size_t i = 0; i < tunnel->pool->pool.count; i++)
			keep(tunnel->pool, i, before);
	free(before);
	return result;
}

void
tunnel_pool_close(struct tunnel *tunnel)
{
	free(tunnel->pool);
	tunnel->pool = NULL;
}

/* By its number: the order of the list may be another. */
static void
leave_candidate(struct state *state, struct tunnel *tunnel,
    struct candidate *candidate)
{
	uint16_t id = candidate->path->id;
	struct path *path;

	STATE_NUMBER(state, id);
	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->id == id && path->config != NULL &&
		    path->config->pooled)
			break;
	if (path == NULL) {
		state_break(state);
		return;
	}
	candidate->path = path;
	state_flag(state, &path->rests);
}

void
tunnel_pool_leave(struct state *state, struct tunnel *tunnel)
{
	struct tunnel_pool *pool = tunnel->pool;

	if (pool == NULL)
		return;
	leave_pool(state, &pool->pool);
	for (size_t i = 0; i < pool->pool.count && !state->broken; i++)
		leave_candidate(state, tunnel, &pool->candidates[i]);
}

static void
bring_up(struct tunnel_pool *pool, size_t which, uint64_t now_us)
{
	struct candidate *candidate = &pool->candidates[which];
	struct path *path = candidate->path;

	log_debug(path->subject, "pool: %s",
	    pool_role_name(&pool->pool, which, now_us));
	candidate->burst_us = 0;
	path->rests = false;
	if (path->state == PATH_UP) {
		/* It had not drained yet. */
		path->drains_us = 0;
		pool_up(&pool->pool, which);
	} else {
		path->limit_us = now_us;
	}
}

static void
take_down(struct path *path, uint64_t now_us)
{
	if (path->successor != NULL)
		tunnel_drop_path(path->tunnel, path->successor,
		    "what it was to replace rests");
	if (path->state == PATH_UP)
		path->drains_us = now_us;
	else
		path_finish(path, "tried for too long");
}

static void
step(struct tunnel_pool *pool, uint64_t now_us)
{
	size_t which;

	for (int i = 0; i < STEPS_MAX; i++) {
		switch (pool_next(&pool->pool, now_us, arc4random(), &which)) {
		case POOL_NOTHING:
			return;
		case POOL_BRING_UP:
			bring_up(pool, which, now_us);
			break;
		case POOL_TAKE_DOWN:
			take_down(pool->candidates[which].path, now_us);
			break;
		}
	}
}

/* In frames that the peer takes. */
static bool
send_padding(struct path *path)
{
	static const uint8_t padding[BURST_FRAME_BYTES] = { FRAME_PADDING };
	size_t most = (size_t)path->peer_frame_max - FRAME_TAG_BYTES, bytes;

	if (most > sizeof(padding))
		most = sizeof(padding);
	for (size_t left = BURST_BYTES; left > 0; left -= bytes) {
		bytes = left < most ? left : most;
		if (!path_send(path, padding, bytes))
			return false;
	}
	return true;
}

static void
send_burst(struct candidate *candidate)
{
	struct path *path = candidate->path;
	uint64_t now_us = clock_now_us();

	if (wire_room(&path->channel) < 2 * BURST_BYTES || !send_padding(path))
		return;
	path_ping(path);
	candidate->burst_us = now_us;
	candidate->burst_bytes = path->estimate.sent_bytes;
	path_flush(path, now_us);
}

static void
tend(struct tunnel_pool *pool, size_t which, uint64_t now_us)
{
	struct candidate *candidate = &pool->candidates[which];
	struct path *path = candidate->path;

	if (path->state != PATH_UP)
		return;
	if (path->drains_us != 0) {
		if (tunnel_path_is_empty(path->tunnel, path) ||
		    now_us > path->drains_us + DRAIN_LIMIT_US)
			path_finish(path, "the pool lets it rest");
	} else if (candidate->burst_us == 0 &&
	    pool_wants_sample(&pool->pool, which, now_us)) {
		send_burst(candidate);
	}
}

void
tunnel_pool_tick(struct tunnel *tunnel, uint64_t now_us)
{
	struct tunnel_pool *pool = tunnel->pool;

	if (pool == NULL)
		return;
	step(pool, now_us);
	for (size_t i = 0; i < pool->pool.count; i++)
		tend(pool, i, now_us);
}

void
tunnel_pool_up(struct path *path)
{
	size_t which = index_of(path);

	if (which < POOL_MAX)
		pool_up(&path->tunnel->pool->pool, which);
}

void
tunnel_pool_pong(struct path *path, uint64_t now_us)
{
	size_t which = index_of(path);
	struct candidate *candidate;
	uint64_t took_us;

	if (which == POOL_MAX)
		return;
	candidate = &path->tunnel->pool->candidates[which];
	if (candidate->burst_us == 0 ||
	    path->estimate.acked_bytes < candidate->burst_bytes)
		return;
	/* The PONG's way back is none of the delivery. */
	took_us = now_us - candidate->burst_us;
	if (took_us > path->estimate.rtt_min_us / 2)
		took_us -= path->estimate.rtt_min_us / 2;
	candidate->burst_us = 0;
	log_debug(path->subject, "pool: a burst took %.3f ms",
	    (double)took_us / 1000);
	pool_sample(&path->tunnel->pool->pool, which, took_us, now_us);
}

void
tunnel_pool_ended(struct path *path)
{
	size_t which = index_of(path);

	if (which == POOL_MAX)
		return;
	pool_down(&path->tunnel->pool->pool, which,
	    path->forged ? POOL_FORGED : POOL_FAILED, clock_now_us(),
	    arc4random());
	path->tunnel->pool->candidates[which].burst_us = 0;
	path->rests = true;
	path->forged = false;
	path->drains_us = 0;
}

bool
tunnel_pool_has(const struct path *path)
{
	return index_of(path) < POOL_MAX;
}

void
tunnel_pool_replaced(struct path *path, struct path *successor)
{
	size_t which = index_of(path);
	struct tunnel_pool *pool = path->tunnel->pool;

	if (which == POOL_MAX)
		return;
	pool->candidates[which] = (struct candidate){ .path = successor };
	pool->pool.members[which].up = successor != NULL &&
	    successor->state == PATH_UP;
}

const char *
tunnel_pool_role(const struct path *path)
{
	size_t which = index_of(path);

	if (which == POOL_MAX)
		return NULL;
	return pool_role_name(&path->tunnel->pool->pool, which, clock_now_us());
}
