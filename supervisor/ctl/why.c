/*
 * The causes are looked for in an order in which an earlier one explains a
 * later one: an engine without a core left does not read its socket, whose
 * buffer then overflows.
 */
#include "supervisor/ctl/why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* From here on a process has nothing left to give, */
#define BUSY_FULL 0.85
/* or would not if others had left it the core: it works that much at least. */
#define SHORT_FULL 0.75
#define SHORT_LEAST 0.02
#define BLOCKED_LEAST 0.2
#define BLOCKED_MOSTLY 0.8
#define DROPPED_LEAST 0.001
#define IGNORED_LEAST 0.005
#define STRANGERS_LEAST 0.01
#define STRANGERS_MOSTLY 0.5
#define HELD_LEAST_MS 5.0
#define PAYS_LEAST 1.05

static double
share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part / (double)whole;
}

static double
mbit(double bytes_s)
{
	return bytes_s * 8 / 1e6;
}

static double
carried(const struct why_input *input)
{
	double sum = 0;

	for (size_t i = 0; i < input->paths_count; i++)
		sum += input->paths[i].bytes_s;
	return sum;
}

/* As if what was dropped had been like what was not. */
static double
offered(const struct why_input *input)
{
	uint64_t dropped = input->kernel + input->no_room;

	return carried(input) * (1 + share(dropped, input->received));
}

static uint64_t
came(const struct why_input *input)
{
	return input->received + input->kernel + input->no_room +
	    input->strangers;
}

static bool
drops(const struct why_input *input, uint64_t count)
{
	return share(count, came(input)) > DROPPED_LEAST;
}

static bool
is_full(const struct why_process *process)
{
	if (process->busy < 0)
		return false;
	if (process->busy >= BUSY_FULL)
		return true;
	return process->busy >= SHORT_LEAST && process->waited >= 0 &&
	    process->busy + process->waited >= SHORT_FULL;
}

static size_t
count_up(const struct why_input *input)
{
	size_t count = 0;

	for (size_t i = 0; i < input->paths_count; i++)
		count += input->paths[i].up;
	return count;
}

/* The one that can carry most; NULL: none is up. */
static const struct why_path *
best(const struct why_input *input)
{
	const struct why_path *found = NULL, *path = input->paths;

	for (; path < input->paths + input->paths_count; path++)
		if (path->up &&
		    (found == NULL || path->rate_bytes_s > found->rate_bytes_s))
			found = path;
	return found;
}

/*
 * While it is full, what it carries says more than what it once did; nothing at
 * all says that it stands still.
 */
static double
alone(const struct why_input *input, const struct why_path *path)
{
	return input->blocked >= BLOCKED_MOSTLY && path->bytes_s > 0 &&
		path->bytes_s < path->rate_bytes_s ?
	    path->bytes_s :
	    path->rate_bytes_s;
}

/* Of the first path that has one, "" if none has. */
static const char *
any_error(const struct why_input *input)
{
	for (size_t i = 0; i < input->paths_count; i++)
		if (*input->paths[i].error != '\0')
			return input->paths[i].error;
	return "";
}

static bool
judge_down(const struct why_input *input, char *words)
{
	const char *error = any_error(input);

	if (count_up(input) > 0)
		return false;
	if (input->paths_count == 0)
		snprintf(words, WHY_SENTENCE_MAX,
		    "Nothing gets through: there is no path.");
	else if (input->paths_count == 1)
		snprintf(words, WHY_SENTENCE_MAX,
		    "Nothing gets through: the only path, %s, is %s%s%s.",
		    input->paths->uri,
		    input->paths->stalled ? "up but silent" : "not up",
		    *error != '\0' ? ": " : "", error);
	else
		snprintf(words, WHY_SENTENCE_MAX,
		    "Nothing gets through: of %zu paths none is up%s%s.",
		    input->paths_count, *error != '\0' ? ", one of them: " : "",
		    error);
	return true;
}

