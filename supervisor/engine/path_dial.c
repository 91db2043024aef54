#include "supervisor/engine/path_dial.h"

#include <bsd/string.h>
#include <bsd/sys/endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/failure.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/wire.h"

#define DIAL_TIMEOUT_MS 10000
#define USER_TIMEOUT_MS 20000
/* Enough for the kernel to keep a fast path busy, little enough to steer by. */
#define NOTSENT_LOWAT_BYTES (128 * 1024)

static void
fill_job(const struct path *path, struct job *job)
{
	memset(job, 0, sizeof(*job));
	job->dial_timeout_ms = DIAL_TIMEOUT_MS;
	job->user_timeout_ms = USER_TIMEOUT_MS;
	job->notsent_lowat_bytes = NOTSENT_LOWAT_BYTES;
	snprintf(job->title, sizeof(job->title), "%.60s via %.120s",
	    path->tunnel != NULL ? path->tunnel->name :
				   path->peer->config->name,
	    path->uri);
}

static void
fill_hops(const struct path *path, struct job *job)
{
	const struct config_path *config = path->config;
	const struct address_uri *uri, *destination;
	struct job_hop *hop;

	job->kind = JOB_DIAL;
	job->hops = (uint32_t)config->hops_count;
	destination = tunnel_destination(path->tunnel, &job->srv_choice);
	job->srv_seed = path->tunnel->choice.seed;
	for (uint32_t i = 0; i < job->hops; i++) {
		uri = config->direct ? destination : &config->hops[i];
		hop = &job->hop[i];
		hop->kind = uri->kind;
		hop->port = uri->port;
		strlcpy(hop->host, uri->host, sizeof(hop->host));
		strlcpy(hop->user, uri->user, sizeof(hop->user));
		strlcpy(hop->password, uri->password, sizeof(hop->password));
	}
	if (job->hop[job->hops - 1].kind != HOP_TCP && !config->direct) {
		strlcpy(job->destination_host, destination->host,
		    sizeof(job->destination_host));
		job->destination_port = destination->port;
		job->destination_srv = destination->kind == HOP_SRV;
	}
	job->mptcp = config->mptcp;
	job->rate_limit_bytes = config->rate_limit_bytes;
	strlcpy(job->source, config->source, sizeof(job->source));
	strlcpy(job->interface, config->interface, sizeof(job->interface));
	strlcpy(job->congestion, config->congestion, sizeof(job->congestion));
}

static void
fill_hello(const struct path *path, struct frame_hello1 *hello)
{
	const struct tunnel *tunnel = path->tunnel;

	memset(hello, 0, sizeof(*hello));
	hello->path = path->id;
	hello->frame_max = FRAME_SEALED_MAX;
	hello->started_ms = tunnel->started_ms;
	memcpy(hello->session, tunnel->session, sizeof(hello->session));
	memcpy(hello->instance, path->engine->instance,
	    sizeof(hello->instance));
}

/* The message waits in the ring until the worker's connection stands. */
static int
put_message1(struct path *path)
{
	uint8_t message[NOISE_MESSAGE1_BYTES(FRAME_HELLO1_BYTES)];
	uint8_t payload[FRAME_HELLO1_BYTES];
	struct frame_hello1 hello;

	path->handshake = noise_handshake_new(true, path->engine->identity,
	    path->peer->key, true, (const uint8_t *)FRAME_PROLOGUE,
	    FRAME_PROLOGUE_BYTES);
	if (path->handshake == NULL)
		return -1;
	noise_handshake_set_psk(path->handshake, path->peer->psk);
	fill_hello(path, &hello);
	frame_encode_hello1(&hello, payload);
	if (noise_write_message1(path->handshake, payload, sizeof(payload),
		message) == -1)
		return -1;
	return wire_put(&path->channel, message, sizeof(message)) == WIRE_OK ?
	    0 :
	    -1;
}

/* A direct path is called by where it leads now. */
static void
show_destination(struct path *path)
{
	uint32_t target;

	if (!path->config->direct)
		return;
	strlcpy(path->uri, tunnel_destination(path->tunnel, &target)->display,
	    sizeof(path->uri));
	path_set_subject(path, path->tunnel->name);
}

void
path_dial(struct path *path)
{
	struct engine *engine = path->engine;
	struct job job;
	int result;

	tunnel_choice_dials(path);
	show_destination(path);
	fill_job(path, &job);
	fill_hops(path, &job);
	path_enter(path, PATH_DIALLING);
	path->note[0] = '\0';
	result = channel_open(&path->channel, engine->base, &engine->spawner,
	    &job, -1);
	key_wipe(&job, sizeof(job));
	if (result == -1) {
		path_fail(path, "worker: cannot start: %s", spawner_why(errno));
		return;
	}
	if (put_message1(path) == -1) {
		path_fail(path, "handshake: cannot begin");
		return;
	}
	channel_ring(&path->channel);
	channel_want_data(&path->channel);
}

