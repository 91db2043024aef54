/*
 * Credentials in a request: `auth=` holds what stands in the file, which was
 * read by the client, and is for the path that was named before it.
 */
#ifndef ENGINE_CONTROL_AUTH_H
#define ENGINE_CONTROL_AUTH_H

#include <stddef.h>

struct config_path;
struct config_tunnel;
struct control_call;

/*
 * Take these words, from that one on, out of the call and into call->auths, in
 * which paths is how many the words before them named. 0, or -1 having said no.
 */
int control_auth_take(struct control_call *call, size_t from, size_t paths);

/* Set those of call->auths[index], if there are. 0, or -1 having said no. */
int control_auth_set(struct control_call *call, struct config_path *path,
    size_t index);

/* The same for all paths that words named. */
int
control_auth_set_all(struct control_call *call, struct config_tunnel *tunnel);

#endif