static bool
judge_receiver(const struct why_input *input, char *words)
{
	uint64_t missed = input->refused + input->unreachable;

	if (input->ignored > 0 &&
	    share(input->ignored, input->delivered) > IGNORED_LEAST) {
		snprintf(words, WHY_SENTENCE_MAX,
		    "The local receiver: the application at %s does not keep "
		    "up, and its socket dropped %" PRIu64 " of %" PRIu64
		    " datagrams that were delivered.",
		    input->application, input->ignored, input->delivered);
		return true;
	}
	if (missed == 0 ||
	    share(missed, input->delivered + input->refused) <= IGNORED_LEAST)
		return false;
	snprintf(words, WHY_SENTENCE_MAX,
	    "The local receiver: of %" PRIu64 " datagrams for %s %" PRIu64
	    " were refused, and %" PRIu64
	    " errors came back: does an application listen there?",
	    input->delivered + input->refused, input->application,
	    input->refused, input->unreachable);
	return true;
}

static bool
judge_strangers(const struct why_input *input, char *words)
{
	if (share(input->strangers, came(input)) <= STRANGERS_LEAST)
		return false;
	if (input->clients_max > 0 && input->clients >= input->clients_max)
		snprintf(words, WHY_SENTENCE_MAX,
		    "The clients: all %" PRIu64 " are in use, and %" PRIu64
		    " of %" PRIu64 " datagrams were dropped, as others sent "
		    "them: raise clients, or see who sends.",
		    input->clients_max, input->strangers, came(input));
	else
		snprintf(words, WHY_SENTENCE_MAX,
		    "Strangers: %" PRIu64 " of %" PRIu64 " datagrams were "
		    "dropped, as the tunnel does not hear who sent them: see "
		    "permit and clients.",
		    input->strangers, came(input));
	return true;
}

static bool
judge_mostly_strangers(const struct why_input *input, char *words)
{
	return share(input->strangers, came(input)) > STRANGERS_MOSTLY &&
	    judge_strangers(input, words);
}

static void
say_cpu(const struct why_process *process, const char *name, const char *uri,
    char *words)
{
	if (process->busy >= BUSY_FULL)
		snprintf(words, WHY_SENTENCE_MAX,
		    "The CPU: the %s%s%s, process %d, uses %.0f %% of a core.",
		    name, *uri == '\0' ? "" : " of ", uri, process->pid,
		    process->busy * 100);
	else
		snprintf(words, WHY_SENTENCE_MAX,
		    "The CPU: the %s%s%s, process %d, has %.0f %% of a core "
		    "and waits %.0f %% of the time for one that others use.",
		    name, *uri == '\0' ? "" : " of ", uri, process->pid,
		    process->busy * 100, process->waited * 100);
}

static bool
judge_cpu(const struct why_input *input, char *words)
{
	const struct why_path *path = input->paths;
	bool behind = input->blocked >= BLOCKED_LEAST ||
	    drops(input, input->kernel + input->no_room);

	/* One that sends and keeps up limits nothing yet. */
	if (!behind && input->delivered <= input->received)
		return false;
	if (is_full(&input->engine)) {
		say_cpu(&input->engine, "engine", "", words);
		return true;
	}
	for (; path < input->paths + input->paths_count; path++) {
		if (!path->up || !is_full(&path->worker))
			continue;
		say_cpu(&path->worker, "worker", path->uri, words);
		return true;
	}
	return false;
}

static bool
judge_buffer(const struct why_input *input, char *words)
{
	/* A queue that stands overflows in the moments of reading, too. */
	if (!drops(input, input->kernel) || input->kernel < input->no_room)
		return false;
	snprintf(words, WHY_SENTENCE_MAX,
	    "The UDP receive buffer: the kernel dropped %" PRIu64 " of %" PRIu64
	    " datagrams, though paths had room: bursts are longer than its "
	    "%" PRIu64 " KiB, or net.core.rmem_max allows no more.",
	    input->kernel, came(input), input->buffer_bytes / 1024);
	return true;
}

static bool
judge_paths(const struct why_input *input, char *words)
{
	const struct why_path *most = best(input);
	size_t up = count_up(input);

	if (input->blocked < BLOCKED_LEAST && !drops(input, input->no_room))
		return false;
	if (up == 1)
		snprintf(words, WHY_SENTENCE_MAX,
		    "The rate of %s: it carries %.1f Mbit/s of the %.1f that "
		    "are offered, and was full for %.0f %% of the time.",
		    most->uri, mbit(carried(input)), mbit(offered(input)),
		    input->blocked * 100);
	else
		snprintf(words, WHY_SENTENCE_MAX,
		    "The rates of %zu paths: together they carry %.1f Mbit/s "
		    "of the %.1f that are offered, and were full for %.0f %% "
		    "of the time; the fastest is %s with %.1f Mbit/s.",
		    up, mbit(carried(input)), mbit(offered(input)),
		    input->blocked * 100, most->uri, mbit(most->bytes_s));
	return true;
}

