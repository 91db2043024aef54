/*
 * A configuration with all that it names: keys, credentials and addresses. It
 * is filled where files may be opened and used where none may; in between it
 * is one piece of bytes, for a process of the same program.
 */
#ifndef SUPERVISOR_BUNDLE_H
#define SUPERVISOR_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/config.h"

struct bundle_psk {
	uint8_t key[CONFIG_KEY_BYTES]; /* zeros: none */
};

struct bundle {
	struct config *config;		    /* owned */
	uint8_t identity[CONFIG_KEY_BYTES]; /* private */
	bool identity_made;		    /* just now; for the log */
	struct bundle_psk *psks;	    /* as config->peers */
	struct address_pair
	    *asked; /* the far tuple of each of config->tunnels */
};

/*
 * Read the files that config names and resolve the far tuples' names; blocks.
 * Takes config over. 0, or -1 with a line in error, nothing then being left.
 */
int bundle_read(struct bundle *bundle, struct config *config,
    char error[CONFIG_ERROR_MAX]);

/* Wipe and free. Safe on one that is all zeros. */
void bundle_free(struct bundle *bundle);

/* A new buffer of *bytes bytes, full of secrets; NULL with ENOMEM. */
void *bundle_pack(const struct bundle *bundle, size_t *bytes);

/* The same into a buffer of bundle_bytes(). */
size_t bundle_bytes(const struct bundle *bundle);
void bundle_pack_into(const struct bundle *bundle, void *buffer, size_t bytes);

/* True while bundle_pack() would make of it what stands there. */
bool
bundle_is_packed(const struct bundle *bundle, const void *buffer, size_t bytes);

/* The reverse; the buffer stays the caller's. 0, or -1 with errno. */
int bundle_unpack(struct bundle *bundle, const void *buffer, size_t bytes);

/* Wipe and free what bundle_pack() gave, or what is like it. */
void bundle_discard(void *buffer, size_t bytes);

#endif
