/*
 * Paths that are up cross with their worker, rings and keys. Of the others only
 * what was learned does: their worker is let go, and they are dialled anew.
 */
#include "supervisor/engine/leave_path.h"

#include <stdlib.h>

#include "supervisor/config.h"
#include "supervisor/engine/advance.h"
#include "supervisor/engine/channel_leave.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/state.h"

#define NO_CONFIG UINT64_MAX
#define TEXT(state, array) state_text((state), (array), sizeof(array))

/* Over all its connections. */
static void
leave_totals(struct state *state, struct path *path)
{
	STATE_NUMBER(state, path->id);
	state_flag(state, &path->backup);
	TEXT(state, path->uri);
	TEXT(state, path->last_error);
	TEXT(state, path->note);
	STATE_NUMBER(state, path->backoff.failures);
	state_flag(state, &path->backoff.stands);
	STATE_NUMBER(state, path->restarts);
	STATE_NUMBER(state, path->tx_bytes);
	STATE_NUMBER(state, path->rx_bytes);
	STATE_NUMBER(state, path->tx_datagrams);
	STATE_NUMBER(state, path->rx_datagrams);
	leave_meter(state, &path->tx_meter);
	leave_meter(state, &path->rx_meter);
}

static void
leave_session(struct state *state, struct path *path)
{
	STATE_NUMBER(state, path->rotate_us);
	STATE_NUMBER(state, path->drains_us);
	STATE_NUMBER(state, path->slot);
	STATE_NUMBER(state, path->instance);
	STATE_NUMBER(state, path->peer_frame_max);
	STATE_NUMBER(state, path->held_us);
	leave_estimate(state, &path->estimate);
	STATE_NUMBER(state, path->data_us);
	STATE_NUMBER(state, path->looked_us);
	state_flag(state, &path->ping_due);
	STATE_NUMBER(state, path->waits_us);
	state_flag(state, &path->pong_due);
	STATE_NUMBER(state, path->pong.time_us);
	STATE_NUMBER(state, path->pong.frames);
	STATE_NUMBER(state, path->pong.bytes);
	noise_cipher_state(state, path->tx);
	noise_cipher_state(state, path->rx);
	channel_leave(state, &path->channel);
}

/* A listener's has none, nor one that a change of configuration left out. */
static uint64_t
config_index(const struct path *path)
{
	return path->config == NULL ?
	    NO_CONFIG :
	    (uint64_t)(path->config - path->tunnel->config->paths);
}

static void
write_path(struct state *state, struct path *path)
{
	uint64_t config = config_index(path), limit_us = 0;
	int64_t advanced = path->channel.advanced ? path->channel.slot : -1;
	bool up = path->state == PATH_UP;

	if (path->state == PATH_WAITING)
		limit_us = path->limit_us;
	STATE_NUMBER(state, config);
	STATE_NUMBER(state, advanced);
	state_flag(state, &up);
	STATE_NUMBER(state, path->since_us);
	STATE_NUMBER(state, limit_us);
	leave_totals(state, path);
	if (up)
		leave_session(state, path);
}

/* Its place in the tunnel's history is its own. */
static bool
take_slot(struct path *path)
{
	struct tunnel *tunnel = path->tunnel;

	if (tunnel->slot_taken[path->slot])
		return false;
	tunnel->slot_taken[path->slot] = true;
	tunnel->paths_up++;
	return true;
}

static bool
read_session(struct state *state, struct path *path)
{
	struct engine *engine = path->engine;

	if (!leave_path_prepare(path))
		return false;
	leave_session(state, path);
	if (state->broken || !take_slot(path) ||
	    channel_inherit(&path->channel, engine->base, &engine->spawner) ==
		-1)
		return false;
	path->state = PATH_UP;
	return true;
}

bool
leave_path_prepare(struct path *path)
{
	if (path->tx == NULL)
		path->tx = noise_cipher_new();
	if (path->rx == NULL)
		path->rx = noise_cipher_new();
	return path->tx != NULL && path->rx != NULL;
}

/* One that was made ready, where there is one. */
static struct path *
begin_path(struct state *state, struct engine *engine)
{
	int64_t advanced = -1;

	STATE_NUMBER(state, advanced);
	if (advanced == -1)
		return path_inherit(engine);
	return advance_take_path(engine->upgrade.advance, advanced);
}

static bool
find_config(struct state *state, const struct tunnel *tunnel,
    const struct config_path **config)
{
	uint64_t index = NO_CONFIG;

	STATE_NUMBER(state, index);
	*config = NULL;
	if (index == NO_CONFIG)
		return true;
	if (tunnel->config == NULL || index >= tunnel->config->paths_count)
		return false;
	*config = &tunnel->config->paths[index];
	return true;
}

static struct path *
new_path(struct state *state, struct tunnel *tunnel)
{
	const struct config_path *config;
	struct path *path;

	if (!find_config(state, tunnel, &config))
		return NULL;
	path = begin_path(state, tunnel->engine);
	if (path == NULL)
		return NULL;
	path->tunnel = tunnel;
	path->peer = tunnel->peer;
	path->config = config;
	path->rests = config != NULL && tunnel->config->down;
	TAILQ_INSERT_TAIL(&tunnel->paths, path, entry);
	tunnel->paths_count++;
	return path;
}

static bool
read_path(struct state *state, struct tunnel *tunnel)
{
	struct path *path = new_path(state, tunnel);
	bool up = false;

	if (path == NULL)
		return false;
	path->state = PATH_WAITING;
	state_flag(state, &up);
	STATE_NUMBER(state, path->since_us);
	STATE_NUMBER(state, path->limit_us);
	leave_totals(state, path);
	path_set_subject(path, tunnel->name);
	return up ? read_session(state, path) :
		    !state->broken && path->config != NULL;
}

/* A path that nobody would dial again crosses if it is up. */
static bool
crosses(const struct path *path)
{
	return path->state == PATH_UP || path->config != NULL;
}

static size_t
count_crossing(const struct tunnel *tunnel)
{
	const struct path *path;
	size_t count = 0;

	TAILQ_FOREACH(path, &tunnel->paths, entry)
		count += crosses(path);
	return count;
}

static struct path *
find(const struct tunnel *tunnel, uint16_t id)
{
	struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->id == id)
			return path;
	return NULL;
}

/* Ids are a connector's own, and only its paths are replaced. */
static void
leave_rotation(struct state *state, struct tunnel *tunnel)
{
	struct path *path, *old;
	uint16_t id;
	bool replaces;

	TAILQ_FOREACH(path, &tunnel->paths, entry) {
		if (path->config == NULL)
			continue;
		old = path->predecessor;
		replaces = old != NULL;
		id = replaces ? old->id : 0;
		state_flag(state, &replaces);
		STATE_NUMBER(state, id);
		if (state->way != STATE_READ || !replaces)
			continue;
		old = find(tunnel, id);
		if (old == NULL || old == path || old->successor != NULL) {
			state_break(state);
			return;
		}
		path->predecessor = old;
		old->successor = path;
	}
}

void
leave_paths(struct state *state, struct tunnel *tunnel)
{
	size_t count = state_count(state, count_crossing(tunnel),
	    TUNNEL_PATHS_MAX);
	struct path *path;

	if (state->way == STATE_READ) {
		for (size_t i = 0; i < count && !state->broken; i++)
			if (!read_path(state, tunnel))
				state_break(state);
	} else {
		TAILQ_FOREACH(path, &tunnel->paths, entry)
			if (crosses(path))
				write_path(state, path);
	}
	leave_rotation(state, tunnel);
}
