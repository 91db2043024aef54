/*
 * The section `peers` of the configuration file.
 */
#ifndef SUPERVISOR_CONFIG_PEERS_H
#define SUPERVISOR_CONFIG_PEERS_H

#include <libconfig.h>

struct config_reader;

/* For config_key.read. Fills reader->config->peers. 0, or -1. */
int config_peers_read(const struct config_reader *reader,
    const config_setting_t *list, void *object);

#endif
