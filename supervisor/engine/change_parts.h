/*
 * The steps of a change that was found possible; none of them can fail as a
 * whole. For change.c.
 */
#ifndef ENGINE_CHANGE_PARTS_H
#define ENGINE_CHANGE_PARTS_H

#include <stdbool.h>

#include "supervisor/engine/permitted.h"

struct change;
struct config;
struct config_tunnel;
struct engine;
struct engine_peer;
struct noise_identity;

struct change_plan {
	struct engine *engine;
	struct config *old;
	struct config *new;
	struct noise_identity *identity; /* the engine's, or another */
	bool new_identity;
	struct engine_peer *peers; /* as new->peers */
	bool new_control;
	bool new_log;
	struct permitted permitted; /* of the new one */
};

/* This tunnel of the new configuration has its end already. */
bool change_keeps_end(const struct engine *engine,
    const struct config_tunnel *tunnel);

/* Tunnels and arriving paths that have no place in the new one. */
void change_end_what_goes(struct change_plan *plan);

/* What is left belongs to the new peers. */
void change_turn_peers(struct change_plan *plan);

/* Begin, go on with, or begin anew each tunnel of the new one. */
void change_turn_tunnels(struct change_plan *plan, struct change *change);

/* Open and close what listens. */
void change_turn_listeners(struct change_plan *plan, struct change *change);

#endif
