/*
 * What the loader and the opener send is collected here until it is whole, and
 * then applied or refused. The engine opens nothing for it.
 */
#ifndef ENGINE_RELOAD_H
#define ENGINE_RELOAD_H

#include <stdbool.h>

#include "supervisor/engine/change.h"
#include "supervisor/engine/opening.h"

struct engine;
struct event;

struct reload {
	struct engine *engine;
	int channel; /* of the loader; -1: there is none */
	struct event *readable;
	bool under_way;
	bool loading; /* the loader has not sent all */
	bool failed;
	bool settles; /* it is decided, and the opener is told */
	bool again;   /* as soon as this one is over */
	struct change change;
	struct opening opening;
	char why[CONFIG_ERROR_MAX]; /* if it failed */
};

/*
 * The channels are taken over; loader is -1 in the quick mode. 0, or -1 with
 * errno.
 */
int reload_open(struct reload *reload, struct engine *engine, int loader,
    int opener);
void reload_close(struct reload *reload);

/*
 * What a reload can do, in a word: "available", "limited" without the opener,
 * "unavailable" without the loader.
 */
const char *reload_state(const struct reload *reload);

/*
 * The supervisor wants it. It hears of the end by spawner_ready(), whoever
 * asked for it by control_reloaded().
 */
void reload_begin(struct reload *reload);

#endif
