/*
 * What the workers of a configuration's paths have to ask the system's resolver
 * for: the first hop, whatever comes after a proxy that takes addresses only,
 * and SRV records.
 */
#ifndef SUPERVISOR_CONFIG_RELAYS_H
#define SUPERVISOR_CONFIG_RELAYS_H

#include <stdbool.h>

struct config_path;
struct config_tunnel;

/*
 * Does a worker of this path of the tunnel ask, whichever destination is
 * chosen? is_numeric tells of what host it does not.
 */
bool config_relays_ask(const struct config_tunnel *tunnel,
    const struct config_path *path, bool (*is_numeric)(const char *host));

#endif
