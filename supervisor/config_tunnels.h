/*
 * The section `tunnels` of the configuration file.
 */
#ifndef SUPERVISOR_CONFIG_TUNNELS_H
#define SUPERVISOR_CONFIG_TUNNELS_H

#include <libconfig.h>

struct config_reader;

/*
 * For config_key.read. Fills reader->config->tunnels, whose peers must be
 * known. 0, or -1.
 */
int config_tunnels_read(const struct config_reader *reader,
    const config_setting_t *list, void *object);

#endif
