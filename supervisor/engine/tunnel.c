#include "supervisor/engine/tunnel.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel_change.h"
#include "supervisor/engine/tunnel_clients.h"
#include "supervisor/engine/tunnel_ledger.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/engine/tunnel_samples.h"
#include "supervisor/engine/tunnel_view.h"
#include "supervisor/log.h"

#define QUEUE_STANDS_US UINT64_C(200000)
/* How long a listener keeps a tunnel's UDP socket for its connector. */
#define DESERTED_LIMIT_US UINT64_C(60000000)
/* The connector ends a silent path sooner and dials again. */
#define DEAD_LIMIT_US UINT64_C(30000000)

/* Slots are of connections that are up: a peer's path numbers are its own. */
static void
take_slot(struct tunnel *tunnel, struct path *path)
{
	size_t slot = 0;

	while (tunnel->slot_taken[slot])
		slot++;
	tunnel->slot_taken[slot] = true;
	path->slot = (uint8_t)slot;
}

void
tunnel_path_up(struct tunnel *tunnel, struct path *path)
{
	take_slot(tunnel, path);
	tunnel_view_forget(tunnel);
	tunnel_take_over(path);
	tunnel_pool_up(path);
	if (tunnel->paths_up++ == 0)
		log_notice(tunnel->name, "up");
	tunnel_tell_policy(tunnel, path);
	tunnel_path_room(tunnel);
}

void
tunnel_path_down(struct tunnel *tunnel, struct path *path)
{
	history_end_path(&tunnel->history, path->slot);
	tunnel->slot_taken[path->slot] = false;
	tunnel_view_forget(tunnel);
	if (--tunnel->paths_up == 0)
		log_notice(tunnel->name, "down: no path is up");
	/* What it had in flight is waiting now. */
	event_active(tunnel->readable, EV_READ, 0);
}

void
tunnel_path_gone(struct tunnel *tunnel, struct path *path)
{
	tunnel_pool_replaced(path, path->successor);
	tunnel_unlink_rotation(path);
	TAILQ_REMOVE(&tunnel->paths, path, entry);
	if (--tunnel->paths_count == 0)
		tunnel->deserted_us = clock_now_us();
}

void
tunnel_drop_path(struct tunnel *tunnel, struct path *path, const char *why)
{
	path->config = NULL;
	path_finish(path, why);
	if (path->state == PATH_ENDED)
		return;
	log_info(path->subject, "%s", why);
	tunnel_path_gone(tunnel, path);
	path_free(path);
}

static void
handle_readable(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	tunnel_pump(argument);
}

static void
handle_impatient(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	tunnel_path_room(argument);
}

struct tunnel *
tunnel_allocate(struct engine *engine, const char *name,
    const struct engine_peer *peer, const struct frame_policy *policy,
    size_t history_bytes, struct end *end)
{
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));

	if (tunnel == NULL) {
		end_release(end);
		return NULL;
	}
	tunnel->engine = engine;
	tunnel->end = end;
	end_take(end);
	tunnel->peer = peer;
	tunnel->policy = *policy;
	tunnel->dead_us = DEAD_LIMIT_US;
	/* Above all that an earlier process of ours can have used. */
	tunnel->next_sequence = clock_unix_ms() * TUNNEL_SEQUENCE_STEP;
	ledger_init(&tunnel->ledger, tunnel->next_sequence);
	tunnel->deserted_us = clock_now_us();
	strlcpy(tunnel->name, name, sizeof(tunnel->name));
	TAILQ_INIT(&tunnel->paths);
	TAILQ_INSERT_TAIL(&engine->tunnels, tunnel, entry);
	if ((policy->max_age_ms > 0 && end_stamp(end) == -1) ||
	    history_init(&tunnel->history, history_bytes) == -1 ||
	    tunnel_open_delivery(tunnel) == -1 ||
	    udp_batch_init(&tunnel->batch) == -1 ||
	    (tunnel->view = calloc(1, sizeof(*tunnel->view))) == NULL ||
	    (tunnel->impatient = event_new(engine->base, -1, 0,
		 handle_impatient, tunnel)) == NULL ||
	    (tunnel->readable = event_new(engine->base, end->fd,
		 EV_READ | EV_PERSIST, handle_readable, tunnel)) == NULL ||
	    event_add(tunnel->readable, NULL) == -1) {
		tunnel_free(tunnel, "no memory for the tunnel");
		return NULL;
	}
	return tunnel;
}

static bool
is_id_taken(const struct tunnel *tunnel, uint16_t id)
{
	const struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->id == id)
			return true;
	return false;
}

uint16_t
tunnel_free_id(const struct tunnel *tunnel)
{
	uint16_t id = 0;

	while (is_id_taken(tunnel, id))
		id++;
	return id;
}

