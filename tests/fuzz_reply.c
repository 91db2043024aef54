/*
 * What a process behind a control socket answers, from the fuzzer. Whatever it
 * says: text and metrics are printable, JSON has all tunnels and paths, and a
 * judgement is a sentence.
 */
#include "supervisor/ctl/reply.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/json.h"
#include "supervisor/ctl/metrics.h"
#include "supervisor/ctl/text.h"
#include "supervisor/ctl/watch_lines.h"
#include "supervisor/ctl/watch_why.h"
#include "supervisor/ctl/why.h"
#include "supervisor/ctl/why_input.h"
#include "supervisor/ctl/why_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct gather gather;

/* Takes the text, which is what a stream was given. */
static void
check_printable(char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (text[i] != '\n' && (text[i] < 0x20 || text[i] > 0x7e))
			abort();
	free(text);
}

static void
check_text(const struct reply *reply)
{
	static const struct text_form form = { .width = 80 };
	char *text;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);

	text_write(reply, "/run/a.sock", &form, stream);
	fclose(stream);
	check_printable(text, bytes);
}

static void
check_metrics(enum metrics_format format)
{
	char *text;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);

	if (metrics_write(&gather, format, stream) == -1)
		abort();
	fclose(stream);
	check_printable(text, bytes);
}

static void
check_watch(void)
{
	static struct watch_lines seen;
	static struct watch_why *why;

	if (why == NULL)
		why = watch_why_new();
	watch_lines_update(&seen, &gather, why);
	for (size_t i = 0; i < seen.count; i++)
		check_printable(strdup(seen.lines[i].text),
		    strlen(seen.lines[i].text));
	watch_lines_free(&seen);
}

static void
check_json(const struct reply *reply)
{
	struct json_status *status = json_new();
	char *text;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);
	json_t *json;

	if (json_add(status, reply, "/run/a.sock") == -1 ||
	    json_write(status, stream) == -1)
		abort();
	fclose(stream);
	json = json_loadb(text, bytes, 0, NULL);
	if (json == NULL)
		abort();
	json_decref(json);
	free(text);
	json_free(status);
}

static void
check_judgement(const struct reply *reply, size_t tunnel)
{
	static struct why_path paths[WHY_PATHS_MAX];
	static struct why_watch *watch; /* of nothing, and large */
	struct json_t *list = why_json_new();
	struct why_verdict verdict;
	struct why_input input;

	if (watch == NULL)
		watch = why_watch_new();
	why_input_read(watch, reply, reply, tunnel, paths, &input);
	why_judge(&input, &verdict);
	if (verdict.limit_words[0] == '\0' || verdict.pays_words[0] == '\0' ||
	    why_json_add(list, reply->records[tunnel].name, "/run/a.sock",
		&input) == -1 ||
	    json_array_size(json_object_get(json_array_get(list, 0),
		"paths")) != input.paths_count)
		abort();
	why_json_free(list);
}

static void
check(struct reply *reply)
{
	gather.sources[0].reply = *reply;
	check_text(reply);
	check_json(reply);
	check_metrics(METRICS_OPENMETRICS);
	check_metrics(METRICS_PLAIN);
	check_watch();
	for (size_t i = 0; i < reply->count && i < 64; i++)
		if (reply->records[i].name != NULL)
			check_judgement(reply, i);
	if (reply->count > 0 && reply->records[0].name != NULL &&
	    reply_keep_tunnel(reply, reply->records[0].name) == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *wrong = NULL;
	char *text = malloc(size + 1);
	struct reply reply;

	if (size > 0)
		memcpy(text, input, size);
	text[size] = '\0';
	gather.sources[0].socket = text + size;
	gather.sources[0].answered = true;
	gather.count = gather.answered = 1;
	if (reply_parse(&reply, text, size, &wrong) == 0) {
		if (reply.error != NULL)
			check_printable(strdup(reply.error),
			    strlen(reply.error));
		check(&reply);
		reply_free(&reply);
	} else if (wrong == NULL) {
		abort();
	}
	free(text);
	return 0;
}
