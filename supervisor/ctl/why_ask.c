#include "supervisor/ctl/why_ask.h"

#include <bsd/stdlib.h>
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/ctl/cell.h"
#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/usage.h"
#include "supervisor/ctl/why.h"
#include "supervisor/ctl/why_input.h"
#include "supervisor/ctl/why_json.h"

#define SECONDS_DEFAULT 2
#define SECONDS_MOST 60

struct request {
	const char *socket;
	const char *tunnel; /* NULL: all */
	unsigned int seconds;
	bool brief;	     /* the verdict's name alone */
	struct json_t *json; /* or NULL */
	size_t shown;
};

static void
parse(struct request *request, int argc, char **argv)
{
	const char *wrong;
	int option;

	/* As in main.c. */
	optind = 0;
	opterr = 0;
	while ((option = getopt(argc, argv, ":jqs:t:")) != -1) {
		switch (option) {
		case 'j':
			if (request->json == NULL)
				request->json = why_json_new();
			break;
		case 'q':
			request->brief = true;
			break;
		case 's':
			request->socket = optarg;
			break;
		case 't':
			request->seconds = (unsigned int)strtonum(optarg, 1,
			    SECONDS_MOST, &wrong);
			if (wrong != NULL)
				usage_fail("why", "-t %s: %s", optarg, wrong);
			break;
		default:
			usage_fail_option("why", option, argv);
		}
	}
	if (request->brief && request->json != NULL)
		usage_fail("why", "-j and -q exclude each other");
	if (optind < argc)
		request->tunnel = argv[optind++];
	if (optind != argc)
		usage_fail("why", "too many arguments: %s", argv[optind]);
}

/* The names are the other end's: they must not steer the terminal. */
static void
say(const char *words)
{
	char line[WHY_SENTENCE_MAX];

	printf("  %s\n", cell_printable(line, sizeof(line), words));
}

static void
say_groups(const struct why_input *input)
{
	struct why_groups groups;
	char uri[256];
	const char *comma;

	why_group(input, &groups);
	for (unsigned int g = 1; g <= groups.count; g++) {
		comma = "  These paths share a bottleneck: ";
		for (size_t i = 0; i < input->paths_count; i++) {
			if (groups.of[i] != g)
				continue;
			printf("%s%s", comma,
			    cell_printable(uri, sizeof(uri),
				input->paths[i].uri));
			comma = ", ";
		}
		puts(groups.tie[g] == WHY_AGAINST ?
			": what one gains the others lose." :
			": their delay and rate move together.");
	}
}

static void
show(struct request *request, const char *name, const struct why_input *input)
{
	struct why_verdict verdict;
	char title[256];

	why_judge(input, &verdict);
	cell_printable(title, sizeof(title), name);
	if (request->brief) {
		printf("%s %s\n", title, why_limit_name(verdict.limit));
		return;
	}
	printf("%s:\n", title);
	say(verdict.limit_words);
	say(verdict.pays_words);
	say_groups(input);
}

/* Whether it was asked for. */
static bool
is_wanted(const struct request *request, const struct reply *reply, size_t i)
{
	const char *name = reply->records[i].name;

	return name != NULL &&
	    (request->tunnel == NULL || strcmp(name, request->tunnel) == 0);
}

static void
judge_source(struct request *request, const struct why_watch *watch,
    const struct gather_source *before, const struct gather_source *after)
{
	struct why_path *paths = calloc(WHY_PATHS_MAX, sizeof(*paths));
	struct why_input input;
	const struct reply *reply = &after->reply;

	if (paths == NULL)
		err(EXIT_FAILURE, NULL);
	for (size_t i = 0; i < reply->count; i++) {
		if (!is_wanted(request, reply, i))
			continue;
		why_input_read(watch, &before->reply, reply, i, paths, &input);
		request->shown++;
		if (request->json == NULL)
			show(request, reply->records[i].name, &input);
		else if (why_json_add(request->json, reply->records[i].name,
			     after->socket, &input) == -1)
			errx(EXIT_FAILURE, "out of memory");
	}
	free(paths);
}

static const struct gather_source *
find_source(const struct gather *gather, const char *socket)
{
	for (size_t i = 0; i < gather->count; i++)
		if (gather->sources[i].answered &&
		    strcmp(gather->sources[i].socket, socket) == 0)
			return &gather->sources[i];
	return NULL;
}

static struct why_watch *
watch(const struct gather *gather, unsigned int seconds)
{
	const struct timespec pause = { .tv_sec = (time_t)seconds };
	struct why_watch *begun = why_watch_new();

	if (begun == NULL)
		err(EXIT_FAILURE, NULL);
	for (size_t i = 0; i < gather->count; i++)
		if (gather->sources[i].answered)
			why_watch_begin(begun, &gather->sources[i].reply);
	nanosleep(&pause, NULL);
	why_watch_end(begun);
	return begun;
}

static size_t
count_wanted(const struct request *request, const struct gather *gather)
{
	const struct gather_source *source = gather->sources;
	size_t count = 0;

	for (; source < gather->sources + gather->count; source++)
		for (size_t i = 0; source->answered && i < source->reply.count;
		     i++)
			count += is_wanted(request, &source->reply, i);
	return count;
}

static void
judge(struct request *request, const struct why_watch *watched,
    const struct gather *before, const struct gather *after)
{
	const struct gather_source *source;

	for (size_t i = 0; i < after->count; i++) {
		source = find_source(before, after->sources[i].socket);
		if (after->sources[i].answered && source != NULL)
			judge_source(request, watched, source,
			    &after->sources[i]);
	}
	if (request->json == NULL && !request->brief && request->shown == 0)
		puts("no tunnels");
	if (request->json != NULL &&
	    why_json_write(request->json, stdout) == -1)
		err(EXIT_FAILURE, "standard output");
}

int
why_main(const char *socket, int argc, char **argv)
{
	struct request request = { .socket = socket,
		.seconds = SECONDS_DEFAULT };
	static struct gather before, after;
	struct why_watch *watched;
	bool well;

	parse(&request, argc, argv);
	gather_ask(&before, request.socket, "status", CLIENT_TIMEOUT_MS);
	if (before.answered == 0) {
		gather_complain(&before);
		exit(EXIT_FAILURE);
	}
	if (request.tunnel != NULL && count_wanted(&request, &before) == 0)
		errx(EXIT_FAILURE, "no tunnel %s", request.tunnel);
	watched = watch(&before, request.seconds);
	gather_ask(&after, request.socket, "samples", CLIENT_TIMEOUT_MS);
	gather_complain(&after);
	well = after.answered > 0 && after.answered == after.count;
	if (after.answered > 0)
		judge(&request, watched, &before, &after);
	why_watch_free(watched);
	gather_free(&before);
	gather_free(&after);
	why_json_free(request.json);
	if (fflush(stdout) == EOF || ferror(stdout))
		err(EXIT_FAILURE, "standard output");
	return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
