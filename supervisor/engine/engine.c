#include "supervisor/engine/engine.h"

#include <bsd/stdlib.h>
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/bundle.h"
#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/secret.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/upgrade.h"
#include "supervisor/log.h"
#include "supervisor/sandbox.h"
#include "supervisor/sockets.h"

#define TICK_US 50000
/* Of the loop, between two looks at what is readable: so long, so many. */
#define ROUND_US 2000
#define ROUND_CALLS 16
/* How long workers may take to write out their last frames. */
#define STOP_LIMIT_US UINT64_C(1000000)

/* What is read while this process still may. */
static struct bundle prepared;

static int
prepare_secrets(const struct config *config)
{
	switch (secret_init(engine_peers_bytes(config))) {
	case SECRET_LOCKED:
		return 0;
	case SECRET_NOT_LOCKED:
		log_notice(NULL, "keys may be swapped out: mlock is limited");
		return 0;
	case SECRET_FAILED:
		break;
	}
	log_error(NULL, "no memory for keys");
	return -1;
}

int
engine_prepare(const struct engine_start *start)
{
	char error[CONFIG_ERROR_MAX];

	if (prepare_secrets(start->config) == -1)
		return -1;
	if (noise_init() == -1) {
		log_error(NULL,
		    "libcrypto lacks X25519, BLAKE2s or "
		    "ChaCha20-Poly1305 (a FIPS provider does)");
		return -1;
	}
	if (start->handover != -1)
		return 0;
	if (bundle_read(&prepared, start->config, error) == -1) {
		log_error(NULL, "configuration: %s", error);
		return -1;
	}
	if (prepared.identity_made)
		log_notice(NULL, "identity: made %s",
		    prepared.config->identity);
	return 0;
}

/* From here on the keys are in locked memory only. */
static int
take_keys(struct engine *engine)
{
	engine->identity = noise_identity_new(prepared.identity);
	key_wipe(prepared.identity, sizeof(prepared.identity));
	if (engine->identity == NULL) {
		log_error(NULL, "identity: %s: not a private key",
		    engine->config->identity);
		return -1;
	}
	engine->peers = engine_new_peers(&prepared, engine->identity);
	key_wipe(prepared.psks,
	    engine->config->peers_count * sizeof(*prepared.psks));
	if (engine->peers == NULL)
		log_error(NULL, "no memory for keys");
	return engine->peers == NULL ? -1 : 0;
}

void
engine_kick(struct engine *engine)
{
	event_active(engine->tick, EV_TIMEOUT, 0);
}

static void
reap(struct engine *engine)
{
	struct path *path;

	while ((path = TAILQ_FIRST(&engine->ended)) != NULL) {
		TAILQ_REMOVE(&engine->ended, path, entry);
		path_free(path);
	}
}

static void
tick_tunnels(struct engine *engine, uint64_t now_us)
{
	struct tunnel *tunnel, *next;

	TAILQ_FOREACH_SAFE(tunnel, &engine->tunnels, entry, next) {
		if (tunnel_tick(tunnel, now_us))
			continue;
		log_info(tunnel->name, "deserted: its UDP socket is closed");
		tunnel_free(tunnel, "deserted");
	}
}

static void
handle_tick(evutil_socket_t fd, short what, void *argument)
{
	struct engine *engine = argument;
	uint64_t now_us = clock_now_us();
	struct listener *listener;
	struct path *path, *next;

	(void)fd;
	(void)what;
	tick_tunnels(engine, now_us);
	TAILQ_FOREACH_SAFE(path, &engine->arriving, entry, next)
		path_tick(path, now_us);
	TAILQ_FOREACH(listener, &engine->listeners, entry)
		listener_tick(listener, now_us);
	spawner_tick(&engine->spawner, now_us);
	log_catch_up();
	reap(engine);
	if (engine->stopping &&
	    (now_us >= engine->stop_by_us ||
		spawner_used(&engine->spawner) == 0))
		event_base_loopbreak(engine->base);
}

static void
close_tunnels(struct engine *engine)
{
	struct tunnel *tunnel;

	while ((tunnel = TAILQ_FIRST(&engine->tunnels)) != NULL)
		tunnel_free(tunnel, "shutting down");
}

static void
close_listeners(struct engine *engine)
{
	struct listener *listener;

	while ((listener = TAILQ_FIRST(&engine->listeners)) != NULL) {
		TAILQ_REMOVE(&engine->listeners, listener, entry);
		listener_free(listener);
	}
}

static void
handle_stop(void *argument)
{
	struct engine *engine = argument;

	if (engine->stopping)
		return;
	engine->stopping = true;
	engine->stop_by_us = clock_now_us() + STOP_LIMIT_US;
	close_listeners(engine);
	close_tunnels(engine);
	engine_kick(engine);
}

static void
handle_reload(void *argument)
{
	struct engine *engine = argument;

	reload_begin(&engine->reload);
}

static void
handle_gone(void *argument)
{
	struct engine *engine = argument;

	if (!engine->stopping) {
		log_error(NULL, "the supervisor is gone");
		engine->status = 1;
	}
	event_base_loopbreak(engine->base);
}

static void
handle_upgrade(void *argument, const struct spawn_record *record)
{
	upgrade_decide(argument, record);
}

