/*
 * A tunnel's paths in an upgrade (state.h); to read, into a tunnel that has
 * none, and whose history knows nothing of them but their slots.
 */
#ifndef ENGINE_LEAVE_PATH_H
#define ENGINE_LEAVE_PATH_H

#include <stdbool.h>

struct path;
struct state;
struct tunnel;

void leave_paths(struct state *state, struct tunnel *tunnel);

/* Have all that takes memory of a path before it is read. False: errno. */
bool leave_path_prepare(struct path *path);

#endif
