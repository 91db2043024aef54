/*
 * Both engines of an upgrade. The old one gives what takes time in advance, and
 * serves until the new one is ready. Then it writes its state, and does nothing
 * more until the supervisor has decided: it goes on as if nothing had been, or
 * it ends. The new one reads the state and waits for its turn.
 */
#ifndef ENGINE_UPGRADE_H
#define ENGINE_UPGRADE_H

#include "supervisor/engine/handover.h"
#include "supervisor/engine/leave_bundle.h"

struct advance;
struct engine;
struct event;
struct spawn_record;

/* All zero when there is no upgrade. */
struct upgrade_way {
	struct event *ready;	    /* the old one: its heir says that it is, */
	int socket;		    /* here */
	struct handover early;	    /* what it was given in advance, */
	struct leave_bundle bundle; /* and the configuration in that */
	struct handover state; /* both: the room that is written in the pause */
	struct advance *advance; /* the heir: until it serves */
};

/* What the supervisor says of an upgrade; returns when this engine goes on. */
void upgrade_decide(struct engine *engine, const struct spawn_record *record);

/* The engine ends: nothing of an upgrade is left. */
void upgrade_close(struct engine *engine);

/*
 * The heir: locked in already. Returns 0 when it is to serve, or -1 having
 * logged why it cannot.
 */
int upgrade_inherit(struct engine *engine, int socket);

#endif
