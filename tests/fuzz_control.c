/*
 * The control socket's two ends. With an odd first byte the rest is what a
 * client sends to the engine: whatever it was, the answer is none or one that
 * socktopusctl understands. With an even one the rest is an answer, as a
 * stranger's process might give it.
 */
#include "supervisor/engine/control.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/metrics.h"
#include "supervisor/ctl/reply.h"
#include "supervisor/engine/engine.h"
#include "tests/control_rig.h"

#define ANSWER_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* A line that is no comment is a sample of ours, and nothing else. */
static void
write_metrics(const struct reply *reply)
{
	static struct gather gather = { .count = 1, .answered = 1 };
	static char socket_name[] = "a";
	char *text, *line, *rest;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);

	gather.sources[0].socket = socket_name;
	gather.sources[0].reply = *reply;
	gather.sources[0].answered = true;
	if (stream == NULL ||
	    metrics_write(&gather, METRICS_OPENMETRICS, stream) == -1 ||
	    fclose(stream) != 0)
		abort();
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL)
		if (line[0] != '#' &&
		    (strncmp(line, "socktopus_", 10) != 0 ||
			strstr(line, "{socket=\"a\"") == NULL))
			abort();
	free(text);
}

static void
parse(char *text, size_t bytes)
{
	struct reply reply;
	const char *wrong;

	if (reply_parse(&reply, text, bytes, &wrong) == -1)
		return;
	for (size_t i = 0; i < reply.count; i++)
		if (reply.records[i].tunnel != REPLY_NONE &&
		    reply.records[i].tunnel >= i)
			abort();
	write_metrics(&reply);
	reply_free(&reply);
}

/* Until the other side closes, *got being 0 then, or nothing more comes. */
static size_t
hear(struct engine *engine, int fd, char *text, ssize_t *got)
{
	size_t bytes = 0;

	*got = -1;
	for (int i = 0; i < 100 && *got != 0; i++) {
		event_base_loop(engine->base, EVLOOP_NONBLOCK);
		while ((*got = recv(fd, text + bytes, ANSWER_MAX / 2 - bytes,
			    0)) > 0)
			bytes += (size_t)*got;
	}
	return bytes;
}

static void
ask(const uint8_t *request, size_t size)
{
	static struct engine *engine;
	static struct sockaddr_un address;
	static socklen_t length = sizeof(address);
	static char text[ANSWER_MAX + 1];
	struct reply reply;
	const char *wrong;
	size_t bytes = 0;
	ssize_t got = -1;
	int fd;

	if (engine == NULL)
		engine = control_rig_start(&address, &length);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&address, length) == -1)
		abort();
	if (send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size ||
	    shutdown(fd, SHUT_WR) == -1)
		abort();
	bytes = hear(engine, fd, text, &got);
	/* Nobody reads a file here, or takes over. */
	control_reloaded(&engine->control, "no loader");
	control_upgraded(&engine->control, "no heir");
	if (got != 0)
		bytes += hear(engine, fd, text + bytes, &got);
	close(fd);
	if (engine->control.clients != 0)
		abort();
	control_rig_reset(engine);
	text[bytes] = '\0';
	if (bytes == 0)
		return;
	if (reply_parse(&reply, text, bytes, &wrong) == -1)
		abort();
	reply_free(&reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *text;

	if (size == 0 || size > 16384)
		return 0;
	if ((input[0] & 1) != 0) {
		ask(input + 1, size - 1);
		return 0;
	}
	text = malloc(size);
	if (text == NULL)
		abort();
	memcpy(text, input + 1, size - 1);
	text[size - 1] = '\0';
	parse(text, size - 1);
	free(text);
	return 0;
}
