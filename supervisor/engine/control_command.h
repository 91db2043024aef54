/*
 * What a client of the control socket may ask for: a table of commands, which
 * of them change something, and what each answers.
 */
#ifndef ENGINE_CONTROL_COMMAND_H
#define ENGINE_CONTROL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/config.h"

#define CONTROL_WORDS_MAX 64

struct engine;
struct evbuffer;

struct control_call {
	struct engine *engine;
	struct evbuffer *out;		    /* for records */
	char *words[CONTROL_WORDS_MAX + 1]; /* of the request; NULL ends them */
	size_t count;
	/* Credentials of the paths that it names, NULL: none. */
	const char *auths[CONTROL_WORDS_MAX];
	char error[CONFIG_ERROR_MAX];
};

enum control_result {
	CONTROL_DONE,
	CONTROL_REFUSED, /* error says why */
	CONTROL_WAITS,	 /* the answer comes with control_reloaded() */
	CONTROL_UPGRADES /* or with control_upgraded() */
};

/*
 * A request: words with blanks between, in each %XX for a byte. It is taken
 * apart in place, and answered; out gets no "end" and no "error".
 */
enum control_result
control_command(struct control_call *call, char *request, bool may_change);

#endif
