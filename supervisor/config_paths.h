/*
 * The paths of a tunnel in the configuration file, and its pool of them.
 */
#ifndef SUPERVISOR_CONFIG_PATHS_H
#define SUPERVISOR_CONFIG_PATHS_H

#include <libconfig.h>

#include "supervisor/config_reader.h"

struct config_tunnel;

/* What may stand in one path; the row uri comes first. */
extern const struct config_key config_path_keys[];

/*
 * Append one element of `paths` to the tunnel, whose destination is known; for
 * config_reader_list(). 0, or -1.
 */
int config_path_read(const struct config_reader *reader,
    const config_setting_t *setting, void *tunnel);

/*
 * Append the candidates of `pool` in the tunnel's group, if it is there, to the
 * struct config_tunnel that object is. 0, or -1.
 */
int config_pool_read(const struct config_reader *reader,
    const config_setting_t *tunnel, void *object);

/*
 * A path may be several connections, of which a tunnel has no more than
 * CONFIG_CONNECTIONS_MAX. 0, or -1 with words in error, of that size.
 */
int config_paths_check(const struct config_tunnel *tunnel, char *error,
    size_t size);

#endif
