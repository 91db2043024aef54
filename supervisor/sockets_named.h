/*
 * Ends that have a name, opened by the parent: for a tunnel here, or for what
 * a peer may ask for; and the names of all local sockets.
 */
#ifndef SUPERVISOR_SOCKETS_NAMED_H
#define SUPERVISOR_SOCKETS_NAMED_H

#include <sys/types.h>

struct config;
struct sockets;

/*
 * Open those of the configuration; what says nothing else is given to owner
 * and group. sockets->tunnels is there. 0, or -1 having logged why.
 */
int sockets_named_open(struct sockets *sockets, const struct config *config,
    uid_t owner, gid_t group);

/* Remember a name to be removed at the end. 0, or -1. */
int sockets_named_keep(struct sockets *sockets, const char *path);
void sockets_named_remove(struct sockets *sockets);

#endif
