#include "supervisor/ctl/status.h"

#include <sys/ioctl.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/json.h"
#include "supervisor/ctl/text.h"

static bool
wants_colours(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
	    terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static size_t
terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1)
		return 0;
	return size.ws_col;
}

static void
write_text(const struct gather *gather)
{
	struct text_form form = { wants_colours(), terminal_width() };
	const char *between = "";
	size_t i;

	for (i = 0; i < gather->count; i++) {
		if (!gather->sources[i].answered)
			continue;
		fputs(between, stdout);
		text_write(&gather->sources[i].reply, gather->sources[i].socket,
		    &form, stdout);
		between = "\n";
	}
}

static int
add_source(struct json_status *json, const struct gather_source *source)
{
	return source->answered ?
	    json_add(json, &source->reply, source->socket) :
	    json_add_error(json, source->socket, source->error);
}

int
status_write_json(const struct gather *gather, FILE *stream)
{
	struct json_status *json = json_new();
	int result = json == NULL ? -1 : 0;
	size_t i;

	for (i = 0; i < gather->count && result == 0; i++)
		result = add_source(json, &gather->sources[i]);
	if (gather->denied != NULL && result == 0)
		result = json_add_error(json, gather->denied, CLIENT_DENIED);
	if (result == 0)
		result = json_write(json, stream);
	json_free(json);
	return result;
}

static int
write_status(const struct gather *gather, bool json)
{
	if (json)
		return status_write_json(gather, stdout);
	write_text(gather);
	return 0;
}

/* In each that answered; how many there are. */
static size_t
keep_tunnel(struct gather *gather, const char *tunnel)
{
	size_t kept = 0;

	for (size_t i = 0; i < gather->count; i++)
		if (gather->sources[i].answered)
			kept += reply_keep_tunnel(&gather->sources[i].reply,
			    tunnel);
	return kept;
}

int
status_show(const char *socket, const char *tunnel, bool json)
{
	struct gather gather;
	int result;

	gather_ask(&gather, socket, "status", CLIENT_TIMEOUT_MS);
	gather_complain(&gather);
	result = gather.answered > 0 && gather.answered == gather.count ?
	    EXIT_SUCCESS :
	    EXIT_FAILURE;
	if (tunnel != NULL && gather.answered > 0 &&
	    keep_tunnel(&gather, tunnel) == 0) {
		warnx("no tunnel %s", tunnel);
		gather_free(&gather);
		return EXIT_FAILURE;
	}
	if (gather.answered > 0 && write_status(&gather, json) == -1) {
		warnx("out of memory");
		result = EXIT_FAILURE;
	}
	gather_free(&gather);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		warn("standard output");
		return EXIT_FAILURE;
	}
	return result;
}
