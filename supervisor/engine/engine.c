#include "supervisor/engine/engine.h"

#include <bsd/stdlib.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/credentials.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/secret.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"
#include "supervisor/sandbox.h"
#include "supervisor/sockets.h"

#define TICK_US 50000
/* How long workers may take to write out their last frames. */
#define STOP_LIMIT_US UINT64_C(1000000)

/* What is read while this process still may. */
static struct {
	struct noise_identity *identity;
	struct engine_peer *peers;
	struct address_pair *asked; /* the far tuple of each tunnel */
} prepared;

static int
prepare_identity(const struct config *config)
{
	uint8_t key[KEY_BYTES];
	char error[KEY_ERROR_MAX] = "no random numbers";
	int made = 0, result;

	/* Without peers there is nobody to show it to. */
	if (config->identity[0] == '\0')
		result = key_generate_private(key);
	else if (config->identity_make)
		result = key_read_or_make_file(config->identity, key, &made,
		    error);
	else
		result = key_read_file(config->identity, key, error);
	if (result == -1) {
		log_error(NULL, "identity: %s", error);
		return -1;
	}
	if (made)
		log_notice(NULL, "identity: made %s", config->identity);
	prepared.identity = noise_identity_new(key);
	key_wipe(key, sizeof(key));
	if (prepared.identity == NULL)
		log_error(NULL, "identity: %s: not a private key",
		    config->identity);
	return prepared.identity == NULL ? -1 : 0;
}

static int
prepare_peer(struct engine_peer *peer, const struct config_peer *config)
{
	char error[KEY_ERROR_MAX];

	peer->config = config;
	memcpy(peer->key,
	    config->self ? noise_identity_public(prepared.identity) :
			   config->key,
	    sizeof(peer->key));
	if (config->psk_file[0] == '\0')
		return 0;
	if (key_read_file(config->psk_file, peer->psk, error) == 0)
		return 0;
	log_error(NULL, "peer %s: %s", config->name, error);
	return -1;
}

static int
prepare_tunnel(struct address_pair *asked, const struct config_tunnel *config)
{
	const char *error;

	if (address_resolve_tuple(&config->remote, asked, &error) == 0)
		return 0;
	log_error(NULL, "tunnel %s: remote: %s", config->name, error);
	return -1;
}

/* The hops are this process's own copy. */
static int
prepare_paths(const struct config_tunnel *config)
{
	char error[KEY_ERROR_MAX];

	for (size_t i = 0; i < config->paths_count; i++) {
		if (credentials_read(&config->paths[i], error) == -1) {
			log_error(NULL, "tunnel %s: %s", config->name, error);
			return -1;
		}
	}
	return 0;
}

static size_t
peers_bytes(const struct config *config)
{
	return (config->peers_count + 1) * sizeof(struct engine_peer);
}

static int
prepare_secrets(const struct config *config)
{
	switch (secret_init(peers_bytes(config))) {
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
	const struct config *config = start->config;

	if (prepare_secrets(config) == -1)
		return -1;
	if (noise_init() == -1) {
		log_error(NULL,
		    "libcrypto lacks X25519, BLAKE2s or "
		    "ChaCha20-Poly1305 (a FIPS provider does)");
		return -1;
	}
	prepared.peers = secret_new(peers_bytes(config));
	prepared.asked = calloc(config->tunnels_count + 1,
	    sizeof(*prepared.asked));
	if (prepared.peers == NULL || prepared.asked == NULL) {
		log_error(NULL, "no memory for peers and tunnels");
		return -1;
	}
	if (prepare_identity(config) == -1)
		return -1;
	for (size_t i = 0; i < config->peers_count; i++)
		if (prepare_peer(&prepared.peers[i], &config->peers[i]) == -1)
			return -1;
	for (size_t i = 0; i < config->tunnels_count; i++)
		if (prepare_tunnel(&prepared.asked[i], &config->tunnels[i]) ==
			-1 ||
		    prepare_paths(&config->tunnels[i]) == -1)
			return -1;
	return 0;
}

const struct engine_peer *
engine_find_peer(const struct engine *engine, const uint8_t key[KEY_BYTES])
{
	for (size_t i = 0; i < engine->config->peers_count; i++)
		if (memcmp(engine->peers[i].key, key, KEY_BYTES) == 0)
			return &engine->peers[i];
	return NULL;
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
	struct path *path, *next;

	(void)fd;
	(void)what;
	tick_tunnels(engine, now_us);
	TAILQ_FOREACH_SAFE(path, &engine->arriving, entry, next)
		path_tick(path);
	for (size_t i = 0; i < engine->config->listens_count; i++)
		listener_tick(&engine->listeners[i], now_us);
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
handle_stop(void *argument)
{
	struct engine *engine = argument;

	if (engine->stopping)
		return;
	engine->stopping = true;
	engine->stop_by_us = clock_now_us() + STOP_LIMIT_US;
	for (size_t i = 0; i < engine->config->listens_count; i++)
		listener_close(&engine->listeners[i]);
	close_tunnels(engine);
	engine_kick(engine);
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

/* 0, or -1 with errno. */
static int
open_tunnel(struct engine *engine, size_t which, int socket)
{
	const struct config_tunnel *config = &engine->config->tunnels[which];
	const struct address_pair here = { .kind = config->local.kind };
	struct end *end = end_new(&here, socket);

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
		if (listener_open(&engine->listeners[i], engine,
			sockets->listens[i]) == -1) {
			log_error(NULL, "listener: %s", strerror(errno));
			return -1;
		}
	}
	if (control_open(&engine->control, engine, sockets->control) == -1) {
		log_error(NULL, "control socket: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int
open_loop(struct engine *engine, const struct engine_start *start)
{
	static const struct timeval interval = { .tv_usec = TICK_US };

	engine->base = event_base_new();
	if (engine->base == NULL)
		return -1;
	engine->spawner.stop = handle_stop;
	engine->spawner.gone = handle_gone;
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
allocate(const struct config *config)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (engine == NULL)
		return NULL;
	engine->listeners = calloc(config->listens_count + 1,
	    sizeof(*engine->listeners));
	if (engine->listeners == NULL) {
		free(engine);
		return NULL;
	}
	engine->config = config;
	engine->identity = prepared.identity;
	engine->peers = prepared.peers;
	engine->started_us = clock_now_us();
	TAILQ_INIT(&engine->tunnels);
	TAILQ_INIT(&engine->arriving);
	TAILQ_INIT(&engine->ended);
	arc4random_buf(engine->instance, sizeof(engine->instance));
	return engine;
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
	if (!engine->stopping)
		for (size_t i = 0; i < engine->config->listens_count; i++)
			listener_close(&engine->listeners[i]);
	close_tunnels(engine);
	close_arriving(engine);
	reap(engine);
	control_close(&engine->control);
	spawner_close(&engine->spawner);
	event_free(engine->tick);
	event_base_free(engine->base);
	noise_identity_free(engine->identity);
	secret_free(engine->peers, peers_bytes(engine->config));
	free(prepared.asked);
	free(engine->listeners);
	key_wipe(engine, sizeof(*engine));
	free(engine);
}

int
engine_run(const struct engine_start *start)
{
	struct engine *engine = allocate(start->config);
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (engine == NULL || open_loop(engine, start) == -1) {
		log_error(NULL, "event loop: %s", strerror(errno));
		return 1;
	}
	if (open_services(engine, start->sockets) == -1)
		return 1;
	sandbox_enter_engine(start->config);
	spawner_ready(&engine->spawner);
	engine_kick(engine);
	event_base_dispatch(engine->base);
	status = engine->status;
	destroy(engine);
	return status;
}
