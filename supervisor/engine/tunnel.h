/*
 * A tunnel: one UDP socket here tied to one UDP socket there, and the paths
 * that serve it.
 */
#ifndef ENGINE_TUNNEL_H
#define ENGINE_TUNNEL_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/udp.h"

struct path;

#define TUNNEL_PATHS_MAX 256

struct tunnel {
	TAILQ_ENTRY(tunnel) entry;
	struct engine *engine;
	const struct engine_peer *peer;
	const struct config_tunnel *config; /* connector only */
	char name[FRAME_NAME_MAX];
	uint8_t session[FRAME_SESSION_BYTES];
	uint64_t started_ms;		  /* Unix time, at the connector */
	struct sockaddr_storage local;	  /* the UDP socket here */
	struct sockaddr_storage remote;	  /* the application here */
	const struct address_pair *asked; /* connector: the far tuple */
	enum config_scheduler scheduler;
	uint32_t max_queue_ms;
	struct path_list paths;
	size_t paths_count;
	size_t paths_up;
	uint64_t deserted_us; /* listener: when the last path left */

	struct udp udp;
	struct udp_batch batch;
	struct event *readable;
	bool blocked; /* no path had room */
	uint64_t next_sequence;
	uint64_t sent;	    /* datagrams given to paths */
	uint64_t too_large; /* for the peer's frame limit */
	uint64_t lost;	    /* packed for a path that just broke */
	uint64_t delivered; /* given to the application */
};

/*
 * A tunnel of the connector with its paths, all to be dialled at once; asked
 * is the UDP tuple for the far end (kept), socket the bound UDP socket here
 * (taken over). NULL with errno.
 */
struct tunnel *
tunnel_new(struct engine *engine, const struct config_tunnel *config,
    const struct address_pair *asked, int socket);

/* Ends every path, then frees it. words go to the peer. */
void tunnel_free(struct tunnel *tunnel, const char *words);

/*
 * A listener's path said OPEN: it joins its session's tunnel, begins it, or is
 * refused. Nothing is displaced before.
 */
void tunnel_join(struct path *path, const struct frame_open *open);

/* What this tunnel's OPEN asks for. */
void tunnel_describe_open(const struct tunnel *tunnel, struct frame_open *open);

/* From its paths. */
void tunnel_path_up(struct tunnel *tunnel, struct path *path);
void tunnel_path_down(struct tunnel *tunnel, struct path *path);
void tunnel_path_gone(struct tunnel *tunnel, struct path *path);
void tunnel_path_room(struct tunnel *tunnel);

/* The runs of a DATA frame, to the application. 0, or -1: malformed. */
int tunnel_deliver(struct tunnel *tunnel, struct path *path,
    const uint8_t *frame, size_t bytes);

/*
 * Timers of the tunnel and its paths. False: the tunnel is deserted for good
 * and is to be freed.
 */
bool tunnel_tick(struct tunnel *tunnel, uint64_t now_us);

/* Move what the UDP socket holds to the paths, as far as they have room. */
void tunnel_pump(struct tunnel *tunnel);

/* For the files of this module. */
struct tunnel *tunnel_allocate(struct engine *engine, const char *name,
    const struct engine_peer *peer, int socket);

#endif
