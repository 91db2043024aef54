/*
 * What the parent binds while it may: the listeners, the tunnels' ends here,
 * those with a name that peers may ask for, and the control socket. The engine
 * serves them.
 */
#ifndef SUPERVISOR_SOCKETS_H
#define SUPERVISOR_SOCKETS_H

#include <sys/types.h>

#include <stddef.h>

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
	char **names;		/* of local sockets, to be removed */
	size_t names_count;
	int control; /* listening; -1: none is configured */
};

/*
 * Open all of them, close-on-exec and non-blocking; a listener that was passed
 * to us is taken over, and the rest of the passed closed. The control socket is
 * given to owner when this process is root. An existing control socket that
 * nobody serves is replaced. 0, or -1 having logged which one failed and why;
 * then nothing is left open.
 */
int sockets_open(struct sockets *sockets, const struct config *config,
    struct activation *activation, uid_t owner, gid_t group);

/*
 * One of them later, at once or not at all: a socket, or -1 with the reason in
 * why. What we have bound already is refused like anybody's.
 */
int sockets_try_listener(const struct address_service *service,
    char why[SOCKETS_WHY_MAX]);
int sockets_try_tunnel(const struct address_tuple *tuple,
    char why[SOCKETS_WHY_MAX]);

/*
 * Close all that has no name: what is held open here, nobody takes for dead
 * before the name is removed.
 */
void sockets_keep_names(struct sockets *sockets, const struct config *config);

/* Close and free all but the names: for a child that serves none of it. */
void sockets_drop(struct sockets *sockets);

/* So many descriptors that are not open yet. NULL having logged. */
int *sockets_new_descriptors(size_t count);

/* Close and free all that is left, and remove the names. */
void sockets_close(struct sockets *sockets);

#endif
