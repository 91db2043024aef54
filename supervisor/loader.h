/*
 * The loader: a child that keeps the right to read the configuration and its
 * keys and to bind, and has no other. Whoever holds the other end of its
 * channel can say one thing, which is "again", and gets what the file says now.
 */
#ifndef SUPERVISOR_LOADER_H
#define SUPERVISOR_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"

struct options;
struct privilege;

/* In this order; LOADER_FAULT may come in place of all of them. */
enum loader_type {
	LOADER_CONFIG = 1, /* a memfd with a packed bundle: bytes, fd */
	LOADER_LISTEN,	   /* for config->listens[index]: fd, or why not */
	LOADER_TUNNEL,	   /* for config->tunnels[index]: the same; not for what
			    * has a name, which is the opener's */
	LOADER_DONE,
	LOADER_FAULT /* words: nothing was loaded */
};

/* On a SOCK_SEQPACKET pair, with at most one descriptor (SCM_RIGHTS). */
struct loader_record {
	uint32_t type;
	uint32_t index;
	uint64_t bytes;
	char words[CONFIG_ERROR_MAX];
};

/*
 * Serve until the other end is closed; 0, or 1 having logged. The
 * options say what is read, see options_config().
 */
int loader_serve(int channel, const struct options *options,
    const struct privilege *privilege);

/*
 * Ask it to begin; the sockets that listen by now, DESCRIPTORS_AT_ONCE at most,
 * are lent, so that new ones may overlap with them. 0, or -1 with errno.
 */
int loader_ask(int channel, const int *listeners, size_t count);

/*
 * One record, and its descriptor or -1. 1; 0: the loader is gone; -1 with
 * errno: EAGAIN, or EPROTO for one that is none.
 */
int loader_receive(int channel, struct loader_record *record, int *fd);

#endif
