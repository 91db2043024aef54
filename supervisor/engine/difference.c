#include "supervisor/engine/difference.h"

#include <string.h>

static bool
same_hops(const struct config_path *a, const struct config_path *b)
{
	if (a->hops_count != b->hops_count)
		return false;
	for (size_t i = 0; i < a->hops_count; i++) {
		const struct address_uri *x = &a->hops[i], *y = &b->hops[i];

		if (x->kind != y->kind || x->port != y->port ||
		    strcmp(x->host, y->host) != 0 ||
		    strcmp(x->user, y->user) != 0 ||
		    strcmp(x->password, y->password) != 0)
			return false;
	}
	return true;
}

static bool
same_uri(const struct address_uri *a, const struct address_uri *b)
{
	return a->kind == b->kind && a->port == b->port &&
	    strcmp(a->host, b->host) == 0;
}

bool
difference_same_tuple(const struct address_tuple *a,
    const struct address_tuple *b)
{
	return a->kind == b->kind && a->port == b->port &&
	    a->rport == b->rport && strcmp(a->host, b->host) == 0 &&
	    strcmp(a->rhost, b->rhost) == 0 && strcmp(a->path, b->path) == 0 &&
	    strcmp(a->rpath, b->rpath) == 0;
}

bool
difference_same_clients(const struct config_tunnel *a,
    const struct config_tunnel *b)
{
	return a->clients == b->clients &&
	    (a->clients == 0 || a->clients_idle_s == b->clients_idle_s);
}

static bool
same_destinations(const struct config_tunnel *a, const struct config_tunnel *b)
{
	if (a->destinations_count != b->destinations_count)
		return false;
	for (size_t i = 0; i < a->destinations_count; i++)
		if (!same_uri(&a->destinations[i], &b->destinations[i]))
			return false;
	return true;
}

enum difference
difference_path(const struct config_tunnel *old_tunnel,
    const struct config_path *old, const struct config_tunnel *new_tunnel,
    const struct config_path *new)
{
	/* What the far end was told of it when it opened counts as well. */
	if (same_hops(old, new) && old->pooled == new->pooled &&
	    old->backup == new->backup && old->direct == new->direct &&
	    old->mptcp == new->mptcp &&strcmp(old->interface, new->interface) ==
		0 &&
	    strcmp(old->source, new->source) == 0 &&
	    strcmp(old->congestion, new->congestion) == 0 &&
	    old->rate_limit_bytes ==
		new->rate_limit_bytes &&same_destinations(old_tunnel,
		    new_tunnel))
		return DIFFERENCE_NONE;
	return DIFFERENCE_ANEW;
}

static bool
same_numbers(const struct config_tunnel *a, const struct config_tunnel *b)
{
	return a->scheduler == b->scheduler && a->copies == b->copies &&
	    a->reorder_ms == b->reorder_ms &&
	    a->max_queue_ms == b->max_queue_ms &&
	    a->max_age_ms == b->max_age_ms && a->resend == b->resend &&
	    a->dead_s == b->dead_s && a->failover_s == b->failover_s &&
	    a->rotate_s == b->rotate_s && a->pool_use == b->pool_use &&
	    a->down == b->down;
}

enum difference
difference_tunnel(const struct config *old_config,
    const struct config_tunnel *old, const struct config *new_config,
    const struct config_tunnel *new)
{
	if (difference_find_peer(old_config, &new_config->peers[new->peer]) !=
		old->peer ||
	    !difference_same_tuple(&old->local, &new->local) ||
	    !difference_same_tuple(&old->remote, &new->remote) ||
	    !difference_same_clients(old, new) ||
	    old->history_bytes != new->history_bytes)
		return DIFFERENCE_ANEW;
	return same_numbers(old, new) ? DIFFERENCE_NONE : DIFFERENCE_LIVE;
}

static bool
is_taken(const size_t *from, size_t count, size_t index)
{
	for (size_t i = 0; i < count; i++)
		if (from[i] == index)
			return true;
	return false;
}

static bool
matches(const struct config_tunnel *old, size_t j,
    const struct config_tunnel *new, size_t i, bool exactly)
{
	const struct config_path *a = &old->paths[j], *b = &new->paths[i];

	if (strcmp(a->uri, b->uri) != 0 || a->pooled != b->pooled)
		return false;
	return !exactly || difference_path(old, a, new, b) == DIFFERENCE_NONE;
}

void
difference_match_paths(const struct config_tunnel *old,
    const struct config_tunnel *new, size_t *from)
{
	for (size_t i = 0; i < new->paths_count; i++)
		from[i] = DIFFERENCE_NOTHING;
	for (int exactly = 1; exactly >= 0; exactly--) {
		for (size_t i = 0; i < new->paths_count; i++) {
			for (size_t j = 0; j < old->paths_count &&
			     from[i] == DIFFERENCE_NOTHING;
			     j++)
				if (matches(old, j, new, i, exactly != 0) &&
				    !is_taken(from, new->paths_count, j))
					from[i] = j;
		}
	}
}

size_t
difference_find_tunnel(const struct config *old, const char *name)
{
	for (size_t i = 0; i < old->tunnels_count; i++)
		if (strcmp(old->tunnels[i].name, name) == 0)
			return i;
	return DIFFERENCE_NOTHING;
}

size_t
difference_find_peer(const struct config *old, const struct config_peer *peer)
{
	for (size_t i = 0; i < old->peers_count; i++)
		if (strcmp(old->peers[i].name, peer->name) == 0 &&
		    old->peers[i].self == peer->self &&
		    memcmp(old->peers[i].key, peer->key, sizeof(peer->key)) ==
			0)
			return i;
	return DIFFERENCE_NOTHING;
}

size_t
difference_find_listen(const struct config *old,
    const struct address_service *listen)
{
	for (size_t i = 0; i < old->listens_count; i++)
		if (old->listens[i].port == listen->port &&
		    strcmp(old->listens[i].host, listen->host) == 0)
			return i;
	return DIFFERENCE_NOTHING;
}

bool
difference_control(const struct config *old, const struct config *new)
{
	return strcmp(old->control, new->control) != 0 ||
	    strcmp(old->control_group, new->control_group) != 0;
}

bool
difference_log(const struct log_settings *old, const struct log_settings *new)
{
	return old->target != new->target ||
	    (new->target == LOG_TO_FILE &&strcmp(old->file, new->file) != 0);
}

size_t
difference_fixed(const struct config *old, const struct config *new,
    const char *names[DIFFERENCE_FIXED_MAX])
{
	size_t count = 0;

	if (strcmp(old->user, new->user) != 0)
		names[count++] = "user";
	if (strcmp(old->worker_user, new->worker_user) != 0)
		names[count++] = "worker_user";
	return count;
}
