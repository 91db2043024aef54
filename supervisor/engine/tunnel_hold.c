/*
 * Back pressure from an application that takes less than comes: what its end
 * holds is tried again soon, and the peer is told to wait, on every path, until
 * most of it is gone. So the far end's paths fill, its own end is not read, and
 * the application there waits. PING and PONG go on meanwhile.
 */
#include <event2/event.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"

#define HIGH_BYTES ((size_t)8 << 20)
#define LOW_BYTES (HIGH_BYTES / 2)
#define FULL_BYTES (HOLD_BYTES / 4 * 3)
/* What a path that is lost was told is forgotten after so long. */
#define PAUSE_MS 3000
#define REPEAT_US UINT64_C(500000)
#define DRAIN_MAX_MS 64

bool
tunnel_is_full(const struct tunnel *tunnel)
{
	return end_held_bytes(tunnel->end) > FULL_BYTES;
}

static void
tell(struct tunnel *tunnel, uint16_t pause_ms)
{
	struct path *path, *next;

	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
		if (path->state == PATH_UP)
			path_hold(path, pause_ms);
}

static void handle_drain(evutil_socket_t fd, short what, void *argument);

/*
 * Until there is room, and not for long, since not all of it is told. If it was
 * only much at once, what else waits gets its turn and no more.
 */
static void
await_drain(struct tunnel *tunnel)
{
	struct timeval wait = { .tv_usec = tunnel->drain_ms * 1000L };

	if (event_pending(tunnel->drain_due, EV_TIMEOUT, NULL))
		return;
	if (!tunnel->end->stuck)
		wait.tv_usec = 0;
	if (event_assign(tunnel->drain_due, tunnel->engine->base,
		end_room_fd(tunnel->end), EV_READ, handle_drain, tunnel) == 0)
		event_add(tunnel->drain_due, &wait);
}

void
tunnel_tend_hold(struct tunnel *tunnel, uint64_t now_us)
{
	size_t bytes = end_held_bytes(tunnel->end);

	if (bytes > 0)
		await_drain(tunnel);
	if (tunnel->holds_us == 0 ?
		bytes > HIGH_BYTES :
		bytes > LOW_BYTES && now_us - tunnel->holds_us > REPEAT_US) {
		tunnel->holds_us = now_us;
		tell(tunnel, PAUSE_MS);
	} else if (tunnel->holds_us != 0 && bytes <= LOW_BYTES) {
		tunnel->holds_us = 0;
		tell(tunnel, 0);
	}
}

static void
handle_drain(evutil_socket_t fd, short what, void *argument)
{
	struct tunnel *tunnel = argument;
	size_t given = end_drain(tunnel->end);

	(void)fd;
	(void)what;
	tunnel->delivered += given;
	if (given > 0)
		tunnel->drain_ms = 1;
	else if (tunnel->drain_ms < DRAIN_MAX_MS)
		tunnel->drain_ms *= 2;
	tunnel_tend_hold(tunnel, clock_now_us());
}

int
tunnel_open_hold(struct tunnel *tunnel)
{
	tunnel->drain_ms = 1;
	tunnel->drain_due = event_new(tunnel->engine->base, -1, 0, handle_drain,
	    tunnel);
	return tunnel->drain_due == NULL ? -1 : 0;
}

void
tunnel_close_hold(struct tunnel *tunnel)
{
	if (tunnel->drain_due != NULL)
		event_free(tunnel->drain_due);
}
