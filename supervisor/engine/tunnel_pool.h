/*
 * A tunnel's pool at work: what pool.c decides is done to paths, and what they
 * do is told to it. Nothing happens to a path whose config is not pooled.
 */
#ifndef ENGINE_TUNNEL_POOL_H
#define ENGINE_TUNNEL_POOL_H

#include <stdbool.h>
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
/* The same in place of another: who was in that one too goes on as there. */
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

/*
 * Another path stands for it from now on, one to the same relay; NULL: none,
 * the pool is to be reopened.
 */
void tunnel_pool_replaced(struct path *path, struct path *successor);

/* False also for what stood in the pool once. */
bool tunnel_pool_has(const struct path *path);

/* What the status says of a path that is up or waits; NULL: nothing more. */
const char *tunnel_pool_role(const struct path *path);

#endif
