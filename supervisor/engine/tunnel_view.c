#include "supervisor/engine/tunnel_view.h"

#include "supervisor/engine/frame.h"
#include "supervisor/engine/path.h"

#define OVERHEAD_BYTES ((size_t)(FRAME_LENGTH_BYTES + FRAME_TAG_BYTES))

void
tunnel_view_look(struct tunnel *tunnel, uint64_t now_us)
{
	struct tunnel_view *view = tunnel->view;
	struct path *path;

	view->count = 0;
	view->now_us = now_us;
	TAILQ_FOREACH(path, &tunnel->paths, entry) {
		path_describe(path, &view->descriptions[view->count], now_us);
		view->paths[view->count++] = path;
	}
}

static void
look_at(struct tunnel_view *view, size_t i)
{
	path_describe(view->paths[i], &view->descriptions[i], view->now_us);
}

struct path *
tunnel_view_pick(struct tunnel *tunnel, size_t plain_bytes,
    const struct schedule_path **description)
{
	struct tunnel_view *view = tunnel->view;
	int i;

	for (;;) {
		i = schedule_pick(tunnel->policy.scheduler, view->descriptions,
		    view->count, plain_bytes + OVERHEAD_BYTES,
		    tunnel->policy.max_queue_ms);
		if (i == -1)
			return NULL;
		if (view->paths[i]->state == PATH_UP)
			break;
		/* It broke under a frame just now. */
		look_at(view, (size_t)i);
	}
	view->descriptions[i].taken = true;
	*description = &view->descriptions[i];
	return view->paths[i];
}

void
tunnel_view_settle(struct tunnel *tunnel)
{
	struct tunnel_view *view = tunnel->view;
	size_t i;

	for (i = 0; i < view->count; i++)
		if (view->descriptions[i].taken)
			look_at(view, i);
}