/* 0, or -1 with errno. */
static int
open_tunnel(struct engine *engine, size_t which, int socket)
{
	const struct config_tunnel *config = &engine->config->tunnels[which];
	struct end *end = end_new_here(config, socket);

	if (end == NULL ||
	    tunnel_new(engine, config, &prepared.asked[which], end) == NULL)
		return -1;
	return 0;
}

static int
open_services(struct engine *engine, const struct sockets *sockets)
{
	const struct config *config = engine->config;

	for (size_t i = 0; i < config->tunnels_count; i++) {
		if (open_tunnel(engine, i, sockets->tunnels[i]) == -1) {
			log_error(config->tunnels[i].name, "cannot begin: %s",
			    strerror(errno));
			return -1;
		}
	}
	for (size_t i = 0; i < config->listens_count; i++) {
		if (engine_listen(engine, &config->listens[i],
			sockets->listens[i]) == -1) {
			log_error(NULL, "listener: %s", strerror(errno));
			return -1;
		}
	}
	if (permitted_open(&engine->permitted, engine, sockets) == -1) {
		log_error(NULL, "named ends: %s", strerror(errno));
		return -1;
	}
	if (control_open(&engine->control, engine, sockets->control) == -1) {
		log_error(NULL, "control socket: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/*
 * Who has more to do is called again in the same round, and with enough of them
 * a round would have no end: nobody else's descriptors would be looked at.
 */
static struct event_base *
new_base(void)
{
	static const struct timeval most = { .tv_usec = ROUND_US };
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL &&
	    event_config_set_max_dispatch_interval(config, &most, ROUND_CALLS,
		0) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return base;
}

static int
open_loop(struct engine *engine, const struct engine_start *start)
{
	static const struct timeval interval = { .tv_usec = TICK_US };

	engine->base = new_base();
	if (engine->base == NULL)
		return -1;
	engine->spawner.stop = handle_stop;
	engine->spawner.reload = handle_reload;
	engine->spawner.gone = handle_gone;
	engine->spawner.upgrade = handle_upgrade;
	engine->spawner.argument = engine;
	engine->spawner.alive_us = start->alive_us;
	engine->tick = event_new(engine->base, -1, EV_PERSIST, handle_tick,
	    engine);
	if (engine->tick == NULL || event_add(engine->tick, &interval) == -1)
		return -1;
	return spawner_init(&engine->spawner, engine->base,
	    start->supervisor_channel);
}

static struct engine *
allocate(struct config *config)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (engine == NULL)
		return NULL;
	engine->config = config;
	engine->started_us = clock_now_us();
	TAILQ_INIT(&engine->listeners);
	TAILQ_INIT(&engine->tunnels);
	TAILQ_INIT(&engine->arriving);
	TAILQ_INIT(&engine->ended);
	arc4random_buf(engine->instance, sizeof(engine->instance));
	return engine;
}

int
engine_listen(struct engine *engine, const struct address_service *service,
    int fd)
{
	struct listener *listener = listener_new(engine, service, fd);

	if (listener == NULL)
		return -1;
	TAILQ_INSERT_TAIL(&engine->listeners, listener, entry);
	return 0;
}

static void
close_arriving(struct engine *engine)
{
	struct path *path;

	while ((path = TAILQ_FIRST(&engine->arriving)) != NULL) {
		TAILQ_REMOVE(&engine->arriving, path, entry);
		path_free(path);
	}
}

static void
destroy(struct engine *engine)
{
	close_listeners(engine);
	close_tunnels(engine);
	close_arriving(engine);
	reap(engine);
	permitted_close(&engine->permitted);
	control_close(&engine->control);
	reload_close(&engine->reload);
	upgrade_close(engine);
	spawner_close(&engine->spawner);
	event_free(engine->tick);
	event_base_free(engine->base);
	noise_identity_free(engine->identity);
	engine_free_peers(engine->peers, engine->config);
	prepared.config = engine->config;
	free(prepared.psks);
	prepared.psks = NULL;
	bundle_free(&prepared);
	key_wipe(engine, sizeof(*engine));
	free(engine);
}

/* An heir is locked in before it looks at anything. */
static int
begin(struct engine *engine, const struct engine_start *start)
{
	if (start->handover != -1) {
		address_forget_services();
		sandbox_enter_engine(start->config);
		return upgrade_inherit(engine, start->handover);
	}
	engine->keeper = start->keeper;
	if (take_keys(engine) == -1 ||
	    reload_open(&engine->reload, engine, start->loader,
		start->opener) == -1 ||
	    open_services(engine, start->sockets) == -1)
		return -1;
	address_forget_services();
	sandbox_enter_engine(start->config);
	spawner_ready(&engine->spawner, false);
	return 0;
}

int
engine_run(const struct engine_start *start)
{
	struct engine *engine = allocate(start->config);
	int status;

	/* Large tables are hardly ever full: no page before it is used. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	signal(SIGPIPE, SIG_IGN);
	if (engine == NULL || open_loop(engine, start) == -1) {
		log_error(NULL, "event loop: %s", strerror(errno));
		return 1;
	}
	if (begin(engine, start) == -1)
		return 1;
	engine_kick(engine);
	event_base_dispatch(engine->base);
	status = engine->status;
	destroy(engine);
	return status;
}
