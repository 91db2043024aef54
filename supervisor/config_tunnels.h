/*
 * The section `tunnels` of the configuration file.
 */
#ifndef SUPERVISOR_CONFIG_TUNNELS_H
#define SUPERVISOR_CONFIG_TUNNELS_H

#include <libconfig.h>

#include "supervisor/config_reader.h"

/* What may stand in one tunnel. */
extern const struct config_key config_tunnel_keys[];

/* Append one; object is the config. 0, or -1. */
int config_tunnel_read(const struct config_reader *reader,
    const config_setting_t *setting, void *object);

/*
 * For config_key.read. Fills reader->config->tunnels, whose peers must be
 * known. 0, or -1.
 */
int config_tunnels_read(const struct config_reader *reader,
    const config_setting_t *list, void *object);

#endif
