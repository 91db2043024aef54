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
 * oldest makes room for the newest: an honest one needs a round trip only.
 */
#define ARRIVING_MAX 256
#define ARRIVING_KEY_MAX 64

/* Make room for one more path of this key. False: there is none at all. */
static bool
make_room(struct engine *engine, const struct engine_peer *peer)
{
	struct path *path, *oldest = NULL;
	size_t all = 0, of_key = 0;

	TAILQ_FOREACH(path, &engine->arriving, entry) {
		all++;
		if (path->peer != peer)
			continue;
		of_key++;
		if (oldest == NULL)
			oldest = path;
	}
	if (of_key >= ARRIVING_KEY_MAX) {
		channel_kill(&oldest->channel);
		path_fail(oldest, "too many paths of this key are arriving");
		return true;
	}
	return all < ARRIVING_MAX;
}

/* Its connection and handshake become a path's, or are given up. */
static void
serve(struct engine *engine, const struct newcomer *one)
{
	struct path *path;
	int error;

	if (!make_room(engine, one->peer)) {
		noise_handshake_free(one->handshake);
		close(one->fd);
		listener_complain(engine, one->name, "too many are arriving");
		return;
	}
	path = path_new_inbound(engine, one->peer, one->handshake, &one->hello,
	    one->fd, one->name);
	error = errno;
	if (path != NULL)
		TAILQ_INSERT_TAIL(&engine->arriving, path, entry);
	else if (listener_may_log(engine))
		log_warn(NULL, "connection from %s: worker: cannot start: %s",
		    one->name, strerror(error));
}

bool
listener_queue(struct listener *listener, const struct newcomer *one)
{
	struct engine *engine = listener->engine;
	uint64_t now_us = clock_now_us();

	if (listener->newcomers.count == 0 &&
	    admission_worker(&engine->admission, now_us) == ADMISSION_YES) {
		serve(engine, one);
		return true;
	}
	return newcomers_add(&listener->newcomers, one, now_us);
}

void
listener_serve_waiting(struct listener *listener, uint64_t now_us)
{
	struct engine *engine = listener->engine;
	struct newcomer *one;

	while ((one = newcomers_first(&listener->newcomers, now_us)) != NULL &&
	    admission_worker(&engine->admission, now_us) == ADMISSION_YES) {
		newcomers_remove(&listener->newcomers, one);
		serve(engine, one);
		free(one);
	}
}
