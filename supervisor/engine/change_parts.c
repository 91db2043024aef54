#include "supervisor/engine/change_parts.h"

#include <errno.h>
#include <string.h>

#include "supervisor/engine/change.h"
#include "supervisor/engine/change_named.h"
#include "supervisor/engine/difference.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_change.h"
#include "supervisor/log.h"

static struct tunnel *
find_connector(const struct engine *engine, const struct config_tunnel *config)
{
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		if (tunnel->config == config)
			return tunnel;
	return NULL;
}

/* The tunnel of this name that runs, NULL: none does. */
static struct tunnel *
find_by_name(const struct engine *engine, const char *name)
{
	size_t index = difference_find_tunnel(engine->config, name);

	return index == DIFFERENCE_NOTHING ?
	    NULL :
	    find_connector(engine, &engine->config->tunnels[index]);
}

bool
change_keeps_end(const struct engine *engine,
    const struct config_tunnel *tunnel)
{
	const struct tunnel *old = find_by_name(engine, tunnel->name);

	return old != NULL &&
	    difference_same_tuple(&old->config->local, &tunnel->local);
}

static const struct engine_peer *
turn_peer(const struct change_plan *plan, const struct engine_peer *peer)
{
	for (size_t i = 0; i < plan->new->peers_count; i++)
		if (difference_find_peer(plan->old, &plan->new->peers[i]) ==
		    (size_t)(peer->config - plan->old->peers))
			return &plan->peers[i];
	return NULL;
}

/* Why a tunnel that a peer asked for has to go; NULL: it may stay. */
static const char *
find_fault(const struct change_plan *plan, const struct tunnel *tunnel)
{
	const struct engine_peer *peer = turn_peer(plan, tunnel->peer);

	if (peer == NULL)
		return "the peer was removed";
	if (plan->new_identity)
		return "the identity has changed";
	if (tunnel_find_refused(peer, &tunnel->end->asked) != NULL)
		return "not permitted any more";
	if (tunnel->end->kept && !change_keeps_permitted(plan, tunnel->end))
		return "its end was opened again";
	return NULL;
}

static void
end_tunnel(struct tunnel *tunnel, const char *why)
{
	log_notice(tunnel->name, "ended: %s", why);
	tunnel_free(tunnel, why);
}

static void
end_tunnels(struct change_plan *plan)
{
	struct tunnel *tunnel, *next;
	const char *why;

	TAILQ_FOREACH_SAFE(tunnel, &plan->engine->tunnels, entry, next) {
		if (tunnel->config != NULL)
			why = difference_find_tunnel(plan->new,
				  tunnel->config->name) == DIFFERENCE_NOTHING ?
			    "the tunnel was removed" :
			    NULL;
		else
			why = find_fault(plan, tunnel);
		if (why != NULL)
			end_tunnel(tunnel, why);
	}
}

void
change_end_what_goes(struct change_plan *plan)
{
	struct path *path, *next;

	end_tunnels(plan);
	TAILQ_FOREACH_SAFE(path, &plan->engine->arriving, entry, next)
		if (plan->new_identity || turn_peer(plan, path->peer) == NULL)
			path_finish(path, "the keys have changed");
}

static void
turn_paths(struct change_plan *plan, struct path_list *paths,
    const struct engine_peer *peer)
{
	struct path *path;

	TAILQ_FOREACH(path, paths, entry)
		path->peer = peer != NULL ? peer : turn_peer(plan, path->peer);
}

/* Who verified under keys that are no more has to begin again. */
static void
turn_newcomers(struct change_plan *plan, struct newcomers *newcomers)
{
	struct newcomer *one, *next;

	TAILQ_FOREACH_SAFE(one, &newcomers->list, entry, next) {
		one->peer = turn_peer(plan, one->peer);
		if (one->peer == NULL || plan->new_identity)
			newcomers_drop(newcomers, one);
	}
}

/*
 * A connector's tunnel may have lost its peer, and is begun anew below: until
 * then its paths use nothing of it but its name.
 */