/* Nobody but the two ends has it: by it one's log finds the other's. */
static void
tell_session(const struct path *path)
{
	log_debug(path->subject, "session %016llx",
	    (unsigned long long)be64dec(noise_handshake_hash(path->handshake)));
}

void
path_take_message2(struct path *path, const uint8_t *message, size_t bytes)
{
	uint8_t payload[FRAME_HELLO2_BYTES];
	struct frame_hello2 hello;
	uint8_t frame[FRAME_CONTROL_MAX];
	struct frame_open open;

	if (noise_read_message2(path->handshake, message, bytes, payload) ==
		-1 ||
	    frame_decode_hello2(payload, &hello) == -1 ||
	    hello.path != path->id ||
	    noise_split(path->handshake, &path->tx, &path->rx) == -1) {
		path_fail(path, "handshake: the answer does not verify");
		return;
	}
	tell_session(path);
	noise_handshake_free(path->handshake);
	path->handshake = NULL;
	memcpy(path->instance, hello.instance, sizeof(path->instance));
	if (!tunnel_meets(path->tunnel, path)) {
		path_fail(path, "it leads to another listener");
		return;
	}
	path->peer_frame_max = hello.frame_max;
	estimate_init(&path->estimate, clock_now_us());
	path_enter(path, PATH_OPENING);
	tunnel_describe_open(path->tunnel, &open);
	if (path->backup)
		open.flags |= FRAME_OPEN_BACKUP;
	path_send(path, frame, frame_encode_open(&open, frame));
}

static int
put_message2(struct path *path)
{
	uint8_t message[NOISE_MESSAGE2_BYTES(FRAME_HELLO2_BYTES)];
	uint8_t payload[FRAME_HELLO2_BYTES];
	struct frame_hello2 hello = { .path = path->id,
		.frame_max = FRAME_SEALED_MAX };

	memcpy(hello.instance, path->engine->instance, sizeof(hello.instance));
	frame_encode_hello2(&hello, payload);
	if (noise_write_message2(path->handshake, payload, sizeof(payload),
		message) == -1 ||
	    wire_put(&path->channel, message, sizeof(message)) != WIRE_OK ||
	    noise_split(path->handshake, &path->tx, &path->rx) == -1)
		return -1;
	tell_session(path);
	noise_handshake_free(path->handshake);
	path->handshake = NULL;
	path->peer_frame_max = path->hello.frame_max;
	estimate_init(&path->estimate, clock_now_us());
	return 0;
}

int
path_answer(struct path *path, int accepted)
{
	struct engine *engine = path->engine;
	struct job job;

	fill_job(path, &job);
	job.kind = JOB_SERVE;
	if (channel_open(&path->channel, engine->base, &engine->spawner, &job,
		accepted) == -1)
		return -1;
	if (put_message2(path) == -1) {
		errno = EPROTO;
		return -1;
	}
	channel_ring(&path->channel);
	channel_want_data(&path->channel);
	return 0;
}

const char *
path_state_name(enum path_state state)
{
	switch (state) {
	case PATH_WAITING:
		return "waiting";
	case PATH_DIALLING:
		return "dialling";
	case PATH_HANDSHAKE:
		return "handshake";
	case PATH_OPENING:
		return "opening";
	case PATH_UP:
		return "up";
	case PATH_ENDED:
		return "ended";
	}
	return "unknown";
}

const char *
path_stage_name(enum event_stage stage)
{
	switch (stage) {
	case STAGE_START:
		return "start";
	case STAGE_RESOLVE:
		return "resolve";
	case STAGE_CONNECT:
		return "connect";
	case STAGE_PROXY:
		return "proxy";
	case STAGE_PUMP:
		return "connection";
	}
	return "unknown stage";
}

static void
describe_place(const struct path *path, const struct worker_event *event,
    char *place, size_t size)
{
	if (event->stage == STAGE_PROXY && path->config != NULL &&
	    event->hop < path->config->hops_count)
		snprintf(place, size, "hop %u %s", event->hop + 1,
		    path->config->hops[event->hop].display);
	else
		strlcpy(place, path_stage_name((enum event_stage)event->stage),
		    size);
}

void
path_describe_failure(const struct path *path, const struct worker_event *event,
    char *words, size_t size)
{
	char place[PATH_URI_MAX + 16], cause[128];

	describe_place(path, event, place, sizeof(place));
	failure_cause(event, cause, sizeof(cause));
	snprintf(words, size, "%s: %s%s", place,
	    event->text[0] != '\0' ? event->text : cause,
	    path->state == PATH_HANDSHAKE && event->reason == REASON_CLOSED ?
		FAILURE_STRANGER :
		"");
}
