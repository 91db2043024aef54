/*
 * The section `peers` of the configuration file.
 */
#ifndef SUPERVISOR_CONFIG_PEERS_H
#define SUPERVISOR_CONFIG_PEERS_H

#include <libconfig.h>

#include "supervisor/config_reader.h"

/* What may stand in one peer. */
extern const struct config_key config_peer_keys[];

/* Append one; object is the config. 0, or -1. */
int config_peer_read(const struct config_reader *reader,
    const config_setting_t *setting, void *object);

/* For config_key.read. Fills reader->config->peers. 0, or -1. */
int config_peers_read(const struct config_reader *reader,
    const config_setting_t *list, void *object);

#endif
