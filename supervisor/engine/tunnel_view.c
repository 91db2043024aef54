#include "supervisor/engine/tunnel_view.h"

#include <event2/event.h>

#include "supervisor/engine/frame.h"
#include "supervisor/engine/path.h"

#define OVERHEAD_BYTES ((size_t)(FRAME_LENGTH_BYTES + FRAME_TAG_BYTES))

/* What is to be seen of the others may be as old as that. */
#define ALL_EVERY_US 5000
/* A worker without a processor for longer is not what is to be awaited. */
#define AWAIT_MOST_US 10000
static const struct timeval await_most = { .tv_usec = AWAIT_MOST_US + 1000 };

static void
look_at(struct tunnel_view *view, size_t i)
{
	path_describe(view->paths[i], &view->descriptions[i], view->now_us);
}

static void
look_at_all(struct tunnel *tunnel)
{
	struct tunnel_view *view = tunnel->view;
	struct path *path, *last;

	last = view->current < view->count ? view->paths[view->current] : NULL;
	view->last = TUNNEL_PATHS_MAX;
	view->count = 0;
	TAILQ_FOREACH(path, &tunnel->paths, entry) {
		if (path == last)
			view->last = view->count;
		view->paths[view->count] = path;
		look_at(view, view->count++);
	}
	view->all_us = view->now_us;
	view->current = view->count;
	view->narrow = false;
	view->flush_all = true;
}

void
tunnel_view_look(struct tunnel *tunnel, uint64_t now_us)
{
	struct tunnel_view *view = tunnel->view;

	view->now_us = now_us;
	view->awaits = false;
	view->narrow = tunnel->policy.scheduler == CONFIG_EARLIEST &&
	    view->all_us != 0 && now_us - view->all_us < ALL_EVERY_US &&
	    view->current < view->count;
	if (view->narrow)
		look_at(view, view->current);
	else
		look_at_all(tunnel);
}

static bool
keeps_current(const struct tunnel *tunnel, size_t bytes)
{
	const struct tunnel_view *view = tunnel->view;

	return tunnel->policy.scheduler == CONFIG_EARLIEST &&
	    view->current < view->count &&
	    schedule_keeps(&view->descriptions[view->current], bytes,
		tunnel->policy.max_queue_ms, view->least_us);
}

/* False: it was awaited for too long. */
static bool
is_patient(struct tunnel_view *view, struct path *path)
{
	if (view->awaits_us == 0)
		view->awaits_us = view->now_us;
	if (view->now_us - view->awaits_us <= AWAIT_MOST_US)
		return true;
	path->vain_us = view->now_us;
	return false;
}

static bool
awaits(struct tunnel *tunnel, size_t i, size_t bytes)
{
	struct tunnel_view *view = tunnel->view;

	view->awaits = tunnel->policy.scheduler == CONFIG_EARLIEST &&
	    i < view->count &&
	    schedule_awaits(&view->descriptions[i], bytes,
		tunnel->policy.max_queue_ms, view->least_us) &&
	    is_patient(view, view->paths[i]);
	if (view->awaits)
		view->current = i;
	return view->awaits;
}

/* False: none has room. */
static bool
pick_anew(struct tunnel *tunnel, size_t bytes)
{
	struct tunnel_view *view = tunnel->view;
	int i;

	if (view->narrow)
		look_at_all(tunnel);
	i = schedule_pick(tunnel->policy.scheduler, view->descriptions,
	    view->count, bytes, tunnel->policy.max_queue_ms, &view->least_us);
	if (awaits(tunnel, view->last, bytes))
		return false;
	view->current = i == -1 ? view->count : (size_t)i;
	return i != -1;
}

/* False: none has room, or the one that has none is awaited. */
static bool
pick(struct tunnel *tunnel, size_t bytes)
{
	struct tunnel_view *view = tunnel->view;

	if (awaits(tunnel, view->current, bytes))
		return false;
	if (!keeps_current(tunnel, bytes) && !pick_anew(tunnel, bytes))
		return false;
	view->awaits_us = 0;
	return true;
}

struct path *
tunnel_view_pick(struct tunnel *tunnel, size_t plain_bytes,
    const struct schedule_path **description)
{
	struct tunnel_view *view = tunnel->view;

	for (;;) {
		if (!pick(tunnel, plain_bytes + OVERHEAD_BYTES))
			return NULL;
		if (view->paths[view->current]->state == PATH_UP)
			break;
		/* It broke under a frame just now. */
		look_at(view, view->current);
	}
	view->descriptions[view->current].taken = true;
	*description = &view->descriptions[view->current];
	return view->paths[view->current];
}

void
tunnel_view_want_room(struct tunnel *tunnel)
{
	struct tunnel_view *view = tunnel->view;
	struct path *path;

	if (view->awaits) {
		channel_want_room(&view->paths[view->current]->channel);
		if (!event_pending(tunnel->impatient, EV_TIMEOUT, NULL))
			event_add(tunnel->impatient, &await_most);
		return;
	}
	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->state == PATH_UP)
			channel_want_room(&path->channel);
}

void
tunnel_view_settle(struct tunnel *tunnel)
{
	struct tunnel_view *view = tunnel->view;
	size_t i;

	if (tunnel->policy.scheduler != CONFIG_REDUNDANT) {
		look_at(view, view->current);
		return;
	}
	for (i = 0; i < view->count; i++)
		if (view->descriptions[i].taken)
			look_at(view, i);
}

void
tunnel_view_flush(struct tunnel *tunnel, uint64_t now_us)
{
	struct tunnel_view *view = tunnel->view;
	struct path *path, *next;

	if (!view->flush_all) {
		if (view->all_us != 0 && view->current < view->count)
			path_flush(view->paths[view->current], now_us);
		return;
	}
	view->flush_all = false;
	/* It may break, and is in another list then. */
	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
		if (path->state == PATH_UP)
			path_flush(path, now_us);
}

void
tunnel_view_forget(struct tunnel *tunnel)
{
	tunnel->view->all_us = 0;
	tunnel->view->flush_all = true;
}