static bool
judge_reorder(const struct why_input *input, char *words)
{
	if (input->held_ms < HELD_LEAST_MS)
		return false;
	snprintf(words, WHY_SENTENCE_MAX,
	    "The reorder wait: a datagram is held for %.0f ms in the mean, at "
	    "most for %u, until slower paths have brought those before it.",
	    input->held_ms, input->reorder_ms);
	return true;
}

static bool
judge_nothing(const struct why_input *input, char *words)
{
	double capacity = 0;
	bool known = true;

	for (size_t i = 0; i < input->paths_count; i++) {
		if (!input->paths[i].up || input->paths[i].backup)
			continue;
		capacity += input->paths[i].rate_bytes_s;
		known = known && input->paths[i].measured;
	}
	if (known)
		snprintf(words, WHY_SENTENCE_MAX,
		    "Nothing: the %.1f Mbit/s that are offered are below the "
		    "%.1f that the paths can carry.",
		    mbit(offered(input)), mbit(capacity));
	else
		snprintf(words, WHY_SENTENCE_MAX,
		    "Nothing: %.1f Mbit/s are offered, and not all paths were "
		    "ever full.",
		    mbit(offered(input)));
	return true;
}

static void
judge_limit(const struct why_input *input, struct why_verdict *verdict)
{
	static const struct {
		enum why_limit limit;
		bool (*judge)(const struct why_input *input, char *words);
	} judges[] = {
		{ WHY_DOWN, judge_down },
		{ WHY_RECEIVER, judge_receiver },
		{ WHY_STRANGERS, judge_mostly_strangers },
		{ WHY_CPU, judge_cpu },
		{ WHY_BUFFER, judge_buffer },
		{ WHY_PATHS, judge_paths },
		{ WHY_REORDER, judge_reorder },
		{ WHY_STRANGERS, judge_strangers },
		{ WHY_NOTHING, judge_nothing },
	};
	size_t i = 0;

	while (!judges[i].judge(input, verdict->limit_words))
		i++;
	verdict->limit = judges[i].limit;
}

/* Now, and what the best one would alone. */
static void
compare(const struct why_input *input, const struct why_path *most,
    struct why_verdict *verdict)
{
	double now = carried(input), one = alone(input, most);

	verdict->pays_known = true;
	verdict->pays = now > one * PAYS_LEAST;
	if (verdict->pays)
		snprintf(verdict->pays_words, WHY_SENTENCE_MAX,
		    "Multipath pays: %.1f Mbit/s, %.1f times what %s alone "
		    "would carry.",
		    mbit(now), now / one, most->uri);
	else
		snprintf(verdict->pays_words, WHY_SENTENCE_MAX,
		    "Multipath does not pay in rate now: %s alone would carry "
		    "%.1f Mbit/s, and %.1f are carried.",
		    most->uri, mbit(one), mbit(now));
}

static void
judge_pay(const struct why_input *input, struct why_verdict *verdict)
{
	const struct why_path *most = best(input);
	char *words = verdict->pays_words;

	if (count_up(input) < 2)
		snprintf(words, WHY_SENTENCE_MAX,
		    "Multipath does not apply: %s path is up.",
		    most == NULL ? "no" : "only one");
	else if (input->redundant)
		snprintf(words, WHY_SENTENCE_MAX,
		    "Multipath buys certainty, not rate: every datagram is "
		    "sent more than once.");
	else if (!most->measured)
		snprintf(words, WHY_SENTENCE_MAX,
		    "Whether multipath pays is not known: %s was never full.",
		    most->uri);
	else
		compare(input, most, verdict);
}

void
why_judge(const struct why_input *input, struct why_verdict *verdict)
{
	memset(verdict, 0, sizeof(*verdict));
	judge_limit(input, verdict);
	judge_pay(input, verdict);
}
