/*
 * TCP sockets with everything that a job asks of them. A wish that cannot be
 * met ends the worker with an event that names it.
 */
#ifndef WORKER_SOCKET_H
#define WORKER_SOCKET_H

struct job;
struct report;

/*
 * The family of job.source, AF_UNSPEC if it is empty. A source that is not an
 * address ends the worker.
 */
int socket_family(const struct job *job, const struct report *report);

/*
 * A new non-blocking socket, bound and tuned, not yet connected. Where the job
 * asks for MPTCP and the kernel or another wish is against it, plain TCP. -1
 * if the system lacks the address family. Call before the lock-in.
 */
int socket_open(int family, const struct job *job, const struct report *report);

/* Tune an accepted connection and make it non-blocking. */
void socket_adopt(int fd, const struct job *job, const struct report *report);

/* What became of the wish for MPTCP on a connected socket, in words. */
const char *socket_mptcp_words(int fd);

#endif
