#include "supervisor/ctl/status.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/ctl/client.h"
#include "supervisor/ctl/find.h"
#include "supervisor/ctl/json.h"
#include "supervisor/ctl/reply.h"
#include "supervisor/ctl/text.h"

struct report {
	struct json_status *json; /* NULL: for people */
	bool colours;
	size_t shown;
	size_t failed;
};

static bool
wants_colours(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
	    terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static int
show(struct report *report, const struct reply *reply, const char *socket)
{
	if (report->json != NULL)
		return json_add(report->json, reply, socket);
	if (report->shown > 0)
		putchar('\n');
	text_write(reply, socket, report->colours, stdout);
	return 0;
}

static int
show_answer(struct report *report, const char *socket, char *answer,
    size_t bytes)
{
	struct reply reply;
	const char *wrong;
	int result = -1;

	if (reply_parse(&reply, answer, bytes, &wrong) == -1) {
		warnx("%s: %s", socket, wrong);
		return -1;
	}
	if (reply.error != NULL)
		warnx("%s: refused: %s", socket, reply.error);
	else if (show(report, &reply, socket) == -1)
		warnx("%s: out of memory", socket);
	else
		result = 0;
	reply_free(&reply);
	return result;
}

static void
ask(struct report *report, const char *socket, bool named)
{
	char error[CLIENT_ERROR_MAX], *answer;
	size_t bytes;

	switch (client_ask(socket, "status", CLIENT_TIMEOUT_MS, &answer, &bytes,
	    error)) {
	case CLIENT_OK:
		if (show_answer(report, socket, answer, bytes) == -1)
			report->failed++;
		else
			report->shown++;
		free(answer);
		break;
	case CLIENT_STALE:
		if (!named)
			break;
		/* FALLTHROUGH */
	case CLIENT_FAILED:
		warnx("%s: %s", socket, error);
		report->failed++;
		break;
	}
}

static void
ask_all(struct report *report)
{
	struct find_list list;
	size_t i;

	find_sockets(&list);
	for (i = 0; i < list.count; i++)
		ask(report, list.path[i], false);
	if (report->shown + report->failed == 0 && list.denied != NULL)
		warnx("%s: permission denied", list.denied);
	else if (report->shown + report->failed == 0)
		warnx("no running socktopus was found; -s names its socket");
	find_free(&list);
}

static int
finish(struct report *report)
{
	int result = report->shown > 0 && report->failed == 0 ? EXIT_SUCCESS :
								EXIT_FAILURE;

	if (report->json != NULL && report->shown > 0 &&
	    json_write(report->json, stdout) == -1)
		result = EXIT_FAILURE;
	json_free(report->json);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		warn("standard output");
		return EXIT_FAILURE;
	}
	return result;
}

int
status_show(const char *socket, bool json)
{
	struct report report = { NULL, wants_colours(), 0, 0 };

	if (json && (report.json = json_new()) == NULL) {
		warnx("out of memory");
		return EXIT_FAILURE;
	}
	if (socket != NULL)
		ask(&report, socket, true);
	else
		ask_all(&report);
	return finish(&report);
}
