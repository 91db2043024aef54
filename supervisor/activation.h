/*
 * Listening sockets that a service manager has bound and passed on, in the way
 * of sd_listen_fds(3): LISTEN_FDS of them from descriptor 3 on, meant for the
 * process LISTEN_PID.
 */
#ifndef SUPERVISOR_ACTIVATION_H
#define SUPERVISOR_ACTIVATION_H

#include <sys/socket.h>

#include <stddef.h>

#define ACTIVATION_FIRST 3
#define ACTIVATION_MAX 64

struct activation {
	int fd[ACTIVATION_MAX]; /* -1: somebody has taken it */
	size_t count;
};

/*
 * What was passed to this process, made close-on-exec and non-blocking; the
 * variables are removed from the environment.
 */
void activation_open(struct activation *activation);

/*
 * Take the stream socket that listens on the address, the port included; -1 if
 * none does.
 */
int activation_take(struct activation *activation,
    const struct sockaddr_storage *address);

/* Close what nobody took, with a warning for each. */
void activation_close(struct activation *activation);

#endif
