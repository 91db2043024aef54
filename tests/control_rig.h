/*
 * As much of an engine as the control socket's commands take: a peer, a tunnel
 * with paths that nobody dials, and a client who may change everything.
 */
#ifndef TESTS_CONTROL_RIG_H
#define TESTS_CONTROL_RIG_H

#include <sys/socket.h>
#include <sys/un.h>

struct engine;

/* One for the whole process, listening at an abstract address. */
struct engine *
control_rig_start(struct sockaddr_un *address, socklen_t *length);

/* As it was in the beginning, whatever was asked of it. */
void control_rig_reset(struct engine *engine);

#endif
