#include "supervisor/ctl/gather.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
read_answer(struct gather_source *source, size_t bytes)
{
	const char *wrong;

	if (reply_parse(&source->reply, source->answer, bytes, &wrong) == -1)
		snprintf(source->error, sizeof(source->error), "%s", wrong);
	else if (source->reply.error != NULL)
		snprintf(source->error, sizeof(source->error), "refused: %s",
		    source->reply.error);
	else
		source->answered = true;
}

/* True if it counts. */
static bool
ask(struct gather_source *source, const char *command, int timeout_ms,
    bool named)
{
	size_t bytes;

	switch (client_ask(source->socket, command, timeout_ms, &source->answer,
	    &bytes, source->error)) {
	case CLIENT_OK:
		read_answer(source, bytes);
		return true;
	case CLIENT_STALE:
		return named;
	case CLIENT_FAILED:
		return true;
	}
	return true;
}

static void
forget(struct gather_source *source)
{
	reply_free(&source->reply);
	free(source->answer);
	free(source->socket);
	memset(source, 0, sizeof(*source));
}

static void
ask_one(struct gather *gather, const char *socket, const char *command,
    int timeout_ms, bool named)
{
	struct gather_source *source = &gather->sources[gather->count];

	source->socket = strdup(socket);
	if (source->socket == NULL ||
	    !ask(source, command, timeout_ms, named)) {
		forget(source);
		return;
	}
	gather->count++;
	gather->answered += source->answered;
}

void
gather_ask(struct gather *gather, const char *socket, const char *command,
    int timeout_ms)
{
	struct find_list list;
	size_t i;

	memset(gather, 0, sizeof(*gather));
	if (socket != NULL) {
		ask_one(gather, socket, command, timeout_ms, true);
		return;
	}
	find_sockets(&list);
	for (i = 0; i < list.count; i++)
		ask_one(gather, list.path[i], command, timeout_ms, false);
	gather->denied = list.denied;
	list.denied = NULL;
	find_free(&list);
}

void
gather_free(struct gather *gather)
{
	size_t i;

	for (i = 0; i < gather->count; i++)
		forget(&gather->sources[i]);
	free(gather->denied);
	memset(gather, 0, sizeof(*gather));
}

void
gather_complain(const struct gather *gather)
{
	size_t i;

	for (i = 0; i < gather->count; i++)
		if (!gather->sources[i].answered)
			warnx("%s: %s", gather->sources[i].socket,
			    gather->sources[i].error);
	if (gather->count == 0 && gather->denied != NULL)
		warnx("%s: " CLIENT_DENIED, gather->denied);
	else if (gather->count == 0)
		warnx("no running socktopus was found; -s names its socket");
}
