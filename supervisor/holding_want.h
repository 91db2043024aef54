/*
 * What a configuration wants to have held, see holding.h, and who is to have
 * it.
 */
#ifndef SUPERVISOR_HOLDING_WANT_H
#define SUPERVISOR_HOLDING_WANT_H

#include <sys/types.h>

#include "supervisor/holding.h"

struct config;

/*
 * List what the configuration wants; what says nothing else is given to owner
 * and group. Users and groups are looked up, nothing is opened. 0, or -1 with a
 * line in why and nothing left. Free it by holding_drop(), or _keep().
 */
int holding_want(struct holding *wanted, const struct config *config,
    uid_t owner, gid_t group, char why[HOLDING_WHY_MAX]);

#endif
