/*
 * What becomes of a connection whose first message has verified: a path with a
 * worker, as soon as there may be one more.
 */
#include "supervisor/engine/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/log.h"

/*
 * Paths whose OPEN is awaited. Message 1 can be replayed, so of one key the
 * oldest makes room for the newest, once it has had its time: an honest one
 * needs a round trip and a new worker's start.
 */
#define ARRIVING_MAX 256
#define ARRIVING_KEY_MAX 64
#define ARRIVING_GRACE_US UINT64_C(1000000)

/* May one more path of this key arrive? *displaced has to go for it, if any. */
static bool
has_room(struct engine *engine, const struct engine_peer *peer, uint64_t now_us,
    struct path **displaced)
{
	struct path *path, *oldest = NULL;
	size_t all = 0, of_key = 0;

	*displaced = NULL;
	TAILQ_FOREACH(path, &engine->arriving, entry) {
		all++;
		if (path->peer != peer)
			continue;
		of_key++;
		if (oldest == NULL)
			oldest = path;
	}
	if (of_key < ARRIVING_KEY_MAX)
		return all < ARRIVING_MAX;
	*displaced = oldest;
	return now_us - oldest->since_us >= ARRIVING_GRACE_US;
}

/* Its connection and handshake become a path's, or are given up. */
static void
begin(struct engine *engine, const struct newcomer *one)
{
	struct path *path;
	int error;

	path = path_new_inbound(engine, one->peer, one->handshake, &one->hello,
	    one->fd, one->name);
	error = errno;
	if (path != NULL)
		TAILQ_INSERT_TAIL(&engine->arriving, path, entry);
	else if (listener_may_log(engine))
		log_warn(NULL, "connection from %s: worker: cannot start: %s",
		    one->name, spawner_why(error));
}

/* False: not now. */
static bool
serve(struct engine *engine, const struct newcomer *one, uint64_t now_us)
{
	struct path *displaced;

	if (!has_room(engine, one->peer, now_us, &displaced) ||
	    admission_worker(&engine->admission, now_us) != ADMISSION_YES)
		return false;
	if (displaced != NULL) {
		channel_kill(&displaced->channel);
		path_fail(displaced, "too many paths of this key are arriving");
	}
	begin(engine, one);
	return true;
}

bool
listener_queue(struct listener *listener, const struct newcomer *one)
{
	uint64_t now_us = clock_now_us();

	return (listener->newcomers.count == 0 &&
		   serve(listener->engine, one, now_us)) ||
	    newcomers_add(&listener->newcomers, one, now_us);
}

void
listener_serve_waiting(struct listener *listener, uint64_t now_us)
{
	struct newcomers *newcomers = &listener->newcomers;
	struct newcomer *one, *next;

	newcomers_expire(newcomers, now_us);
	TAILQ_FOREACH_SAFE(one, &newcomers->list, entry, next) {
		if (!newcomers_is_there(one)) {
			newcomers_drop(newcomers, one);
		} else if (serve(listener->engine, one, now_us)) {
			newcomers_remove(newcomers, one);
			free(one);
		}
	}
}
