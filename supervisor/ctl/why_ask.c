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
#include "supervisor/ctl/why.h"
#include "supervisor/ctl/why_input.h"

#define SECONDS_DEFAULT 2
#define SECONDS_MOST 60
#define EXIT_USAGE 2

struct request {
	const char *socket;
	const char *tunnel; /* NULL: all */
	unsigned int seconds;
	bool brief; /* the verdict's name alone */
	size_t shown;
};

static void
fail_usage(void)
{
	fputs("usage: socktopusctl [-s SOCKET] why [-q] [-t SECONDS] "
	      "[TUNNEL]\n",
	    stderr);
	exit(EXIT_USAGE);
}

static void
parse(struct request *request, int argc, char **argv)
{
	const char *wrong;
	int option;

	optind = 1;
	while ((option = getopt(argc, argv, "+:qs:t:")) != -1) {
		switch (option) {
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
				errx(EXIT_USAGE, "-t %s: %s", optarg, wrong);
			break;
		default:
			fail_usage();
		}
	}
	if (optind < argc)
		request->tunnel = argv[optind++];
	if (optind != argc)
		fail_usage();
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
	request->shown++;
	if (request->brief) {
		printf("%s %s\n", title, why_limit_name(verdict.limit));
		return;
	}
	printf("%s:\n", title);
	say(verdict.limit_words);
	say(verdict.pays_words);
	say_groups(input);
}

static void
judge_source(struct request *request, const struct why_watch *watch,
    const struct gather_source *before, const struct gather_source *after)
{
	struct why_path *paths = calloc(WHY_PATHS_MAX, sizeof(*paths));
	struct why_input input;
	const char *name;

	if (paths == NULL)
		err(EXIT_FAILURE, NULL);
	for (size_t i = 0; i < after->reply.count; i++) {
		name = after->reply.records[i].name;
		if (name == NULL ||
		    (request->tunnel != NULL &&
			strcmp(name, request->tunnel) != 0))
			continue;
		why_input_read(watch, &before->reply, &after->reply, i, paths,
		    &input);
		show(request, name, &input);
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

int
why_main(const char *socket, int argc, char **argv)
{
	struct request request = { .socket = socket,
		.seconds = SECONDS_DEFAULT };
	static struct gather before, after;
	const struct gather_source *source;
	struct why_watch *watched;

	parse(&request, argc, argv);
	gather_ask(&before, request.socket, "status", CLIENT_TIMEOUT_MS);
	watched = watch(&before, before.answered > 0 ? request.seconds : 0);
	gather_ask(&after, request.socket, "samples", CLIENT_TIMEOUT_MS);
	gather_complain(&after);
	for (size_t i = 0; i < after.count; i++) {
		source = find_source(&before, after.sources[i].socket);
		if (after.sources[i].answered && source != NULL)
			judge_source(&request, watched, source,
			    &after.sources[i]);
	}
	if (request.shown == 0 && request.tunnel != NULL && after.answered > 0)
		warnx("no tunnel %s", request.tunnel);
	why_watch_free(watched);
	gather_free(&before);
	gather_free(&after);
	if (fflush(stdout) == EOF || ferror(stdout))
		err(EXIT_FAILURE, "standard output");
	return request.shown > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
