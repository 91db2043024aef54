#include "supervisor/ctl/why_input.h"

#include <bsd/string.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/reply.h"
#include "supervisor/ctl/why.h"
#include "supervisor/ctl/why_proc.h"

#define PROCESSES_MAX 4096

struct process {
	int pid;
	struct why_proc begin;
	struct why_proc end;
};

struct why_watch {
	double begin_s;
	double end_s;
	struct process processes[PROCESSES_MAX];
	size_t processes_count;
	/* The applications' are among them. */
	struct why_sockets begin_sockets;
	struct why_sockets end_sockets;
};

struct why_watch *
why_watch_new(void)
{
	return calloc(1, sizeof(struct why_watch));
}

void
why_watch_free(struct why_watch *watch)
{
	why_proc_free(&watch->begin_sockets);
	why_proc_free(&watch->end_sockets);
	free(watch);
}

static bool
is_a(const struct reply *reply, size_t record, const char *kind)
{
	return strcmp(reply->records[record].kind, kind) == 0;
}

static void
watch_process(struct why_watch *watch, uint64_t pid)
{
	struct process *process = &watch->processes[watch->processes_count];

	if (pid == 0 || pid > INT32_MAX ||
	    watch->processes_count == PROCESSES_MAX)
		return;
	process->pid = (int)pid;
	why_proc_read(process->pid, &process->begin);
	watch->processes_count++;
}

void
why_watch_begin(struct why_watch *watch, const struct reply *status)
{
	watch->begin_s = why_proc_now();
	if (watch->begin_sockets.count == 0)
		why_proc_sockets(&watch->begin_sockets);
	for (size_t i = 0; i < status->count; i++) {
		if (is_a(status, i, "process"))
			watch_process(watch,
			    reply_number(status, i, "engine_pid"));
		else if (is_a(status, i, "path"))
			watch_process(watch, reply_number(status, i, "pid"));
	}
}

void
why_watch_end(struct why_watch *watch)
{
	for (size_t i = 0; i < watch->processes_count; i++)
		why_proc_read(watch->processes[i].pid,
		    &watch->processes[i].end);
	why_proc_sockets(&watch->end_sockets);
	watch->end_s = why_proc_now();
}

