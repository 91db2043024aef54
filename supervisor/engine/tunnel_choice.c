#include "supervisor/engine/tunnel_choice.h"

#include <bsd/stdlib.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

#define SECOND_US UINT64_C(1000000)
/* So that those who lose their listener at once do not come at once. */
#define SPREAD_US 200000
/* How many records a name has is known to the workers alone. */
#define SRV_TARGETS 4

void
tunnel_choose_first(struct tunnel *tunnel)
{
	tunnel->choice.seed = arc4random();
	tunnel->choice.alone_us = clock_now_us();
}

const struct address_uri *
tunnel_destination(const struct tunnel *tunnel, uint32_t *target)
{
	const struct config_tunnel *config = tunnel->config;
	uint32_t turn = tunnel->choice.turn;
	uint32_t count = (uint32_t)config->destinations_count;

	*target = turn / count;
	return &config->destinations[turn % count];
}

static bool
has_choice(const struct tunnel *tunnel)
{
	const struct config_tunnel *config = tunnel->config;

	return config != NULL &&
	    (config->destinations_count > 1 ||
		config->destinations[0].kind == HOP_SRV);
}

/* How many turns it takes to have tried all of them. */
static uint32_t
round_turns(const struct config_tunnel *config)
{
	uint32_t count = (uint32_t)config->destinations_count;

	for (uint32_t i = 0; i < count; i++)
		if (config->destinations[i].kind == HOP_SRV)
			return count * SRV_TARGETS;
	return count;
}

/* Not all have been tried yet since one was up. */
static bool
is_first_round(const struct tunnel *tunnel)
{
	return tunnel->choice.vain < round_turns(tunnel->config);
}

/* Does it go where it is told to? What only drains is told nothing more. */
static bool
is_led(const struct path *path)
{
	const struct config_path *config = path->config;

	return config != NULL &&
	    (config->direct ||
		config->hops[config->hops_count - 1].kind != HOP_TCP);
}

/*
 * What is on its way to the former one is given up. A raw relay may lead to
 * the new one already, so it is asked anew as well.
 */
static void
redirect(struct path *path, bool hurry, uint64_t now_us)
{
	switch (path->state) {
	case PATH_DIALLING:
	case PATH_HANDSHAKE:
	case PATH_OPENING:
		if (!is_led(path))
			return;
		path_finish(path, "another listener is tried");
		break;
	case PATH_WAITING:
		break;
	case PATH_UP:
	case PATH_ENDED:
		return;
	}
	if (path->state != PATH_WAITING || !hurry || path->backoff.stands)
		return;
	path->backoff.failures = 1;
	path->limit_us = now_us + arc4random_uniform(SPREAD_US);
}

/* Which of a name's records is next, the workers of the paths tell. */
static void
tell_next(const struct tunnel *tunnel)
{
	uint32_t target;

	if (tunnel->config->destinations_count > 1)
		log_notice(tunnel->name,
		    "no path for %u s: the next listener is %s",
		    tunnel->config->failover_s,
		    tunnel_destination(tunnel, &target)->display);
}

static void
choose_next(struct tunnel *tunnel, uint64_t now_us)
{
	struct tunnel_choice *choice = &tunnel->choice;
	struct path *path, *next;
	bool hurry;

	if (is_first_round(tunnel))
		choice->vain++;
	hurry = is_first_round(tunnel);
	choice->turn++;
	choice->alone_us = now_us;
	choice->untried = true;
	if (hurry)
		tell_next(tunnel);
	TAILQ_FOREACH_SAFE(path, &tunnel->paths, entry, next)
		redirect(path, hurry, now_us);
}

void
tunnel_choice_dials(struct path *path)
{
	struct tunnel_choice *choice = &path->tunnel->choice;

	if (!choice->untried || !is_led(path))
		return;
	choice->untried = false;
	if (!is_first_round(path->tunnel))
		choice->alone_us = clock_now_us();
}

static void
begin_round(struct tunnel_choice *choice)
{
	choice->alone_us = 0;
	choice->vain = 0;
	choice->untried = false;
}

static bool
has_led(const struct tunnel *tunnel)
{
	const struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->state == PATH_UP && is_led(path))
			return true;
	return false;
}

void
tunnel_choice_tick(struct tunnel *tunnel, uint64_t now_us)
{
	struct tunnel_choice *choice = &tunnel->choice;

	if (!has_choice(tunnel))
		return;
	if (tunnel->config->down || has_led(tunnel))
		begin_round(choice);
	else if (choice->alone_us == 0)
		choice->alone_us = now_us;
	else if (!choice->untried && now_us >= choice->alone_us &&
	    now_us - choice->alone_us >= tunnel->config->failover_s * SECOND_US)
		choose_next(tunnel, now_us);
}

static bool
is_same(const struct path *a, const struct path *b)
{
	return memcmp(a->instance, b->instance, sizeof(a->instance)) == 0;
}

/*
 * A listener that was started again is another one too: paths to the former
 * one that are not known to be dead yet must not keep the new ones out for
 * long, so that what is silent does not count.
 */
static bool
is_kept_out(const struct tunnel *tunnel, const struct path *path)
{
	uint64_t now_us = clock_now_us();
	const struct path *other;

	TAILQ_FOREACH(other, &tunnel->paths, entry)
		if (other->state == PATH_UP && !is_same(other, path) &&
		    !path_is_stalled(other, now_us) &&
		    (is_led(other) || !is_led(path)))
			return true;
	return false;
}

bool
tunnel_meets(struct tunnel *tunnel, const struct path *path)
{
	struct path *other, *next;

	if (is_kept_out(tunnel, path))
		return false;
	if (memcmp(tunnel->choice.instance, path->instance,
		sizeof(path->instance)) == 0)
		return true;
	memcpy(tunnel->choice.instance, path->instance, sizeof(path->instance));
	TAILQ_FOREACH_SAFE(other, &tunnel->paths, entry, next)
		if (other->state == PATH_UP && !is_same(other, path))
			path_fail(other, "it leads to another listener");
	return true;
}
