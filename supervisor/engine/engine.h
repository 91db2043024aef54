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
#include "supervisor/engine/permitted.h"
#include "supervisor/engine/reload.h"
#include "supervisor/engine/spawner.h"
#include "supervisor/engine/upgrade.h"

struct address_service;
struct bundle;
struct config;
struct config_peer;
struct event;
struct event_base;
struct noise_identity;
struct path;
struct sockets;
struct tunnel;

struct engine_start {
	struct config *config; /* taken over */
	const struct sockets *sockets;
	int supervisor_channel;
	int loader;	   /* its channel, -1: there is none */
	int opener;	   /* its channel */
	uint64_t alive_us; /* how often to tell it that we are; 0: never */
	int keeper;	   /* what it sends to us: keeper.h */
	int handover; /* an heir takes all from another engine, over this; the
		       * rest but the channel is left out. Else -1 */
};

struct engine_peer {
	const struct config_peer *config;
	uint8_t key[KEY_BYTES]; /* public */
	uint8_t psk[KEY_BYTES]; /* zeros: none */
};

TAILQ_HEAD(path_list, path);
TAILQ_HEAD(tunnel_list, tunnel);

/* Of small frames that come together: what is given at once, about. */
#define ENGINE_OPENED_BYTES ((size_t)32 * 1024)

struct engine {
	struct config *config; /* owned */
	struct event_base *base;
	struct event *tick;
	struct spawner spawner;
	struct noise_identity *identity;
	struct engine_peer *peers; /* config->peers_count */
	struct permitted permitted;
	int keeper;
	struct tunnel_list tunnels;
	struct path_list arriving; /* inbound, OPEN not seen yet */
	struct path_list ended;	   /* freed at the next tick */
	struct listener_list listeners;
	struct admission admission; /* of strangers, to all of them */
	struct control control;
	struct reload reload;
	struct upgrade_way upgrade;
	uint8_t instance[FRAME_INSTANCE_BYTES];
	uint64_t started_us;
	bool stopping;
	uint64_t stop_by_us;
	int status;
	/* Private memory of the path that receives: no byte of it lives longer
	 * than its turn. Used are the frames whose datagrams are not given yet,
	 * and how many those are. */
	uint8_t opened[ENGINE_OPENED_BYTES + FRAME_SEALED_MAX];
	size_t opened_bytes;
	size_t opened_datagrams;
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

/* Listen on a socket that is bound, and taken over. 0, or -1 with errno. */
int engine_listen(struct engine *engine, const struct address_service *service,
    int fd);

/*
 * The peers of a configuration with their keys, in locked memory; NULL when
 * there is no more of that. To be freed with the same configuration.
 */
struct engine_peer *engine_new_peers(const struct bundle *bundle,
    const struct noise_identity *identity);
size_t engine_peers_bytes(const struct config *config);
void engine_free_peers(struct engine_peer *peers, const struct config *config);

/* The peer with this public key, or NULL. */
const struct engine_peer *
engine_find_peer(const struct engine *engine, const uint8_t key[KEY_BYTES]);

#endif
