#include "supervisor/engine/tunnel.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/path.h"
#include "supervisor/log.h"

/* How long a listener keeps a tunnel's UDP socket for its connector. */
#define DESERTED_LIMIT_US UINT64_C(60000000)

void
tunnel_path_up(struct tunnel *tunnel, struct path *path)
{
	(void)path;
	if (tunnel->paths_up++ == 0)
		log_notice(tunnel->name, "up");
	tunnel_path_room(tunnel);
}

void
tunnel_path_down(struct tunnel *tunnel, struct path *path)
{
	(void)path;
	if (--tunnel->paths_up == 0)
		log_notice(tunnel->name, "down: no path is up");
}

void
tunnel_path_gone(struct tunnel *tunnel, struct path *path)
{
	TAILQ_REMOVE(&tunnel->paths, path, entry);
	if (--tunnel->paths_count == 0)
		tunnel->deserted_us = clock_now_us();
}

static int
learn_addresses(struct tunnel *tunnel)
{
	socklen_t length = sizeof(tunnel->local);

	if (getsockname(tunnel->udp.fd, (struct sockaddr *)&tunnel->local,
		&length) == -1)
		return -1;
	length = sizeof(tunnel->remote);
	return getpeername(tunnel->udp.fd, (struct sockaddr *)&tunnel->remote,
	    &length);
}

static void
handle_readable(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	tunnel_pump(argument);
}

struct tunnel *
tunnel_allocate(struct engine *engine, const char *name,
    const struct engine_peer *peer, int socket)
{
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));

	if (tunnel == NULL) {
		close(socket);
		return NULL;
	}
	tunnel->engine = engine;
	tunnel->peer = peer;
	tunnel->deserted_us = clock_now_us();
	strlcpy(tunnel->name, name, sizeof(tunnel->name));
	TAILQ_INIT(&tunnel->paths);
	TAILQ_INSERT_TAIL(&engine->tunnels, tunnel, entry);
	tunnel->udp.fd = -1;
	if (udp_init(&tunnel->udp, socket) == -1) {
		close(socket);
		tunnel_free(tunnel, "no socket for the tunnel");
		return NULL;
	}
	if (learn_addresses(tunnel) == -1 ||
	    udp_batch_init(&tunnel->batch) == -1 ||
	    (tunnel->readable = event_new(engine->base, socket,
		 EV_READ | EV_PERSIST, handle_readable, tunnel)) == NULL ||
	    event_add(tunnel->readable, NULL) == -1) {
		tunnel_free(tunnel, "no memory for the tunnel");
		return NULL;
	}
	return tunnel;
}

static int
add_paths(struct tunnel *tunnel)
{
	const struct config_tunnel *config = tunnel->config;
	const struct config_path *item = config->paths;
	struct path *path;

	for (; item < config->paths + config->paths_count; item++) {
		for (uint32_t copy = 0; copy < item->count; copy++) {
			if (tunnel->paths_count == TUNNEL_PATHS_MAX) {
				errno = E2BIG;
				return -1;
			}
			path = path_new(tunnel, item,
			    (uint16_t)tunnel->paths_count);
			if (path == NULL)
				return -1;
			TAILQ_INSERT_TAIL(&tunnel->paths, path, entry);
			tunnel->paths_count++;
		}
	}
	return 0;
}

struct tunnel *
tunnel_new(struct engine *engine, const struct config_tunnel *config,
    const struct address_pair *asked, int socket)
{
	struct tunnel *tunnel = tunnel_allocate(engine, config->name,
	    &engine->peers[config->peer], socket);

	if (tunnel == NULL)
		return NULL;
	tunnel->config = config;
	tunnel->asked = asked;
	tunnel->scheduler = config->scheduler;
	tunnel->max_queue_ms = config->max_queue_ms;
	tunnel->started_ms = clock_unix_ms();
	arc4random_buf(tunnel->session, sizeof(tunnel->session));
	if (add_paths(tunnel) == -1) {
		tunnel_free(tunnel, "no memory for its paths");
		return NULL;
	}
	return tunnel;
}

void
tunnel_free(struct tunnel *tunnel, const char *words)
{
	struct path *path;

	while ((path = TAILQ_FIRST(&tunnel->paths)) != NULL) {
		path_finish(path, words);
		/* A listener's path has left the list by itself. */
		if (tunnel->config == NULL)
			continue;
		TAILQ_REMOVE(&tunnel->paths, path, entry);
		path_free(path);
	}
	if (tunnel->readable != NULL)
		event_free(tunnel->readable);
	udp_batch_free(&tunnel->batch);
	udp_close(&tunnel->udp);
	TAILQ_REMOVE(&tunnel->engine->tunnels, tunnel, entry);
	free(tunnel);
}

bool
tunnel_tick(struct tunnel *tunnel, uint64_t now_us)
{
	struct path *path, *next;

	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
		path_tick(path);
	if (tunnel->blocked && tunnel->paths_up > 0)
		tunnel_path_room(tunnel);
	return tunnel->config != NULL || tunnel->paths_count > 0 ||
	    now_us - tunnel->deserted_us < DESERTED_LIMIT_US;
}
