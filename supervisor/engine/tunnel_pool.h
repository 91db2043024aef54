/*
 * A tunnel's pool at work: what pool.c decides is done to paths, and what they
 * do is told to it. Nothing happens to a path whose config is not pooled.
 */
#ifndef ENGINE_TUNNEL_POOL_H
#define ENGINE_TUNNEL_POOL_H

#include <stdint.h>

struct path;
struct state;
struct tunnel;
struct tunnel_pool;

/*
 * Make the pool if the configuration has one and the tunnel is not set down.
 * 0, or -1 with errno.
 */
int tunnel_pool_open(struct tunnel *tunnel);
/* The same for paths of which some are up already. */
int tunnel_pool_reopen(struct tunnel *tunnel);
void tunnel_pool_close(struct tunnel *tunnel);

/* In an upgrade; to read, into an open one. */
void tunnel_pool_leave(struct state *state, struct tunnel *tunnel);

/* Bring up, take down, measure. */
void tunnel_pool_tick(struct tunnel *tunnel, uint64_t now_us);

/* From a path: it is up; a PONG came; it ended and waits. */
void tunnel_pool_up(struct path *path);
void tunnel_pool_pong(struct path *path, uint64_t now_us);
void tunnel_pool_ended(struct path *path);

/* What the status says of a path that is up or waits; NULL: nothing more. */
const char *tunnel_pool_role(const struct path *path);

#endif