void
change_turn_peers(struct change_plan *plan)
{
	const struct engine_peer *peer;
	struct listener *listener;
	struct tunnel *tunnel;

	TAILQ_FOREACH(listener, &plan->engine->listeners, entry)
		turn_newcomers(plan, &listener->newcomers);
	TAILQ_FOREACH(tunnel, &plan->engine->tunnels, entry) {
		peer = turn_peer(plan, tunnel->peer);
		if (peer == NULL)
			continue;
		tunnel->rekeyed = memcmp(tunnel->peer->psk, peer->psk,
				      sizeof(peer->psk)) != 0;
		tunnel->peer = peer;
		if (tunnel->config == NULL)
			end_permit(tunnel->end, peer->config->permits,
			    peer->config->permits_count);
		turn_paths(plan, &tunnel->paths, peer);
	}
	turn_paths(plan, &plan->engine->arriving, NULL);
}

/*
 * What it listened on becomes the next one's where it is the same. NULL: it is
 * not; or it is lost, with errno.
 */
static struct end *
take_end(struct tunnel *tunnel, const struct config_tunnel *config, bool other)
{
	bool keeps = !other &&
	    difference_same_tuple(&tunnel->config->local, &config->local);
	/* Clients that the far end numbers it will number anew. */
	bool renewed = tunnel->end->fan != NULL ||
	    !difference_same_clients(tunnel->config, config);
	struct end *end;

	log_notice(tunnel->name, "begun anew");
	if (!keeps) {
		tunnel_free(tunnel, "begun anew");
		return NULL;
	}
	end = tunnel_dissolve(tunnel, "begun anew");
	return renewed ? end_renew(end, config) : end;
}

static void
begin(struct change_plan *plan, struct change *change, size_t index,
    struct end *end)
{
	const struct config_tunnel *config = &plan->new->tunnels[index];
	struct change_socket *socket = &change->tunnels[index];

	if (end == NULL && socket->fd != -1) {
		end = end_new_here(config, socket->fd);
		socket->fd = -1;
	}
	if (end == NULL ||
	    tunnel_new(plan->engine, config, &change->bundle.asked[index],
		end) == NULL)
		log_error(config->name, "cannot begin: %s", strerror(errno));
}

static void
turn_tunnel(struct change_plan *plan, struct change *change, size_t index)
{
	const struct config_tunnel *config = &plan->new->tunnels[index];
	struct tunnel *tunnel = find_by_name(plan->engine, config->name);
	bool other = change->tunnels[index].other;

	if (tunnel == NULL) {
		begin(plan, change, index, NULL);
		return;
	}
	if (plan->new_identity || other ||
	    difference_tunnel(plan->old, tunnel->config, plan->new, config) ==
		DIFFERENCE_ANEW)
		begin(plan, change, index, take_end(tunnel, config, other));
	else
		tunnel_change(tunnel, config);
}

void
change_turn_tunnels(struct change_plan *plan, struct change *change)
{
	for (size_t i = 0; i < plan->new->tunnels_count; i++)
		turn_tunnel(plan, change, i);
}

static void
close_listeners(struct change_plan *plan)
{
	struct listener *listener, *next;

	TAILQ_FOREACH_SAFE(listener, &plan->engine->listeners, entry, next)
		if (difference_find_listen(plan->new, &listener->service) ==
		    DIFFERENCE_NOTHING) {
			TAILQ_REMOVE(&plan->engine->listeners, listener, entry);
			log_notice(NULL, "no longer listening on %s",
			    listener->name);
			listener_free(listener);
		}
}

void
change_turn_listeners(struct change_plan *plan, struct change *change)
{
	const struct config *new = plan->new;

	close_listeners(plan);
	for (size_t i = 0; i < new->listens_count; i++) {
		if (difference_find_listen(plan->old, &new->listens[i]) !=
		    DIFFERENCE_NOTHING)
			continue;
		if (engine_listen(plan->engine, &new->listens[i],
			change->listens[i].fd) == -1)
			log_error(NULL, "listener: %s", strerror(errno));
		change->listens[i].fd = -1;
	}
}
