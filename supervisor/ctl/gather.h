/*
 * One question to one process, or to all that run here, and what they answer.
 */
#ifndef CTL_GATHER_H
#define CTL_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/ctl/client.h"
#include "supervisor/ctl/find.h"
#include "supervisor/ctl/reply.h"

struct gather_source {
	char *socket; /* owned */
	char *answer; /* owned: what the reply points into */
	struct reply reply;
	bool answered;		      /* the reply is there, no refusal */
	char error[CLIENT_ERROR_MAX]; /* else why not */
};

struct gather {
	struct gather_source sources[FIND_MAX];
	size_t count;
	size_t answered;
	char *denied; /* a folder that could not be read, or NULL; owned */
};

/*
 * Ask the named socket, or with NULL each that find_sockets() finds; what was
 * left behind by a process that is gone counts only if it was named. Each has
 * timeout_ms. Always to be followed by gather_free().
 */
void gather_ask(struct gather *gather, const char *socket, const char *command,
    int timeout_ms);
void gather_free(struct gather *gather);

/* One line a failure to stderr; one too where nothing was found. */
void gather_complain(const struct gather *gather);

#endif
