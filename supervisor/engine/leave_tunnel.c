#include "supervisor/engine/leave_tunnel.h"

#include <string.h>

#include "supervisor/config.h"
#include "supervisor/engine/advance.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/leave_end.h"
#include "supervisor/engine/leave_path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/state.h"

#define NO_CONFIG UINT64_MAX
#define NOT_KEPT UINT64_MAX

/* What a tunnel is made of. */
struct making {
	uint64_t config; /* index, or NO_CONFIG: a listener's */
	uint64_t peer;
	char name[FRAME_NAME_MAX];
	struct frame_policy policy;
	uint64_t history_bytes;
	struct address_pair asked; /* a connector's: the far tuple */
	uint64_t kept;	   /* its end is the engine's: index, or NOT_KEPT */
	uint64_t advanced; /* the reader has it, and its end: advance.h */
};

static void
leave_making(struct state *state, struct making *making)
{
	struct frame_policy *policy = &making->policy;

	STATE_NUMBER(state, making->config);
	STATE_NUMBER(state, making->peer);
	state_text(state, making->name, sizeof(making->name));
	STATE_NUMBER(state, policy->scheduler);
	STATE_NUMBER(state, policy->copies);
	state_flag(state, &policy->resend);
	STATE_NUMBER(state, policy->max_queue_ms);
	STATE_NUMBER(state, policy->max_age_ms);
	STATE_NUMBER(state, policy->reorder_ms);
	STATE_NUMBER(state, making->history_bytes);
	leave_pair(state, &making->asked);
	STATE_NUMBER(state, making->kept);
	STATE_NUMBER(state, making->advanced);
	if (policy->scheduler > CONFIG_REDUNDANT)
		state_break(state);
}

static void
leave_counters(struct state *state, struct tunnel *tunnel)
{
	STATE_NUMBER(state, tunnel->session);
	STATE_NUMBER(state, tunnel->started_ms);
	STATE_NUMBER(state, tunnel->policy_serial);
	state_flag(state, &tunnel->rekeyed);
	state_flag(state, &tunnel->hurry);
	STATE_NUMBER(state, tunnel->dead_us);
	STATE_NUMBER(state, tunnel->deserted_us);
	STATE_NUMBER(state, tunnel->emptied_us);
	STATE_NUMBER(state, tunnel->choice.turn);
	STATE_NUMBER(state, tunnel->choice.seed);
	STATE_NUMBER(state, tunnel->choice.alone_us);
	STATE_NUMBER(state, tunnel->choice.vain);
	state_flag(state, &tunnel->choice.untried);
	STATE_NUMBER(state, tunnel->choice.instance);
	STATE_NUMBER(state, tunnel->holds_us);
	STATE_NUMBER(state, tunnel->next_sequence);
	STATE_NUMBER(state, tunnel->sent);
	STATE_NUMBER(state, tunnel->resent);
	STATE_NUMBER(state, tunnel->copies);
	STATE_NUMBER(state, tunnel->arrived);
	STATE_NUMBER(state, tunnel->blocked_us);
	STATE_NUMBER(state, tunnel->held_us);
	STATE_NUMBER(state, tunnel->too_old);
	STATE_NUMBER(state, tunnel->too_large);
	STATE_NUMBER(state, tunnel->delivered);
	leave_ledger(state, &tunnel->ledger);
	if (!tunnel->end->kept)
		leave_end_contents(state, tunnel->end);
}

static void
leave_contents(struct state *state, struct tunnel *tunnel)
{
	leave_counters(state, tunnel);
	leave_batch(state, &tunnel->batch);
	leave_history(state, &tunnel->history);
	leave_arrival(state, &tunnel->arrival);
	leave_reorder(state, &tunnel->reorder);
	leave_paths(state, tunnel);
}

