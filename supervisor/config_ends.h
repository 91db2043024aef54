/*
 * The ends of a configuration that have a name: those of the tunnels here, and
 * those that peers may ask for.
 */
#ifndef SUPERVISOR_CONFIG_ENDS_H
#define SUPERVISOR_CONFIG_ENDS_H

#include <stdbool.h>
#include <stddef.h>

#include <libconfig.h>

#include "supervisor/address.h"

struct config;
struct config_reader;
struct config_rights;

struct config_end {
	const char *of; /* the tunnel's or the peer's name */
	const struct config_rights *rights;
	struct address_pair pair;
	bool permitted; /* to a peer, else a tunnel's */
};

/* Where a walk has got to; all zero at its start. */
struct config_walk {
	size_t tunnel;
	size_t peer;
	size_t permit;
};

/* The next end of the configuration that has a name; false at the end. */
bool config_ends_next(const struct config *config, struct config_walk *walk,
    struct config_end *end);

/* No name stands twice. 0, or -1 having complained. */
int config_ends_check(const struct config_reader *reader,
    const config_setting_t *root);

/* A mode such as "0660" into rights. 0, or -1 having complained. */
int config_ends_read_mode(const struct config_reader *reader,
    const config_setting_t *setting, struct config_rights *rights);

#endif
