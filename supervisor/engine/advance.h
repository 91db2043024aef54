/*
 * What an heir is given before its time, while the engine before it still
 * serves, and what it makes of it: of each path that is up its worker's rings,
 * descriptors and events, and a tunnel with its socket for each that stands.
 * All that would be most of the pause, and so would be the memory that they
 * take. What is true of them crosses with the state and not before: one that
 * ends meanwhile, or begins, or changes, is not harmed.
 */
#ifndef ENGINE_ADVANCE_H
#define ENGINE_ADVANCE_H

#include <stdint.h>

struct advance;
struct engine;
struct path;
struct tunnel;

/*
 * Give the heir at the other end of the socket all channels of paths that are
 * up, and the sockets of tunnels, and mark them. 0, or -1 with errno; unmark
 * them where it comes to nothing.
 */
int advance_send(struct engine *engine, int socket);
void advance_forget(struct engine *engine);

/*
 * Receive it and make it ready, in an engine whose event loop stands. Blocks; 0,
 * or -1 with errno: EPROTO for what is none. *advance is to be freed in either
 * case, when the state has been read: with what was not taken.
 */
int
advance_receive(struct advance **advance, struct engine *engine, int socket);
void advance_free(struct advance *advance);

/*
 * What bears the mark; it is the caller's then, a tunnel on the engine's list.
 * NULL with EPROTO: there is none.
 */
struct path *advance_take_path(struct advance *advance, int64_t slot);
struct tunnel *advance_take_tunnel(struct advance *advance, uint64_t number);

#endif
