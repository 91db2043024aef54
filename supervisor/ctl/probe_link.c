#include "supervisor/ctl/probe_link.h"

#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shm/bell.h"
#include "supervisor/ctl/probe_session.h"
#include "supervisor/ctl/probe_words.h"
#include "supervisor/ctl/probe_worker.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/failure.h"

#define DIAL_TIMEOUT_MS 10000
#define USER_TIMEOUT_MS 20000
/* What waits here hides what waits on the way. */
#define NOTSENT_LOWAT_BYTES 16384

void
probe_link_fail(struct probe_link *link, const char *format, ...)
{
	va_list arguments;

	if (link->state == PROBE_FAILED)
		return;
	va_start(arguments, format);
	vsnprintf(link->words, sizeof(link->words), format, arguments);
	va_end(arguments);
	link->state = PROBE_FAILED;
}

static void
fill_job(const struct probe_target *target, struct job *job)
{
	memset(job, 0, sizeof(*job));
	job->kind = JOB_DIAL;
	job->dial_timeout_ms = DIAL_TIMEOUT_MS;
	job->user_timeout_ms = USER_TIMEOUT_MS;
	job->notsent_lowat_bytes = NOTSENT_LOWAT_BYTES;
	job->hops = (uint32_t)target->hops_count;
	for (uint32_t i = 0; i < job->hops; i++) {
		const struct address_uri *uri = &target->hops[i];
		struct job_hop *hop = &job->hop[i];

		hop->kind = uri->kind;
		hop->port = uri->port;
		strlcpy(hop->host, uri->host, sizeof(hop->host));
		strlcpy(hop->user, uri->user, sizeof(hop->user));
		strlcpy(hop->password, uri->password, sizeof(hop->password));
	}
	strlcpy(job->destination_host, target->destination.host,
	    sizeof(job->destination_host));
	job->destination_port = target->destination.port;
	snprintf(job->title, sizeof(job->title), "probe of %.120s",
	    target->hops[0].display);
}

void
probe_link_open(struct probe_link *link, const struct probe_target *target,
    uint16_t id)
{
	struct job job;
	int result;

	memset(link, 0, sizeof(*link));
	link->target = target;
	link->id = id;
	fill_job(target, &job);
	result = probe_worker_start(&link->channel, &job);
	key_wipe(&job, sizeof(job));
	if (result == -1) {
		probe_link_fail(link, "worker: cannot start: %s",
		    strerror(errno));
		return;
	}
	if (target->identity != NULL)
		probe_session_begin(link);
}

void
probe_link_close(struct probe_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (links[i].state == PROBE_READY)
			probe_session_close(&links[i]);
		probe_worker_let_go(&links[i].channel);
	}
	for (size_t i = 0; i < count; i++) {
		probe_worker_stop(&links[i].channel);
		probe_session_free(&links[i]);
	}
}

void
probe_link_begin(struct probe_link *link, uint64_t ping_every_us, bool loading)
{
	memset(&link->count, 0, sizeof(link->count));
	link->ping_every_us = ping_every_us;
	link->loading = loading;
}

static void
end_step(struct probe_link *link, uint64_t now_us)
{
	struct probe_step *step;

	if (link->steps_count == 0)
		return;
	step = &link->steps[link->steps_count - 1];
	if (step->took_us == 0)
		step->took_us = now_us - step->began_us + 1;
}

static void
handle_event(struct probe_link *link, const struct worker_event *event)
{
	uint64_t now_us = clock_now_us();

	switch ((enum event_kind)event->kind) {
	case EVENT_STAGE:
		end_step(link, now_us);
		if (link->steps_count < PROBE_STEPS_MAX)
			link->steps[link->steps_count++] = (struct probe_step){
				.stage = (enum event_stage)event->stage,
				.hop = event->hop,
				.began_us = now_us
			};
		return;
	case EVENT_UP:
		end_step(link, now_us);
		link->connected_us = now_us;
		if (link->state == PROBE_DIALLING)
			link->state = PROBE_CONNECTED;
		return;
	case EVENT_FAILED:
		end_step(link, now_us);
		probe_words_failure(link->target, event,
		    link->state == PROBE_CONNECTED, link->words,
		    sizeof(link->words));
		return;
	case EVENT_NOTE:
		return;
	}
}

static void
handle_end(struct probe_link *link)
{
	char words[PROBE_WORDS_MAX];
	int status = probe_worker_reap(&link->channel);

	strlcpy(words, link->words, sizeof(words));
	if (words[0] == '\0')
		failure_exit(status, words, sizeof(words));
	probe_link_fail(link, "%s", words);
}

/* True if there may be more. */
static bool
take_event(struct probe_link *link)
{
	struct worker_event event;

	switch (message_receive_event(link->channel.socket, &event)) {
	case MESSAGE_OK:
		handle_event(link, &event);
		return true;
	case MESSAGE_NONE:
		break;
	case MESSAGE_CLOSED:
		handle_end(link);
		break;
	case MESSAGE_BROKEN:
		probe_link_fail(link, "worker sent an impossible message");
		break;
	}
	return false;
}

static void
serve(struct probe_link *link)
{
	if (link->state == PROBE_FAILED)
		return;
	bell_drain(link->channel.bell_in);
	/* That the connection stands was said before its first byte came, */
	while (link->state == PROBE_DIALLING && take_event(link))
		;
	/* and what an ended worker left behind before its last words. */
	probe_session_receive(link);
	while (link->state != PROBE_FAILED && take_event(link))
		;
	probe_session_receive(link);
	if (link->state == PROBE_READY)
		probe_session_send(link);
	/* The look again is the next turn's: none waits for more than 1 ms. */
	bell_arm(&link->channel.flags->engine_wants_data);
	if (link->loading)
		bell_arm(&link->channel.flags->engine_wants_room);
}

static int
next_turn_ms(uint64_t now_us, uint64_t until_us)
{
	return now_us >= until_us ? 0 : 1;
}

void
probe_link_serve(struct probe_link *links, size_t count, uint64_t until_us)
{
	struct pollfd polls[2 * PROBE_LINKS_MAX];

	for (size_t i = 0; i < count; i++) {
		serve(&links[i]);
		polls[2 * i] = (struct pollfd){ .fd = links[i].channel.socket,
			.events = POLLIN };
		polls[2 * i + 1] = (struct pollfd){
			.fd = links[i].channel.bell_in,
			.events = POLLIN
		};
		if (links[i].state == PROBE_FAILED)
			polls[2 * i].fd = polls[2 * i + 1].fd = -1;
	}
	poll(polls, 2 * count, next_turn_ms(clock_now_us(), until_us));
}
