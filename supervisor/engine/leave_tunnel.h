/*
 * A tunnel in an upgrade (state.h), with its end, its paths and all that is on
 * its way.
 */
#ifndef ENGINE_LEAVE_TUNNEL_H
#define ENGINE_LEAVE_TUNNEL_H

#include <stdbool.h>

struct engine;
struct state;
struct tunnel;

void leave_tunnel(struct state *state, struct tunnel *tunnel);

/*
 * Make one of what is read. It begins when the event loop does. False: the
 * state is none, or errno.
 */
bool leave_tunnel_read(struct state *state, struct engine *engine);

#endif
