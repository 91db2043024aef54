#include "supervisor/engine/tunnel_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/difference.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/log.h"

void
tunnel_hurry(struct tunnel *tunnel, bool hurry)
{
	tunnel->hurry = hurry;
}

/* Without a configuration it is not dialled again when it ends. */
static void
remove_path(struct tunnel *tunnel, struct path *path)
{
	if (path->state != PATH_UP || tunnel->hurry) {
		tunnel_drop_path(tunnel, path, "removed");
		return;
	}
	log_info(path->subject, "removed: drains");
	path->config = NULL;
	if (path->drains_us == 0)
		path->drains_us = clock_now_us();
}

/* A rotation that is under way begins again, if at all. */
static void
drop_successors(struct tunnel *tunnel)
{
	struct path *path, *next;

	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
		if (path->predecessor != NULL)
			tunnel_drop_path(tunnel, path,
			    "its settings have changed");
}

static void
dial_soon(struct path *path)
{
	memset(&path->backoff, 0, sizeof(path->backoff));
	path->limit_us = clock_now_us();
}

static void
replace_path(struct tunnel *tunnel, struct path *path)
{
	if (path->state == PATH_UP && path->drains_us == 0) {
		log_info(path->subject,
		    "its settings have changed: is replaced");
		tunnel_replace(tunnel, path);
		return;
	}
	path->backup = path->config->backup;
	path_finish(path, "its settings have changed");
	dial_soon(path);
}

static size_t
find_new(const size_t *from, size_t count, size_t old)
{
	size_t i = 0;

	while (i < count && from[i] != old)
		i++;
	return i;
}

/* A pool's candidate is not replaced while it serves: another one is. */
static void
turn_path(struct tunnel *tunnel, struct path *path,
    const struct config_tunnel *new, size_t index, size_t *have)
{
	const struct config_path *config = &new->paths[index];
	enum difference difference = difference_path(tunnel->config,
	    path->config, new, config);

	if (have[index] == config->count ||
	    (difference != DIFFERENCE_NONE && config->pooled)) {
		remove_path(tunnel, path);
		return;
	}
	have[index]++;
	path->config = config;
	if (difference != DIFFERENCE_NONE || tunnel->rekeyed)
		replace_path(tunnel, path);
}

static void
turn_paths(struct tunnel *tunnel, const struct config_tunnel *new,
    const size_t *from, size_t *have)
{
	struct path *path, *next;
	size_t index;

	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next) {
		/* Also what a replacement has just put beside its old one. */
		if (path->config == NULL || path->predecessor != NULL)
			continue;
		index = find_new(from, new->paths_count,
		    (size_t)(path->config - tunnel->config->paths));
		if (index == new->paths_count)
			remove_path(tunnel, path);
		else
			turn_path(tunnel, path, new, index, have);
	}
}

static void
add_paths(struct tunnel *tunnel, const struct config_tunnel *new, size_t index,
    size_t have)
{
	const struct config_path *config = &new->paths[index];

	for (; have < config->count; have++)
		if (tunnel_add_path(tunnel, config) == -1) {
			log_error(tunnel->name, "%s: cannot be added: %s",
			    config->uri, strerror(errno));
			return;
		}
}

/* As they stand in the configuration: to `primary` the order matters. */
static void
sort_paths(struct tunnel *tunnel, const struct config_tunnel *new)
{
	struct path *path, *next;
	struct path_list sorted;

	TAILQ_INIT(&sorted);
	for (size_t i = 0; i < new->paths_count; i++)
		TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
			if (path->config == &new->paths[i]) {
				TAILQ_REMOVE(&tunnel->paths, path, entry);
				TAILQ_INSERT_TAIL(&sorted, path, entry);
			}
	TAILQ_CONCAT(&tunnel->paths, &sorted, entry);
}

static void
set_rest(struct tunnel *tunnel, bool rests)
{
	struct path *path, *next;

	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next) {
		if (path->config == NULL || (!rests && path->config->pooled))
			continue;
		if (!rests && path->rests)
			dial_soon(path);
		path->rests = rests;
		if (rests)
			path_finish(path, "the tunnel is set down");
	}
}

