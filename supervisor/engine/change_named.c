#include "supervisor/engine/change_named.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_ends.h"
#include "supervisor/engine/change.h"
#include "supervisor/engine/change_parts.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/log.h"

static bool
is_among(const struct permitted *permitted, const struct end *end)
{
	for (size_t i = 0; i < permitted->count; i++)
		if (permitted->ends[i] == end)
			return true;
	return false;
}

/* Those of one that are not of the other. */
static void
free_others(struct permitted *permitted, const struct permitted *kept)
{
	struct end *end;

	for (size_t i = 0; i < permitted->count; i++) {
		end = permitted->ends[i];
		if (is_among(kept, end))
			continue;
		end->kept = false;
		/* Else it ends with its tunnel. */
		if (!end->taken)
			end_free(end);
	}
	free(permitted->ends);
	*permitted = (struct permitted){ NULL, 0 };
}

/* The end that is there, or one of the new socket. */
static struct end *
make_end(const struct change_plan *plan, const struct config_end *item,
    struct change_socket *socket, char *error)
{
	struct end *end = permitted_find(&plan->engine->permitted, &item->pair);

	if (end != NULL && !socket->other)
		return end;
	if (socket->fd == -1) {
		strlcpy(error, socket->why, CHANGE_WHY_MAX);
		return NULL;
	}
	end = end_new(&item->pair, socket->fd);
	socket->fd = -1;
	if (end == NULL)
		strlcpy(error, strerror(errno), CHANGE_WHY_MAX);
	else
		end->kept = true;
	return end;
}

int
change_plan_permitted(struct change_plan *plan, struct change *change,
    char *error)
{
	struct permitted *permitted = &plan->permitted;
	struct config_walk walk = { 0 };
	struct config_end item;
	struct end *end;

	permitted->ends = calloc(change->permitted_count + 1,
	    sizeof(*permitted->ends));
	if (permitted->ends == NULL) {
		strlcpy(error, strerror(errno), CHANGE_WHY_MAX);
		return -1;
	}
	while (config_ends_next(plan->new, &walk, &item)) {
		if (!item.permitted)
			continue;
		end = make_end(plan, &item,
		    &change->permitted[permitted->count], error);
		if (end == NULL) {
			free_others(permitted, &plan->engine->permitted);
			return -1;
		}
		permitted->ends[permitted->count++] = end;
	}
	return 0;
}

bool
change_keeps_permitted(const struct change_plan *plan, const struct end *end)
{
	return is_among(&plan->permitted, end);
}

void
change_turn_permitted(struct change_plan *plan)
{
	free_others(&plan->engine->permitted, &plan->permitted);
	plan->engine->permitted = plan->permitted;
}

void
change_turn_control(struct change_plan *plan, struct change *change)
{
	struct change_socket *socket = &change->others[CHANGE_CONTROL];

	if (control_turn(&plan->engine->control, socket->fd) == -1)
		log_error(NULL, "control socket: %s", strerror(errno));
	socket->fd = -1;
}