static uint64_t
kept_index(const struct tunnel *tunnel)
{
	const struct permitted *permitted = &tunnel->engine->permitted;
	uint64_t i = 0;

	while (i < permitted->count && permitted->ends[i] != tunnel->end)
		i++;
	return i < permitted->count ? i : NOT_KEPT;
}

void
leave_tunnel(struct state *state, struct tunnel *tunnel)
{
	const struct engine *engine = tunnel->engine;
	struct making making = { .config = NO_CONFIG,
		.peer = (uint64_t)(tunnel->peer - engine->peers),
		.policy = tunnel->policy,
		.history_bytes = tunnel->history.arena.capacity,
		.asked = tunnel->asked,
		.kept = kept_index(tunnel),
		.advanced = tunnel->advanced };

	memcpy(making.name, tunnel->name, sizeof(making.name));
	if (tunnel->config != NULL)
		making.config = (uint64_t)(tunnel->config -
		    engine->config->tunnels);
	leave_making(state, &making);
	if (making.kept == NOT_KEPT && making.advanced == 0)
		leave_end(state, tunnel->end);
	leave_contents(state, tunnel);
	tunnel_pool_leave(state, tunnel);
}

static bool
is_possible(const struct engine *engine, const struct making *making)
{
	const struct config *config = engine->config;

	return making->peer < config->peers_count &&
	    (making->kept == NOT_KEPT ||
		making->kept < engine->permitted.count) &&
	    (making->config == NO_CONFIG ||
		making->config < config->tunnels_count);
}

static struct tunnel *
make(struct engine *engine, const struct making *making, struct end *end)
{
	return tunnel_allocate(engine, making->name,
	    &engine->peers[making->peer], &making->policy,
	    making->history_bytes, end);
}

static bool
suits(const struct tunnel *tunnel, const struct making *making)
{
	return tunnel->history.arena.capacity == making->history_bytes &&
	    tunnel->policy.reorder_ms == making->policy.reorder_ms &&
	    (tunnel->policy.max_age_ms > 0) == (making->policy.max_age_ms > 0);
}

/* One whose policy has changed since is made anew. */
static struct tunnel *
take(struct engine *engine, const struct making *making)
{
	struct tunnel *tunnel = advance_take_tunnel(engine->upgrade.advance,
	    making->advanced);

	if (tunnel == NULL)
		return NULL;
	if (!suits(tunnel, making))
		return make(engine, making, tunnel_dissolve(tunnel, ""));
	memcpy(tunnel->name, making->name, sizeof(tunnel->name));
	tunnel->peer = &engine->peers[making->peer];
	tunnel->policy = making->policy;
	return tunnel;
}

static struct tunnel *
make_at_end(struct state *state, struct engine *engine,
    const struct making *making)
{
	struct end *end;

	if (making->kept == NOT_KEPT)
		end = leave_end_read(state);
	else
		end = engine->permitted.ends[making->kept];
	return end == NULL || end->taken ? NULL : make(engine, making, end);
}

static void
complete(struct tunnel *tunnel, const struct making *making)
{
	const struct config_peer *peer = tunnel->peer->config;

	if (making->config == NO_CONFIG) {
		end_permit(tunnel->end, peer->permits, peer->permits_count);
	} else {
		tunnel->config =
		    &tunnel->engine->config->tunnels[making->config];
		tunnel->asked = making->asked;
	}
}

bool
leave_tunnel_read(struct state *state, struct engine *engine)
{
	struct making making;
	struct tunnel *tunnel;

	leave_making(state, &making);
	if (state->broken || !is_possible(engine, &making))
		return false;
	tunnel = making.advanced != 0 ? take(engine, &making) :
					make_at_end(state, engine, &making);
	if (tunnel == NULL)
		return false;
	complete(tunnel, &making);
	leave_contents(state, tunnel);
	if (state->broken ||
	    (tunnel->config != NULL && tunnel_pool_open(tunnel) == -1))
		return false;
	tunnel_pool_leave(state, tunnel);
	return !state->broken;
}
