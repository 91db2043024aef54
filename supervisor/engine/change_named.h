/*
 * The steps of a change that are about what has a name. For change.c.
 */
#ifndef ENGINE_CHANGE_NAMED_H
#define ENGINE_CHANGE_NAMED_H

#include <stdbool.h>

struct change;
struct change_plan;
struct end;

/*
 * Make plan->permitted: ends that are there, and new ones. 0, or -1 with a line
 * in error of CHANGE_WHY_MAX.
 */
int change_plan_permitted(struct change_plan *plan, struct change *change,
    char *error);

/* A permitted end that runs is among those. */
bool
change_keeps_permitted(const struct change_plan *plan, const struct end *end);

/* The engine's from now on; those that nobody may ask for any more end. */
void change_turn_permitted(struct change_plan *plan);

/* Serve the new one, or none; who asks at the old one is answered. */
void change_turn_control(struct change_plan *plan, struct change *change);

#endif
