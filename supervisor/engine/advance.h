/*
 * What an heir is given before its time, while the engine before it still
 * serves: of each path that is up the memory and the descriptors of its worker.
 * To map hundreds of rings would be most of the pause; so is the memory that
 * the paths will take asked for now. What is true of a path crosses with the
 * state and not before: one that ends meanwhile, or begins, is not harmed.
 */
#ifndef ENGINE_ADVANCE_H
#define ENGINE_ADVANCE_H

#include <stdbool.h>

struct advance;
struct channel;
struct engine;

/*
 * Give the heir at the other end of the socket all channels of paths that are
 * up, and mark them. 0, or -1 with errno; unmark them where it comes to
 * nothing.
 */
int advance_send(struct engine *engine, int socket);
void advance_forget(struct engine *engine);

/*
 * Receive it, make it ready and say so. Blocks; 0, or -1 with errno: EPROTO for
 * what is none. *advance is to be freed in either case, when the state has been
 * read: with what was not taken.
 */
int advance_receive(struct advance **advance, int socket);
void advance_free(struct advance *advance);

/*
 * Of a channel that is marked: the region and the descriptors, which are its own
 * from then on, and the mark is gone. False: there are none.
 */
bool advance_take(struct advance *advance, struct channel *channel);

#endif
