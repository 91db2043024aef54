#include "supervisor/engine/leave_bundle.h"

#include "supervisor/bundle.h"
#include "supervisor/config.h"
#include "supervisor/engine/change.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/noise_identity.h"
#include "supervisor/state.h"

#define BYTES_MAX ((size_t)64 << 20)

/* It is to be returned in either case. False with errno. */
static bool
borrow(struct bundle *bundle, const struct engine *engine)
{
	return change_borrow(bundle, engine) == 0 &&
	    noise_identity_private(engine->identity, bundle->identity);
}

struct leave_bundle
leave_bundle_write(struct state *state, const struct engine *engine)
{
	struct leave_bundle written = { .bytes = NULL };
	struct bundle bundle;
	uint8_t *place;

	if (!borrow(&bundle, engine))
		state_break(state);
	written.size = bundle_bytes(&bundle);
	state_count(state, written.size, BYTES_MAX);
	place = state_span(state, written.size);
	if (place != NULL && !state->broken)
		bundle_pack_into(&bundle, place, written.size);
	written.bytes = place;
	change_return(&bundle);
	return written;
}

bool
leave_bundle_is(const struct leave_bundle *bundle, const struct engine *engine)
{
	struct bundle now;
	bool same;

	if (bundle->bytes == NULL)
		return false;
	same = borrow(&now, engine) &&
	    bundle_is_packed(&now, bundle->bytes, bundle->size);
	change_return(&now);
	return same;
}

static void
drop(struct engine *engine)
{
	if (engine->identity == NULL)
		return;
	engine_free_peers(engine->peers, engine->config);
	noise_identity_free(engine->identity);
	config_free(engine->config);
	engine->peers = NULL;
	engine->identity = NULL;
	engine->config = NULL;
}

bool
leave_bundle_read(struct state *state, struct engine *engine)
{
	size_t bytes = state_count(state, 0, BYTES_MAX);
	const uint8_t *packed = state_span(state, bytes);
	struct bundle bundle;

	drop(engine);
	if (packed == NULL || bundle_unpack(&bundle, packed, bytes) == -1)
		return false;
	engine->identity = noise_identity_new(bundle.identity);
	if (engine->identity != NULL)
		engine->peers = engine_new_peers(&bundle, engine->identity);
	engine->config = bundle.config;
	key_wipe(bundle.identity, sizeof(bundle.identity));
	change_return(&bundle);
	return engine->peers != NULL;
}