static uint64_t
grown(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

static double
seconds_of(const struct why_watch *watch)
{
	double seconds = watch->end_s - watch->begin_s;

	return seconds > 0.001 ? seconds : 0.001;
}

static void
read_process(const struct why_watch *watch, uint64_t pid,
    struct why_process *process)
{
	const struct process *seen = watch->processes;
	double seconds = seconds_of(watch);

	process->pid = pid > INT32_MAX ? 0 : (int)pid;
	process->busy = process->waited = WHY_UNKNOWN;
	for (; seen < watch->processes + watch->processes_count; seen++) {
		if (seen->pid != process->pid || !seen->begin.known ||
		    !seen->end.known)
			continue;
		process->busy = (seen->end.run_s - seen->begin.run_s) / seconds;
		if (seen->begin.wait_known && seen->end.wait_known)
			process->waited = (seen->end.wait_s -
					      seen->begin.wait_s) /
			    seconds;
	}
}

static uint64_t
ignored_by(const struct why_watch *watch, const char *address)
{
	return grown(why_proc_drops(&watch->begin_sockets, address),
	    why_proc_drops(&watch->end_sockets, address));
}

/* The same tunnel in the earlier answer, or REPLY_NONE. */
static size_t
find_tunnel(const struct reply *before, const struct reply *after,
    size_t tunnel)
{
	for (size_t i = 0; i < before->count; i++)
		if (before->records[i].name != NULL &&
		    strcmp(before->records[i].name,
			after->records[tunnel].name) == 0 &&
		    strcmp(reply_text(before, i, "local"),
			reply_text(after, tunnel, "local")) == 0)
			return i;
	return REPLY_NONE;
}

static uint64_t
dropped(const struct reply *reply, size_t tunnel, const char *cause)
{
	for (size_t i = 0; i < reply->count; i++)
		if (reply->records[i].tunnel == tunnel &&
		    is_a(reply, i, "drop") &&
		    strcmp(reply_text(reply, i, "cause"), cause) == 0)
			return reply_number(reply, i, "count");
	return 0;
}

/* What the path sent meanwhile; 0 without a worker, or with another one. */
static uint64_t
sent_since(const struct reply *before, const struct reply *after, size_t record)
{
	uint64_t pid = reply_number(after, record, "pid");

	for (size_t i = 0; pid != 0 && i < before->count; i++)
		if (is_a(before, i, "path") &&
		    reply_number(before, i, "pid") == pid)
			return grown(reply_number(before, i, "tx_bytes"),
			    reply_number(after, record, "tx_bytes"));
	return 0;
}

static size_t
read_series(const char *text, uint32_t values[WHY_STEPS_MAX])
{
	size_t count = 0;
	char *end;

	while (*text != '\0' && count < WHY_STEPS_MAX) {
		values[count] = (uint32_t)strtoul(text, &end, 10);
		if (end == text)
			break;
		count++;
		text = *end == ',' ? end + 1 : end;
	}
	return count;
}

static void
read_steps(const struct reply *after, const char *pid, struct why_path *path)
{
	size_t bytes, rtts;

	for (size_t i = 0; i < after->count; i++) {
		if (!is_a(after, i, "samples") ||
		    strcmp(reply_text(after, i, "pid"), pid) != 0)
			continue;
		bytes = read_series(reply_text(after, i, "bytes"),
		    path->step_bytes);
		rtts = read_series(reply_text(after, i, "rtt_us"),
		    path->step_rtt_us);
		path->steps = bytes < rtts ? bytes : rtts;
	}
}

static void
read_path(const struct why_watch *watch, const struct reply *before,
    const struct reply *after, size_t record, struct why_path *path)
{
	const char *state = reply_text(after, record, "state");

	memset(path, 0, sizeof(*path));
	path->uri = reply_text(after, record, "uri");
	path->up = strcmp(state, "up") == 0;
	path->stalled = strcmp(state, "stalled") == 0;
	path->error = path->up || path->stalled ?
	    "" :
	    reply_text(after, record, "last_error");
	path->backup = strcmp(reply_text(after, record, "role"), "backup") == 0;
	path->measured = reply_number(after, record, "measured") != 0;
	path->rate_bytes_s = reply_amount(after, record, "rate");
	path->bytes_s = (double)sent_since(before, after, record) /
	    seconds_of(watch);
	path->rtt_ms = reply_amount(after, record, "rtt_ms");
	read_process(watch, reply_number(after, record, "pid"), &path->worker);
	if (path->up)
		read_steps(after, reply_text(after, record, "pid"), path);
}

static void
read_engine(const struct why_watch *watch, const struct reply *after,
    struct why_process *engine)
{
	uint64_t pid = 0;

	for (size_t i = 0; i < after->count; i++)
		if (is_a(after, i, "process"))
			pid = reply_number(after, i, "engine_pid");
	read_process(watch, pid, engine);
}

/* Two answers as one, so that a counter's growth is short to ask for. */
struct pair {
	const struct reply *before;
	const struct reply *after;
	size_t was; /* REPLY_NONE: it began meanwhile */
	size_t is;
};

static uint64_t
growth(const struct pair *pair, const char *key)
{
	return pair->was == REPLY_NONE ?
	    0 :
	    grown(reply_number(pair->before, pair->was, key),
		reply_number(pair->after, pair->is, key));
}

static uint64_t
drop_growth(const struct pair *pair, const char *cause)
{
	return pair->was == REPLY_NONE ?
	    0 :
	    grown(dropped(pair->before, pair->was, cause),
		dropped(pair->after, pair->is, cause));
}

/* The ledger's, as the drops have those for whom nobody is known among them. */
static uint64_t
strangers(const struct reply *reply, size_t tunnel)
{
	for (size_t i = 0; i < reply->count; i++)
		if (reply->records[i].tunnel == tunnel &&
		    is_a(reply, i, "ledger") &&
		    strcmp(reply_text(reply, i, "direction"), "out") == 0)
			return reply_number(reply, i, "stranger");
	return 0;
}

static void
read_counters(const struct pair *pair, struct why_input *input)
{
	uint64_t held_us = growth(pair, "held_us");

	input->received = growth(pair, "received");
	input->kernel = drop_growth(pair, "kernel");
	input->no_room = drop_growth(pair, "no_room");
	if (pair->was != REPLY_NONE)
		input->strangers = grown(strangers(pair->before, pair->was),
		    strangers(pair->after, pair->is));
	input->delivered = growth(pair, "delivered");
	input->refused = drop_growth(pair, "refused");
	input->unreachable = growth(pair, "unreachable");
	input->blocked = (double)growth(pair, "blocked_us") / 1e6 /
	    input->seconds;
	if (input->delivered > 0)
		input->held_ms = (double)held_us / 1e3 /
		    (double)input->delivered;
}

void
why_input_read(const struct why_watch *watch, const struct reply *before,
    const struct reply *after, size_t tunnel, struct why_path *paths,
    struct why_input *input)
{
	struct pair pair = { before, after, find_tunnel(before, after, tunnel),
		tunnel };

	memset(input, 0, sizeof(*input));
	input->seconds = seconds_of(watch);
	input->paths = paths;
	input->application = reply_text(after, tunnel, "remote");
	input->redundant = strcmp(reply_text(after, tunnel, "scheduler"),
			       "redundant") == 0;
	input->clients = reply_number(after, tunnel, "clients");
	input->clients_max = reply_number(after, tunnel, "clients_max");
	input->reorder_ms = (unsigned int)reply_number(after, tunnel,
	    "reorder_ms");
	input->buffer_bytes = reply_number(after, tunnel, "buffer_bytes");
	read_counters(&pair, input);
	input->ignored = ignored_by(watch, input->application);
	read_engine(watch, after, &input->engine);
	for (size_t i = tunnel + 1; i < after->count; i++)
		if (after->records[i].tunnel == tunnel &&
		    is_a(after, i, "path") &&
		    input->paths_count < WHY_PATHS_MAX)
			read_path(watch, before, after, i,
			    &paths[input->paths_count++]);
}
