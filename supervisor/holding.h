/*
 * What has a name: the control socket, and the ends of a configuration that are
 * local sockets or network devices. From one configuration to the next, what
 * both want is kept open, and its name is not touched. No name is removed or
 * replaced that has become another's, see named_file.h.
 */
#ifndef SUPERVISOR_HOLDING_H
#define SUPERVISOR_HOLDING_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/config.h"
#include "supervisor/named_file.h"

#define HOLDING_WHY_MAX CONFIG_ERROR_MAX

struct holding_item {
	char *name;		  /* a path, or a device's */
	char of[CONFIG_NAME_MAX]; /* the tunnel or the peer */
	bool control;		  /* the control socket, else */
	enum address_kind kind;
	mode_t mode;
	uid_t owner;
	gid_t group;
	bool insist; /* as in named_socket.h */
	uint32_t mtu;
	bool offload;
	int fd;			/* -1: not open */
	struct named_file file; /* of a socket */
	bool shared;		/* with what is held */
	bool again;  /* what is held has lost its name, this one has it */
	bool beside; /* bound at another name until it is kept */
};

struct holding {
	struct holding_item *items; /* in the order of config_ends_next(), */
	size_t count;		    /* the control socket last */
};

/* A line into why, by printf(3). Always -1. */
int holding_refuse(char why[HOLDING_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Open all of it that is not in held. What is, but has lost its name or its
 * device, is opened again; where that cannot be, a warning says so. 0, or -1
 * with a line in why; then what was opened is to be dropped.
 */
int holding_open(struct holding *wanted, const struct holding *held,
    char why[HOLDING_WHY_MAX]);

/*
 * What was wanted is held from now on; what is held no more is closed and its
 * name removed, and the rest gets the rights that are wanted now.
 */
void holding_keep(struct holding *held, struct holding *wanted);

/* It is not wanted after all: close what is not shared and remove its name. */
void holding_drop(struct holding *wanted);

/* Close all, remove every name that is not another's by now. */
void holding_end(struct holding *held);

/* Free it, and leave everything open: another process holds it. */
void holding_forget(struct holding *held);

#endif