int
tunnel_add_path(struct tunnel *tunnel, const struct config_path *config)
{
	struct path *path;

	if (tunnel->paths_count == TUNNEL_PATHS_MAX) {
		errno = E2BIG;
		return -1;
	}
	path = path_new(tunnel, config, tunnel_free_id(tunnel));
	if (path == NULL)
		return -1;
	path->rests = tunnel->config->down;
	TAILQ_INSERT_TAIL(&tunnel->paths, path, entry);
	tunnel->paths_count++;
	return 0;
}

static int
add_paths(struct tunnel *tunnel)
{
	const struct config_tunnel *config = tunnel->config;
	const struct config_path *item = config->paths;

	for (; item < config->paths + config->paths_count; item++)
		for (uint32_t copy = 0; copy < item->count; copy++)
			if (tunnel_add_path(tunnel, item) == -1)
				return -1;
	return 0;
}

void
tunnel_fill_policy(struct frame_policy *policy,
    const struct config_tunnel *config)
{
	*policy = (struct frame_policy){
		.scheduler = (uint8_t)config->scheduler,
		.copies = (uint8_t)config->copies,
		.resend = config->resend,
		.max_queue_ms = (uint16_t)config->max_queue_ms,
		.max_age_ms = (uint16_t)config->max_age_ms,
		.reorder_ms = (uint16_t)config->reorder_ms,
	};
}

struct tunnel *
tunnel_new(struct engine *engine, const struct config_tunnel *config,
    const struct address_pair *asked, struct end *end)
{
	struct frame_policy policy;
	struct tunnel *tunnel;

	tunnel_fill_policy(&policy, config);
	tunnel = tunnel_allocate(engine, config->name,
	    &engine->peers[config->peer], &policy, config->history_bytes, end);
	if (tunnel == NULL)
		return NULL;
	tunnel->config = config;
	tunnel->asked = *asked;
	tunnel->dead_us = (uint64_t)config->dead_s * 1000000;
	tunnel->started_ms = clock_unix_ms();
	arc4random_buf(tunnel->session, sizeof(tunnel->session));
	tunnel_choose_first(tunnel);
	if (add_paths(tunnel) == -1 || tunnel_pool_open(tunnel) == -1) {
		tunnel_free(tunnel, "no memory for its paths");
		return NULL;
	}
	return tunnel;
}

struct end *
tunnel_dissolve(struct tunnel *tunnel, const char *words)
{
	struct end *end = tunnel->end;

	tunnel->end = NULL;
	tunnel_free(tunnel, words);
	return end;
}

void
tunnel_free(struct tunnel *tunnel, const char *words)
{
	struct path *path;

	while ((path = TAILQ_FIRST(&tunnel->paths)) != NULL) {
		path_finish(path, words);
		if (path->state == PATH_ENDED)
			continue; /* it has left the list by itself */
		tunnel_unlink_rotation(path);
		TAILQ_REMOVE(&tunnel->paths, path, entry);
		path_free(path);
	}
	tunnel_pool_close(tunnel);
	if (tunnel->readable != NULL)
		event_free(tunnel->readable);
	if (tunnel->impatient != NULL)
		event_free(tunnel->impatient);
	tunnel_close_delivery(tunnel);
	history_free(&tunnel->history);
	udp_batch_free(&tunnel->batch);
	free(tunnel->view);
	end_release(tunnel->end);
	TAILQ_REMOVE(&tunnel->engine->tunnels, tunnel, entry);
	free(tunnel);
}

/*
 * A queue that comes and goes is a burst, and better late than lost; so is what
 * comes while no path is up, or the rate of one is still looked for. One that
 * stands makes every datagram late: it gets half of max_queue at the rate of
 * all paths.
 */
static void
limit_queue(struct tunnel *tunnel, uint64_t now_us)
{
	bool stands = tunnel->blocked && tunnel->paths_up > 0 &&
	    now_us - tunnel->emptied_us > QUEUE_STANDS_US;
	uint64_t bytes_s = 0;
	struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry) {
		if (!stands)
			break;
		if (path->state != PATH_UP)
			continue;
		bytes_s += estimate_rate(&path->estimate);
		if (path->estimate.probing)
			stands = false;
	}
	end_limit_queue(tunnel->end,
	    stands ? bytes_s / 2000 * tunnel->policy.max_queue_ms : UINT64_MAX);
}

bool
tunnel_tick(struct tunnel *tunnel, uint64_t now_us)
{
	struct path *path, *next;

	limit_queue(tunnel, now_us);
	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
		path_tick(path, now_us);
	tunnel_pool_tick(tunnel, now_us);
	tunnel_ledger_tick(tunnel, now_us);
	tunnel_choice_tick(tunnel, now_us);
	tunnel_tend_hold(tunnel, now_us);
	tunnel_samples_tick(tunnel, now_us);
	end_tick(tunnel->end, now_us);
	tunnel_clients_tick(tunnel, now_us);
	if (tunnel->blocked && tunnel->paths_up > 0)
		tunnel_path_room(tunnel);
	return tunnel->config != NULL || tunnel->paths_count > 0 ||
	    now_us - tunnel->deserted_us < DESERTED_LIMIT_US;
}
