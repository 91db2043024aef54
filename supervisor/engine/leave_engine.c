/*
 * What is left out begins anew without loss: strangers at the gate, whose
 * connections are closed and who try again, clients of the control socket, and
 * how the gate's limits stand.
 */
#include "supervisor/engine/leave_engine.h"

#include <event2/event.h>
#include <stdlib.h>

#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/leave_bundle.h"
#include "supervisor/engine/leave_end.h"
#include "supervisor/engine/leave_tunnel.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"
#include "supervisor/state.h"

#define LISTENERS_MAX 1024
#define PERMITTED_MAX 65536
#define TUNNELS_MAX 65536

/* It was given in advance, and only what was changed by hand is to follow. */
static void
write_bundle(struct state *state, struct engine *engine)
{
	bool same = leave_bundle_is(&engine->upgrade.bundle, engine);

	state_flag(state, &same);
	if (!same)
		leave_bundle_write(state, engine);
}

static bool
read_bundle(struct state *state, struct engine *engine)
{
	bool same = false;

	state_flag(state, &same);
	return same ? engine->peers != NULL : leave_bundle_read(state, engine);
}

static void
leave_process(struct state *state, struct engine *engine)
{
	STATE_NUMBER(state, engine->instance);
	STATE_NUMBER(state, engine->started_us);
	state_fd(state, &engine->keeper);
	state_fd(state, &engine->reload.channel);
	state_fd(state, &engine->reload.opening.channel);
	state_fd(state, &engine->control.fd);
}

/* It may open none. */
static void
leave_log(struct state *state, struct engine *engine)
{
	struct log_settings settings = engine->config->log;
	int fd = log_descriptor();

	state_fd(state, &fd);
	if (state->way != STATE_READ || state->broken)
		return;
	settings.level = log_get_level();
	if (fd == -1)
		settings.target = LOG_TO_STDERR;
	log_adopt(&settings, fd);
}

static size_t
count_listeners(const struct engine *engine)
{
	const struct listener *listener;
	size_t count = 0;

	TAILQ_FOREACH(listener, &engine->listeners, entry)
		count++;
	return count;
}

static void
write_listeners(struct state *state, struct engine *engine)
{
	struct listener *listener;

	state_count(state, count_listeners(engine), LISTENERS_MAX);
	TAILQ_FOREACH(listener, &engine->listeners, entry) {
		state_text(state, listener->service.host,
		    sizeof(listener->service.host));
		STATE_NUMBER(state, listener->service.port);
		state_fd(state, &listener->fd);
	}
}

static bool
read_listeners(struct state *state, struct engine *engine)
{
	size_t count = state_count(state, 0, LISTENERS_MAX);
	struct address_service service;
	int fd;

	for (size_t i = 0; i < count; i++) {
		state_text(state, service.host, sizeof(service.host));
		STATE_NUMBER(state, service.port);
		state_fd(state, &fd);
		if (fd == -1 || engine_listen(engine, &service, fd) == -1)
			return false;
	}
	return true;
}

/* Local sockets that a peer may ask for; their contents come last. */
static void
write_permitted(struct state *state, struct engine *engine)
{
	struct permitted *permitted = &engine->permitted;

	state_count(state, permitted->count, PERMITTED_MAX);
	for (size_t i = 0; i < permitted->count; i++)
		leave_end(state, permitted->ends[i]);
}

static bool
read_permitted(struct state *state, struct engine *engine)
{
	struct permitted *permitted = &engine->permitted;
	size_t count = state_count(state, 0, PERMITTED_MAX);
	struct end *end;

	permitted->ends = calloc(count + 1, sizeof(*permitted->ends));
	if (permitted->ends == NULL)
		return false;
	for (; permitted->count < count; permitted->count++) {
		end = leave_end_read(state);
		if (end == NULL)
			return false;
		end->kept = true;
		permitted->ends[permitted->count] = end;
	}
	return true;
}

static void
leave_permitted_contents(struct state *state, struct engine *engine)
{
	for (size_t i = 0; i < engine->permitted.count; i++)
		leave_end_contents(state, engine->permitted.ends[i]);
}

static size_t
count_tunnels(const struct engine *engine)
{
	const struct tunnel *tunnel;
	size_t count = 0;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		count++;
	return count;
}

void
leave_engine(struct state *state, struct engine *engine)
{
	struct tunnel *tunnel;

	state_begin(state);
	write_bundle(state, engine);
	leave_process(state, engine);
	leave_log(state, engine);
	write_listeners(state, engine);
	write_permitted(state, engine);
	state_count(state, count_tunnels(engine), TUNNELS_MAX);
	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		leave_tunnel(state, tunnel);
	leave_permitted_contents(state, engine);
	state_end(state);
}

/* False with errno, or a state that is broken. */
static bool
read_process(struct state *state, struct engine *engine)
{
	if (!read_bundle(state, engine))
		return false;
	leave_process(state, engine);
	leave_log(state, engine);
	return !state->broken &&
	    reload_open(&engine->reload, engine, engine->reload.channel,
		engine->reload.opening.channel) == 0 &&
	    control_open(&engine->control, engine, engine->control.fd) == 0 &&
	    read_listeners(state, engine) && read_permitted(state, engine);
}

bool
leave_engine_read(struct state *state, struct engine *engine)
{
	size_t count;

	if (!state_begin(state) || !read_process(state, engine))
		return false;
	count = state_count(state, 0, TUNNELS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!leave_tunnel_read(state, engine))
			return false;
	leave_permitted_contents(state, engine);
	return state_end(state);
}

void
leave_engine_serve(struct engine *engine)
{
	struct tunnel *tunnel;
	struct path *path;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry) {
		TAILQ_FOREACH(path, &tunnel->paths, entry)
			if (path->state == PATH_UP) {
				channel_serve(&path->channel);
				channel_again(&path->channel);
			}
		/* What waits for a time or for room is looked at. */
		event_active(tunnel->reorder_due, EV_TIMEOUT, 0);
		event_active(tunnel->readable, EV_READ, 0);
		tunnel_tend_hold(tunnel, clock_now_us());
	}
}
