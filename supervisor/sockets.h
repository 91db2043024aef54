/*
 * What the parent binds while it may: the listeners, the tunnels' local UDP
 * sockets and the control socket. The engine serves them.
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
	int *tunnels; /* as in config->tunnels; of udp_bind() */
	size_t tunnels_count;
	int control; /* listening; -1: none is configured */
	char *control_path;
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
 * Close all but the control socket: held open here, nobody takes its name for
 * a dead one before it is removed.
 */
void sockets_keep_name(struct sockets *sockets);

/* Close and free all that is left, and remove the control socket's name. */
void sockets_close(struct sockets *sockets);

#endif