static void
turn_rest(struct tunnel *tunnel, const struct config_tunnel *new)
{
	if (tunnel->config->down != new->down)
		log_notice(tunnel->name, "is set %s",
		    new->down ? "down" : "up");
	if (new->down || tunnel->config->down)
		set_rest(tunnel, new->down);
}

static void
tell_all(struct tunnel *tunnel)
{
	struct path *path, *next;

	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
		if (path->state == PATH_UP)
			tunnel_tell_policy(tunnel, path);
}

/* What goes beyond numbers that are looked at every time. */
static void
set_policy(struct tunnel *tunnel, const struct frame_policy *policy)
{
	bool waits = tunnel->policy.reorder_ms != policy->reorder_ms;

	tunnel->policy = *policy;
	if (policy->max_age_ms > 0 && end_stamp(tunnel->end) == -1)
		log_warn(tunnel->name, "max_age: %s", strerror(errno));
	if (waits && tunnel_change_reorder(tunnel) == -1)
		log_error(tunnel->name, "reorder: %s", strerror(errno));
}

static bool
same_policy(const struct frame_policy *a, const struct frame_policy *b)
{
	return a->scheduler == b->scheduler && a->copies == b->copies &&
	    a->resend == b->resend && a->max_queue_ms == b->max_queue_ms &&
	    a->max_age_ms == b->max_age_ms && a->reorder_ms == b->reorder_ms;
}

static void
turn_policy(struct tunnel *tunnel, const struct config_tunnel *new)
{
	struct frame_policy policy;

	tunnel->dead_us = (uint64_t) new->dead_s * 1000000;
	tunnel_fill_policy(&policy, new);
	if (same_policy(&tunnel->policy, &policy))
		return;
	set_policy(tunnel, &policy);
	tunnel->policy_serial++;
	tell_all(tunnel);
	log_info(tunnel->name, "goes on with other settings");
}

static bool
has_other_pool(const struct tunnel *tunnel, const struct config_tunnel *new,
    const size_t *from)
{
	const struct config_tunnel *old = tunnel->config;
	size_t kept = 0, candidates = 0;

	for (size_t i = 0; i < new->paths_count; i++) {
		if (!new->paths[i].pooled)
			continue;
		candidates++;
		kept += from[i] != DIFFERENCE_NOTHING &&
		    difference_path(old, &old->paths[from[i]], new,
			&new->paths[i]) == DIFFERENCE_NONE;
	}
	for (size_t i = 0; i < old->paths_count; i++)
		candidates += old->paths[i].pooled;
	return candidates != 2 * kept || old->pool_use != new->pool_use ||
	    old->down != new->down;
}

void
tunnel_change(struct tunnel *tunnel, const struct config_tunnel *config)
{
	size_t from[TUNNEL_PATHS_MAX];
	size_t have[TUNNEL_PATHS_MAX] = { 0 };
	bool other_pool;

	difference_match_paths(tunnel->config, config, from);
	other_pool = has_other_pool(tunnel, config, from);
	drop_successors(tunnel);
	turn_paths(tunnel, config, from, have);
	turn_rest(tunnel, config);
	tunnel->config = config;
	tunnel->rekeyed = false;
	for (size_t i = 0; i < config->paths_count; i++)
		add_paths(tunnel, config, i, have[i]);
	sort_paths(tunnel, config);
	turn_policy(tunnel, config);
	if (other_pool && tunnel_pool_reopen(tunnel) == -1)
		log_error(tunnel->name, "pool: %s", strerror(errno));
}

void
tunnel_tell_policy(struct tunnel *tunnel, struct path *path)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	if (tunnel->config == NULL || tunnel->policy_serial == 0)
		return;
	path_send(path, frame,
	    frame_encode_policy(&tunnel->policy, tunnel->policy_serial, frame));
	path_flush(path, clock_now_us());
}

int
tunnel_hear_policy(struct tunnel *tunnel, const uint8_t *frame, size_t bytes)
{
	struct frame_policy policy;
	uint64_t serial;

	if (tunnel->config != NULL ||
	    frame_decode_policy(frame, bytes, &policy, &serial) == -1)
		return -1;
	if (serial <= tunnel->policy_serial)
		return 0;
	tunnel->policy_serial = serial;
	if (same_policy(&tunnel->policy, &policy))
		return 0;
	set_policy(tunnel, &policy);
	log_info(tunnel->name, "goes on with other settings");
	return 0;
}
