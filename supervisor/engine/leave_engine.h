/*
 * The whole of an engine in an upgrade (state.h).
 */
#ifndef ENGINE_LEAVE_ENGINE_H
#define ENGINE_LEAVE_ENGINE_H

#include <stdbool.h>

struct engine;
struct state;

/* Nothing of it is changed. */
void leave_engine(struct state *state, struct engine *engine);

/*
 * Fill an engine whose event loop stands and that has nothing else. False: the
 * state is none, or something could not be had.
 */
bool leave_engine_read(struct state *state, struct engine *engine);

/* Tell the workers; the first thing when it is this engine's turn. */
void leave_engine_serve(struct engine *engine);

#endif
