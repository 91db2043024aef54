/*
 * Sockets that listen for TCP, close-on-exec and non-blocking.
 */
#ifndef SUPERVISOR_LISTENING_H
#define SUPERVISOR_LISTENING_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>

/* After EADDRINUSE: true: waited, try again. *tries begins with 0. */
bool listening_wait(int *tries);

/* "[::]" becomes all of IPv4; false: it is another address. */
bool listening_narrow(struct sockaddr_storage *address);

/* Have the kernel keep connections that say nothing to itself for a moment. */
void listening_defer(int fd);

/*
 * Listen on the address, which is narrowed where there is no IPv6; who is
 * patient waits for one that is in use. -1 with errno.
 */
int listening_bind(struct sockaddr_storage *address, bool patient);

/* One of those that are there, at that address, again; -1: none. */
int listening_again(const struct sockaddr_storage *address, const int *there,
    size_t count);

/*
 * Listen on an address that overlaps with those that are there, which are ours.
 * -1 with errno.
 */
int listening_beside(const struct sockaddr_storage *address, const int *there,
    size_t count);

#endif
