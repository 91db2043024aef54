/*
 * The engine: the child that holds keys and UDP sockets, seals, opens and
 * schedules. One event loop; it forks nothing and opens no file.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/engine/admission.h"
#include "supervisor/engine/control.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/key.h"
#include "supervisor/engine/listener.h"
#include "supervisor/engine/spawner.h"

struct config;
struct config_peer;
struct event;
struct event_base;
struct noise_identity;
struct path;
struct sockets;
struct tunnel;

struct engine_start {
	const struct config *config;
	const struct sockets *sockets;
	int supervisor_channel;
	uint64_t alive_us; /* how often to tell it that we are; 0: never */
};

struct engine_peer {
	const struct config_peer *config;
	uint8_t key[KEY_BYTES]; /* public */
	uint8_t psk[KEY_BYTES]; /* zeros: none */
};

TAILQ_HEAD(path_list, path);
TAILQ_HEAD(tunnel_list, tunnel);

struct engine {
	const struct config *config;
	struct event_base *base;
	struct event *tick;
	struct spawner spawner;
	struct noise_identity *identity;
	struct engine_peer *peers; /* config->peers_count */
	struct tunnel_list tunnels;
	struct path_list arriving;  /* inbound, OPEN not seen yet */
	struct path_list ended;	    /* freed at the next tick */
	struct listener *listeners; /* config->listens_count */
	struct admission admission; /* of strangers, to all of them */
	struct control control;
	uint8_t instance[FRAME_INSTANCE_BYTES];
	uint64_t started_us;
	bool stopping;
	uint64_t stop_by_us;
	int status;
	/* Private memory of whoever is at work: no byte of it lives longer
	 * than one call. */
	uint8_t plain[FRAME_SEALED_MAX]; /* what was opened */
};

/*
 * Read the keys, while this process may. 0, or -1 having logged why. Once, and
 * before engine_run().
 */
int engine_prepare(const struct engine_start *start);

/*
 * Serve until the supervisor says stop or goes away. Returns the exit status
 * of the process.
 */
int engine_run(const struct engine_start *start);

/* Have the timers looked at as soon as the current event is done. */
void engine_kick(struct engine *engine);

/* The peer with this public key, or NULL. */
const struct engine_peer *
engine_find_peer(const struct engine *engine, const uint8_t key[KEY_BYTES]);

#endif
