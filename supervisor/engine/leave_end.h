/*
 * A tunnel's end here in an upgrade (state.h), in two steps: what it is made
 * of, and what it has counted and holds, which is read into the end once its
 * tunnel has begun.
 */
#ifndef ENGINE_LEAVE_END_H
#define ENGINE_LEAVE_END_H

struct end;
struct state;

void leave_end(struct state *state, struct end *end);
/* NULL: the state is none, or errno. */
struct end *leave_end_read(struct state *state);

void leave_end_contents(struct state *state, struct end *end);

#endif
