/*
 * The engine's side of the opener: what it has opened for a reload, until it is
 * used or not.
 */
#ifndef ENGINE_OPENING_H
#define ENGINE_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"
#include "supervisor/opener.h"

struct event;
struct event_base;

struct opening_item {
	struct opener_record record; /* OPENER_LOG, _END, _CONTROL, _LOST */
	int fd;			     /* -1: none, or it was taken */
};

struct opening {
	int channel; /* -1: the opener is gone */
	struct event *readable;
	bool under_way;
	bool failed;
	char why[CONFIG_ERROR_MAX];
	struct opening_item *items;
	size_t count;
	/* The log was opened again: fd, taken over, or -1 and why not. */
	void (*rotated)(void *argument, int fd, const char *why);
	void (*over)(void *argument); /* what was begun is done, or failed */
	void *argument;
};

/*
 * Serve the channel, which is taken over, -1: none. The last three are set by
 * the caller. 0, or -1 with errno.
 */
int opening_open(struct opening *opening, struct event_base *base, int channel);
void opening_close(struct opening *opening);

/* Ask for what the file says now; over() may be called at once. */
void opening_begin(struct opening *opening);

/* A descriptor that was opened, once, or -1. kind as in opener.h. */
int opening_take(struct opening *opening, enum opener_type type, uint32_t kind,
    const char *words);

/* What was open has lost its name: the descriptor is another one. */
bool opening_has_lost(const struct opening *opening, uint32_t kind,
    const char *words);

/*
 * Tell the opener whether it was all used, and close the rest; over() is called
 * when all names are as they should be, perhaps at once.
 */
void opening_end(struct opening *opening, bool used);

#endif
