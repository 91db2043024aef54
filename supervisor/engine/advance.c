#include "supervisor/engine/advance.h"

#include <sys/mman.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/channel.h"
#include "supervisor/engine/channel_leave.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/handover.h"
#include "supervisor/engine/leave_bundle.h"
#include "supervisor/engine/leave_end.h"
#include "supervisor/engine/leave_path.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_view.h"
#include "supervisor/state.h"

#define TUNNELS_MAX 65536
/* What libcrypto, libevent and others have of the heap for each, about. */
#define PATH_EXTRA_BYTES 6144
#define TUNNEL_EXTRA_BYTES 8192
#define PIECE_BYTES ((size_t)32768) /* as no mapping of its own */
#define TRIM_BYTES (1 << 30)
#define TRIM_DEFAULT (128 * 1024)

/* What the memory of a tunnel depends on. */
struct form {
	uint64_t history_bytes;
	uint16_t reorder_ms;
	bool stamped;
};

struct advance {
	struct engine *engine;
	struct path *paths[SPAWN_SLOTS];
	struct tunnel **tunnels;
	size_t tunnels_count;
};

static void
leave_form(struct state *state, struct form *form)
{
	STATE_NUMBER(state, form->history_bytes);
	STATE_NUMBER(state, form->reorder_ms);
	state_flag(state, &form->stamped);
}

static void
write_tunnel(struct state *state, struct tunnel *tunnel, uint64_t number)
{
	struct form form = { tunnel->history.arena.capacity,
		tunnel->policy.reorder_ms, tunnel->policy.max_age_ms > 0 };

	tunnel->advanced = number;
	leave_form(state, &form);
	leave_end(state, tunnel->end);
}

/* Ends of other kinds have more than a socket, and there are few. */
static bool
is_plain(const struct tunnel *tunnel)
{
	const struct end *end = tunnel->end;

	return !end->kept && end->fan == NULL && end_is_udp(end);
}

static size_t
count_plain(const struct engine *engine)
{
	const struct tunnel *tunnel;
	size_t count = 0;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		count += is_plain(tunnel);
	return count;
}

static void
write_tunnels(struct state *state, struct engine *engine)
{
	uint64_t number = 0;
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		if (is_plain(tunnel))
			write_tunnel(state, tunnel, ++number);
}

static bool
is_up(const struct path *path)
{
	return path->state == PATH_UP && path->channel.slot != -1;
}

static size_t
count_up(const struct engine *engine)
{
	const struct tunnel *tunnel;
	const struct path *path;
	size_t count = 0;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		TAILQ_FOREACH(path, &tunnel->paths, entry)
			count += is_up(path);
	return count;
}

static void
write_paths(struct state *state, struct engine *engine)
{
	struct tunnel *tunnel;
	struct path *path;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		TAILQ_FOREACH(path, &tunnel->paths, entry) {
			if (!is_up(path))
				continue;
			path->channel.advanced = true;
			STATE_NUMBER(state, path->channel.slot);
			channel_leave_ends(state, &path->channel);
		}
}

static void
write_all(struct state *state, struct engine *engine)
{
	state_begin(state);
	engine->upgrade.bundle = leave_bundle_write(state, engine);
	state_count(state, count_plain(engine), TUNNELS_MAX);
	state_count(state, count_up(engine), SPAWN_SLOTS);
	write_tunnels(state, engine);
	write_paths(state, engine);
	state_end(state);
}

int
advance_send(struct engine *engine, int socket)
{
	struct handover *handover = &engine->upgrade.early;
	struct state measured = { .way = STATE_MEASURE }, state;

	write_all(&measured, engine);
	if (handover_make(handover, measured.at, measured.fds_at) == -1)
		return -1;
	handover_begin(handover, &state);
	write_all(&state, engine);
	if (!state.broken)
		return handover_send(handover, &state, socket);
	errno = EOPNOTSUPP;
	return -1;
}

void
advance_forget(struct engine *engine)
{
	struct upgrade_way *way = &engine->upgrade;
	struct tunnel *tunnel;
	struct path *path;

	if (way->early.size == 0)
		return;
	way->bundle.bytes = NULL;
	handover_wipe(&way->early);
	handover_free(&way->early);
	TAILQ_FOREACH(tunnel, &engine->tunnels, entry) {
		tunnel->advanced = 0;
		/* The heir has set it. */
		tunnel->end->udp.queue_bytes = 0;
		TAILQ_FOREACH(path, &tunnel->paths, entry)
			path->channel.advanced = false;
	}
}

/* Of a path's memory only the control words are sure to be touched. */
static void
touch(const struct region *region)
{
#ifdef MADV_POPULATE_WRITE
	(void)madvise(region->control, region_control_bytes(),
	    MADV_POPULATE_WRITE);
#else
	(void)region;
#endif
}

/*
 * Freed again, but the heap's until advance_free(): the kernel is not asked for
 * it any more, and what is taken from it has its pages.
 */
