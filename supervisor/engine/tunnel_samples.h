/*
 * What a tunnel and its paths did lately, for the question why it is slow.
 */
#ifndef ENGINE_TUNNEL_SAMPLES_H
#define ENGINE_TUNNEL_SAMPLES_H

#include <stdint.h>

struct engine;
struct evbuffer;
struct tunnel;

/* No path has room from now on, or one has again. */
void tunnel_samples_blocked(struct tunnel *tunnel, uint64_t now_us);
void tunnel_samples_unblocked(struct tunnel *tunnel, uint64_t now_us);
/* How long it was so, in all. */
uint64_t
tunnel_samples_blocked_us(const struct tunnel *tunnel, uint64_t now_us);

/* At each tick; most do nothing. */
void tunnel_samples_tick(struct tunnel *tunnel, uint64_t now_us);

/*
 * The status, and then a record of the kind "samples" for each path that is
 * up, which has the pid of its worker.
 */
void tunnel_samples_write(struct engine *engine, struct evbuffer *out);

#endif
