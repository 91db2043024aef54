/*
 * The listener's gate: accept, read exactly one first handshake message, and
 * only when it verifies have a worker spawned. Nothing is answered before.
 */
#ifndef ENGINE_LISTENER_H
#define ENGINE_LISTENER_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/engine/newcomers.h"

struct engine;
struct event;

/* Absolute, from the accept; what trickles in does not move it. */
#define LISTENER_HELLO_US UINT64_C(5000000)

struct listener_pending;
TAILQ_HEAD(listener_list, listener);
TAILQ_HEAD(listener_pending_list, listener_pending);

struct listener {
	TAILQ_ENTRY(listener) entry;
	struct address_service service; /* as configured */
	struct engine *engine;
	int fd;
	struct event *acceptable;
	struct event *resume; /* after descriptors ran out */
	bool paused;	      /* nothing was accepted since */
	struct listener_pending_list pending;
	struct newcomers newcomers;  /* verified, their worker is awaited */
	char name[ADDRESS_TEXT_MAX]; /* "[::]:23461" */
};

/*
 * Serve a bound, listening socket for the service, which is taken over, on
 * failure too. NULL with errno.
 */
struct listener *listener_new(struct engine *engine,
    const struct address_service *service, int fd);
/* Drop the connections that took too long. */
void listener_tick(struct listener *listener, uint64_t now_us);
/* Stop, and free it. */
void listener_free(struct listener *listener);

/*
 * Log what became of a connection that has not joined a tunnel: one line a
 * second, those left out are counted.
 */
void
listener_complain(struct engine *engine, const char *name, const char *words);

/*
 * For the files of this module. One more path: at once if nobody waits before
 * it and a worker may be started. False: there is no room to wait in either.
 */
bool listener_queue(struct listener *listener, const struct newcomer *one);
void listener_serve_waiting(struct listener *listener, uint64_t now_us);
/* May a line be logged; also says how many were left out. */
bool listener_may_log(struct engine *engine);

#endif
