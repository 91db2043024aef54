/*
 * An engine's configuration, with keys, credentials and addresses, in an
 * upgrade (state.h).
 */
#ifndef ENGINE_LEAVE_BUNDLE_H
#define ENGINE_LEAVE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct state;

/* As it stands in a state that was written. */
struct leave_bundle {
	const uint8_t *bytes; /* NULL: nowhere */
	size_t size;
};

struct leave_bundle
leave_bundle_write(struct state *state, const struct engine *engine);

/* True if nothing has changed since. */
bool
leave_bundle_is(const struct leave_bundle *bundle, const struct engine *engine);

/*
 * Into an engine that has none, or has one that was read before and that
 * nothing else of it knows yet. False: the state is none, or errno.
 */
bool leave_bundle_read(struct state *state, struct engine *engine);

#endif
