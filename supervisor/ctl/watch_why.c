#include "supervisor/ctl/watch_why.h"

#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/reply.h"
#include "supervisor/ctl/why.h"
#include "supervisor/ctl/why_input.h"
#include "supervisor/ctl/why_proc.h"

#define PERIOD_S 1.9

struct sentence {
	char *tunnel; /* owned: its key */
	char words[WHY_SENTENCE_MAX];
};

struct watch_why {
	struct gather base;	 /* what was answered when it began */
	struct why_watch *watch; /* NULL: nothing is watched */
	double begin_s;
	struct sentence *sentences; /* owned */
	size_t count;
	struct why_path paths[WHY_PATHS_MAX];
};

struct watch_why *
watch_why_new(void)
{
	return calloc(1, sizeof(struct watch_why));
}

static void
forget_sentences(struct watch_why *why)
{
	for (size_t i = 0; i < why->count; i++)
		free(why->sentences[i].tunnel);
	free(why->sentences);
	why->sentences = NULL;
	why->count = 0;
}

static void
forget_base(struct watch_why *why)
{
	if (why->watch == NULL)
		return;
	why_watch_free(why->watch);
	why->watch = NULL;
	gather_free(&why->base);
}

void
watch_why_free(struct watch_why *why)
{
	if (why == NULL)
		return;
	forget_sentences(why);
	forget_base(why);
	free(why);
}

/* What tells a tunnel from all others; NULL without memory. */
static char *
make_key(const char *socket, const struct reply *reply, size_t record)
{
	char *key;

	return asprintf(&key, "%s\n%s\n%s", socket,
		   reply_text(reply, record, "name"),
		   reply_text(reply, record, "local")) == -1 ?
	    NULL :
	    key;
}

static void
add_sentence(struct watch_why *why, char *tunnel, const char *words)
{
	struct sentence *sentences = reallocarray(why->sentences,
	    why->count + 1, sizeof(*sentences));

	if (sentences == NULL || tunnel == NULL) {
		free(tunnel);
		return;
	}
	why->sentences = sentences;
	sentences[why->count].tunnel = tunnel;
	strlcpy(sentences[why->count].words, words, WHY_SENTENCE_MAX);
	why->count++;
}

static void
judge(struct watch_why *why, const struct gather_source *before,
    const struct gather_source *after)
{
	const struct reply *reply = &after->reply;
	struct why_verdict verdict;
	struct why_input input;

	for (size_t i = 0; i < reply->count; i++) {
		if (reply->records[i].name == NULL)
			continue;
		why_input_read(why->watch, &before->reply, reply, i, why->paths,
		    &input);
		why_judge(&input, &verdict);
		add_sentence(why, make_key(after->socket, reply, i),
		    verdict.limit_words);
	}
}

static void
judge_all(struct watch_why *why, const struct gather *gather)
{
	const struct gather_source *before = why->base.sources;

	for (size_t i = 0; i < gather->count; i++)
		for (size_t k = 0; k < why->base.count; k++)
			if (gather->sources[i].answered && before[k].answered &&
			    strcmp(gather->sources[i].socket,
				before[k].socket) == 0)
				judge(why, &before[k], &gather->sources[i]);
}

void
watch_why_see(struct watch_why *why, const struct gather *gather)
{
	if (why->watch == NULL || why_proc_now() - why->begin_s < PERIOD_S)
		return;
	why_watch_end(why->watch);
	forget_sentences(why);
	judge_all(why, gather);
	forget_base(why);
}

void
watch_why_end(struct watch_why *why, struct gather *gather)
{
	if (why->watch != NULL || (why->watch = why_watch_new()) == NULL) {
		gather_free(gather);
		return;
	}
	why->begin_s = why_proc_now();
	for (size_t i = 0; i < gather->count; i++)
		if (gather->sources[i].answered)
			why_watch_begin(why->watch, &gather->sources[i].reply);
	why->base = *gather;
	memset(gather, 0, sizeof(*gather));
}

const char *
watch_why_sentence(const struct watch_why *why, const char *socket,
    const struct reply *reply, size_t record)
{
	char *tunnel = make_key(socket, reply, record);
	const char *words = "";

	for (size_t i = 0; tunnel != NULL && i < why->count; i++)
		if (strcmp(why->sentences[i].tunnel, tunnel) == 0)
			words = why->sentences[i].words;
	free(tunnel);
	return words;
}
