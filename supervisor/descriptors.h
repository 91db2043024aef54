/*
 * A message on a local socket with descriptors beside it (SCM_RIGHTS).
 */
#ifndef SUPERVISOR_DESCRIPTORS_H
#define SUPERVISOR_DESCRIPTORS_H

#include <sys/types.h>

#include <stddef.h>

/* What the kernel takes at once is 253. */
#define DESCRIPTORS_AT_ONCE 250

/*
 * Send a message with count descriptors, which stay the caller's. 0, or -1
 * with errno.
 */
int descriptors_send(int socket, const void *bytes, size_t size,
    const int *descriptors, size_t count);

/*
 * Receive one, with most descriptors at most (DESCRIPTORS_AT_ONCE); flags as
 * for recvmsg(2). *count and the descriptors, close-on-exec, are set whatever
 * is returned: the number of bytes, 0 at the end of the other side, or -1 with
 * errno, EPROTO where something was cut off.
 */
ssize_t descriptors_receive(int socket, void *bytes, size_t size, int flags,
    int *descriptors, size_t most, size_t *count);

/*
 * Receive, without waiting, a record of just that size with at most one
 * descriptor: *descriptor, -1 if there is none. 1; 0 at the end of the other
 * side; or -1 with errno, EAGAIN where nothing is there and EPROTO for what is
 * no such record.
 */
int descriptors_receive_record(int socket, void *record, size_t size,
    int *descriptor);

void descriptors_close(const int *descriptors, size_t count);

#endif