static void
warm_heap(size_t tunnels, size_t paths)
{
	size_t bytes = tunnels *
		(sizeof(struct tunnel) + sizeof(struct tunnel_view) +
		    TUNNEL_EXTRA_BYTES) +
	    paths * (sizeof(struct path) + PATH_EXTRA_BYTES);
	size_t count = bytes / PIECE_BYTES + 1;
	void **pieces = calloc(count, sizeof(*pieces));

	if (pieces == NULL)
		return;
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	for (size_t i = 0; i < count; i++) {
		pieces[i] = malloc(PIECE_BYTES);
		if (pieces[i] != NULL)
			explicit_bzero(pieces[i], PIECE_BYTES);
	}
	for (size_t i = 0; i < count; i++)
		free(pieces[i]);
	free(pieces);
}

/* Without a place on the engine's list until it is taken. */
static bool
read_tunnel(struct state *state, struct advance *advance)
{
	struct frame_policy policy = { .scheduler = 0 };
	struct tunnel *tunnel;
	struct form form;
	struct end *end;

	leave_form(state, &form);
	end = leave_end_read(state);
	if (end == NULL)
		return false;
	policy.reorder_ms = form.reorder_ms;
	policy.max_age_ms = form.stamped;
	tunnel = tunnel_allocate(advance->engine, "", NULL, &policy,
	    form.history_bytes, end);
	if (tunnel == NULL)
		return false;
	TAILQ_REMOVE(&advance->engine->tunnels, tunnel, entry);
	advance->tunnels[advance->tunnels_count++] = tunnel;
	return true;
}

static bool
read_path(struct state *state, struct advance *advance)
{
	struct path *path = path_inherit(advance->engine);
	int slot = -1;

	if (path == NULL)
		return false;
	STATE_NUMBER(state, slot);
	channel_leave_ends(state, &path->channel);
	if (!state->broken && slot >= 0 && slot < SPAWN_SLOTS &&
	    advance->paths[slot] == NULL && leave_path_prepare(path) &&
	    channel_inherit_ends(&path->channel, advance->engine->base) == 0) {
		touch(&path->channel.worker);
		advance->paths[slot] = path;
		return true;
	}
	path_free(path);
	return false;
}

static bool
read_all(struct state *state, struct advance *advance)
{
	size_t tunnels, paths;

	if (!state_begin(state) || !leave_bundle_read(state, advance->engine))
		return false;
	tunnels = state_count(state, 0, TUNNELS_MAX);
	paths = state_count(state, 0, SPAWN_SLOTS);
	warm_heap(tunnels, paths);
	advance->tunnels = calloc(tunnels + 1, sizeof(*advance->tunnels));
	if (advance->tunnels == NULL)
		return false;
	for (size_t i = 0; i < tunnels; i++)
		if (!read_tunnel(state, advance))
			return false;
	for (size_t i = 0; i < paths; i++)
		if (!read_path(state, advance))
			return false;
	return state_end(state);
}

int
advance_receive(struct advance **advance, struct engine *engine, int socket)
{
	struct handover handover = HANDOVER_NONE;
	struct state state = { .broken = false };
	int result = -1;

	*advance = calloc(1, sizeof(**advance));
	if (*advance == NULL)
		return -1;
	(*advance)->engine = engine;
	if (handover_receive(&handover, socket, &state) == 0 &&
	    read_all(&state, *advance))
		result = 0;
	else if (state.broken)
		errno = EPROTO;
	handover_free(&handover);
	return result;
}

void
advance_free(struct advance *advance)
{
	struct tunnel *tunnel;

	if (advance == NULL)
		return;
	mallopt(M_TRIM_THRESHOLD, TRIM_DEFAULT);
	for (size_t i = 0; i < SPAWN_SLOTS; i++)
		if (advance->paths[i] != NULL)
			path_free(advance->paths[i]);
	for (uint64_t i = 1; i <= advance->tunnels_count; i++) {
		tunnel = advance_take_tunnel(advance, i);
		if (tunnel != NULL)
			tunnel_free(tunnel, "deserted");
	}
	free(advance->tunnels);
	free(advance);
}

struct path *
advance_take_path(struct advance *advance, int64_t slot)
{
	struct path *path = NULL;

	if (slot >= 0 && slot < SPAWN_SLOTS) {
		path = advance->paths[slot];
		advance->paths[slot] = NULL;
	}
	if (path == NULL)
		errno = EPROTO;
	return path;
}

struct tunnel *
advance_take_tunnel(struct advance *advance, uint64_t number)
{
	struct tunnel *tunnel = NULL;

	if (number > 0 && number <= advance->tunnels_count) {
		tunnel = advance->tunnels[number - 1];
		advance->tunnels[number - 1] = NULL;
	}
	if (tunnel == NULL)
		errno = EPROTO;
	else
		TAILQ_INSERT_TAIL(&advance->engine->tunnels, tunnel, entry);
	return tunnel;
}
