/*
 * From a job to a connected socket: everything before the pump. All of it has
 * one deadline, and whatever fails ends the worker with an event that says
 * where and why.
 *
 * The calls come in this order, with the lock-in between them:
 * dial_prepare(), first stage, dial_connect(), second stage, dial_proxies().
 */
#ifndef WORKER_DIAL_H
#define WORKER_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"
#include "worker/proxy.h"
#include "worker/resolve.h"

struct pollfd;
struct report;

struct dial {
	struct job *job;
	struct report *report;
	int64_t deadline_ms; /* of CLOCK_MONOTONIC */
	bool resolver;	     /* the system's resolver is needed */
	bool names;	     /* for hop 0 */
	int family;	     /* of the source address, or AF_UNSPEC */
	struct resolve_list addresses;
	size_t sockets; /* prepared, of either family */
	struct {
		int fd;
		int family;
	} socket[RESOLVE_MAX];
	/* The host after each hop, where the hop wants it resolved here. */
	struct sockaddr_storage next[MESSAGE_HOPS_MAX];
	struct proxy proxy;
};

/*
 * Start the clock and make the sockets that may be needed, since they cannot
 * be bound, nor made at all, once the worker is locked in.
 */
void dial_prepare(struct dial *dial, struct job *job, struct report *report);

/*
 * Resolve all that is resolved here and connect to the first address of hop 0
 * that answers: the next one is tried when one has failed, or after 250 ms
 * (RFC 8305 section 5). Returns the connected socket, non-blocking; every
 * other one is closed.
 */
int dial_connect(struct dial *dial);

/*
 * Ask every proxy on the way for the hop after it, and forget its credentials.
 * What came after the last answer is the far end's, and is in proxy.input[].
 */
void dial_proxies(struct dial *dial, int fd);

/*
 * Poll until until_ms or an event; polls[0] is set here to the channel, and
 * the rest is the caller's. Ends the worker at the deadline, and when the
 * engine lets go of it.
 */
void dial_poll(const struct dial *dial, struct pollfd *polls, size_t count,
    int64_t until_ms);

/* report_fail() with the exit code of a dial. */
_Noreturn void dial_fail(const struct dial *dial, enum event_reason reason,
    int detail, const char *what);

#endif
