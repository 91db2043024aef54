/*
 * What the parent binds while it may: the listeners, the tunnels' ends here,
 * those with a name that peers may ask for, and the control socket. The engine
 * serves them.
 */
#ifndef SUPERVISOR_SOCKETS_H
#define SUPERVISOR_SOCKETS_H

#include <sys/types.h>

#include <stddef.h>

#include "supervisor/holding.h"

#define SOCKETS_WHY_MAX 256

struct activation;
struct address_service;
struct address_tuple;
struct config;

struct sockets {
	int *listens; /* as in config->listens; listening */
	size_t listens_count;
	int *tunnels; /* as in config->tunnels */
	size_t tunnels_count;
	int *permitted;		/* ends with a name, in the order of */
	size_t permitted_count; /* config_ends_next() */
	int control;		/* listening; -1: none is configured */
	struct holding held;	/* what of these has a name */
};

/*
 * Open all of them, close-on-exec and non-blocking; a listener that was passed
 * to us is taken over, and the rest of the passed closed. The control socket is
 * given to owner when this process is root. An existing local socket that
 * nobody serves is replaced. 0, or -1 having logged which one failed and why;
 * then nothing is left open.
 */
int sockets_open(struct sockets *sockets, const struct config *config,
    struct activation *activation, uid_t owner, gid_t group);

/*
 * One of them later, at once or not at all: a socket, or -1 with the reason in
 * why. What we have bound already is refused like anybody's, but for listeners
 * that are there: one of the same address is given again, and another one may
 * overlap with them.
 */
int sockets_try_listener(const struct address_service *service,
    const int *there, size_t count, char why[SOCKETS_WHY_MAX]);
int sockets_try_tunnel(const struct address_tuple *tuple,
    char why[SOCKETS_WHY_MAX]);

/*
 * Close and free all that has no name, and give held, which is not freed.
 */
struct holding sockets_keep_names(struct sockets *sockets);

/* Close and free all of it; names stay, they are another process's. */
void sockets_close(struct sockets *sockets);

#endif
