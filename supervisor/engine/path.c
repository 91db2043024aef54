/*
 * The life of a path. A connector's goes WAITING, DIALLING, HANDSHAKE, OPENING,
 * UP and back to WAITING; a listener's begins OPENING, with the keys standing,
 * and ends ENDED. Each state but UP has a limit. There is no repair: whatever
 * goes wrong ends the worker, and a fresh one starts from nothing.
 */
#include "supervisor/engine/path.h"

#include <sys/wait.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/failure.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path_dial.h"
#include "supervisor/engine/schedule.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/engine/wire.h"
#include "supervisor/log.h"

#define STATE_LIMIT_US UINT64_C(10000000)
/* The worker has its own limit for dialling; this one is for the worker. */
#define DIAL_LIMIT_US UINT64_C(15000000)

static void handle_bell(void *argument);
static void handle_event(void *argument, const struct worker_event *event);
static void handle_broken(void *argument, const char *words);
static void handle_exited(void *argument, int status);

static const struct channel_handler handler = { handle_bell, handle_event,
	handle_broken, handle_exited };

static uint64_t
state_limit_us(enum path_state state)
{
	switch (state) {
	case PATH_DIALLING:
		return DIAL_LIMIT_US;
	case PATH_HANDSHAKE:
	case PATH_OPENING:
		return STATE_LIMIT_US;
	case PATH_WAITING:
	case PATH_UP:
	case PATH_ENDED:
		return 0;
	}
	return 0;
}

void
path_enter(struct path *path, enum path_state state)
{
	path->state = state;
	path->since_us = clock_now_us();
	path->limit_us = path->since_us + state_limit_us(state);
	path->held_us = 0;
	if (state == PATH_UP) {
		samples_begin(&path->samples);
		log_info(path->subject, "up");
		tunnel_path_up(path->tunnel, path);
	}
}

void
path_set_subject(struct path *path, const char *tunnel_name)
{
	snprintf(path->subject, sizeof(path->subject), "%s/%s", tunnel_name,
	    path->uri);
}

static struct path *
allocate(struct engine *engine, const struct engine_peer *peer)
{
	struct path *path = calloc(1, sizeof(*path));

	if (path == NULL)
		return NULL;
	path->engine = engine;
	path->peer = peer;
	channel_init(&path->channel, &handler, path);
	return path;
}

struct path *
path_new(struct tunnel *tunnel, const struct config_path *config, uint16_t id)
{
	struct path *path = allocate(tunnel->engine, tunnel->peer);

	if (path == NULL)
		return NULL;
	path->tunnel = tunnel;
	path->config = config;
	path->backup = config->backup;
	path->id = id;
	strlcpy(path->uri, config->uri, sizeof(path->uri));
	path_set_subject(path, tunnel->name);
	path_enter(path, PATH_WAITING);
	return path;
}

struct path *
path_inherit(struct engine *engine)
{
	return allocate(engine, NULL);
}

struct path *
path_new_inbound(struct engine *engine, const struct engine_peer *peer,
    struct noise_handshake *handshake, const struct frame_hello1 *hello,
    int accepted, const char *name)
{
	struct path *path = allocate(engine, peer);

	if (path == NULL) {
		noise_handshake_free(handshake);
		close(accepted);
		return NULL;
	}
	path->handshake = handshake;
	path->hello = *hello;
	path->id = hello->path;
	strlcpy(path->uri, name, sizeof(path->uri));
	path_set_subject(path, peer->config->name);
	path_enter(path, PATH_OPENING);
	if (path_answer(path, accepted) == -1) {
		path_free(path);
		return NULL;
	}
	return path;
}

static void
forget_session(struct path *path, bool now)
{
	channel_close(&path->channel, now);
	noise_handshake_free(path->handshake);
	noise_cipher_free(path->tx);
	noise_cipher_free(path->rx);
	path->handshake = NULL;
	path->tx = NULL;
	path->rx = NULL;
	path->failed = false;
	path->rotate_us = 0;
	path->ping_due = false;
	path->waits_us = 0;
	path->pong_due = false;
	path->skipped = false;
	memset(&path->pong, 0, sizeof(path->pong));
}

void
path_free(struct path *path)
{
	forget_session(path, true);
	free(path);
}

static uint32_t
redial_ms(struct path *path, uint64_t up_us)
{
	uint32_t delay_ms = backoff_next_ms(&path->backoff, up_us,
	    arc4random());

	path->backoff.stands = path->failed &&
	    (path->failure.reason == REASON_AUTH || path->failure.kind == 0);
	if (!path->backoff.stands)
		return delay_ms;
	return path->failure.kind == 0 ? BACKOFF_CRASH_MS : BACKOFF_DENIED_MS;
}

static void
await_redial(struct path *path, uint64_t up_us)
{
	uint32_t delay_ms = redial_ms(path, up_us);

	forget_session(path, false);
	path->restarts++;
	path_enter(path, PATH_WAITING);
	path->limit_us = path->since_us + (uint64_t)delay_ms * 1000;
	tunnel_pool_ended(path);
	if (delay_ms == 0)
		engine_kick(path->engine);
}

static void
retire(struct path *path)
{
	struct engine *engine = path->engine;

	forget_session(path, false);
	if (path->tunnel != NULL)
		tunnel_path_gone(path->tunnel, path);
	else
		TAILQ_REMOVE(&engine->arriving, path, entry);
	TAILQ_INSERT_TAIL(&engine->ended, path, entry);
	path_enter(path, PATH_ENDED);
}

/* Who has not proven its keys yet must not fill the log. */
static bool
is_stranger(const struct path *path)
{
	return path->config == NULL && path->pong.frames == 0;
}

/* orderly: one of the two ends wanted it, so it is nothing to warn of. */
static void
end(struct path *path, const char *words, bool orderly)
{
	bool was_up = path->state == PATH_UP;
	bool news = was_up || strcmp(words, path->last_error) != 0;
	uint64_t up_us = was_up ? clock_now_us() - path->since_us : 0;

	if (path->state == PATH_WAITING || path->state == PATH_ENDED)
		return;
	if (orderly)
		log_info(path->subject, "down: %s", words);
	else if (is_stranger(path))
		listener_complain(path->engine, path->uri, words);
	else if (news)
		log_warn(path->subject, "down: %s", words);
	else
		log_debug(path->subject, "down again: %s", words);
	strlcpy(path->last_error, words, sizeof(path->last_error));
	if (was_up)
		tunnel_path_down(path->tunnel, path);
	if (path->config != NULL && path->successor == NULL)
		await_redial(path, up_us);
	else
		retire(path);
}

void
path_fail(struct path *path, const char *format, ...)
{
	char words[PATH_ERROR_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	end(path, words, false);
}

void
path_break(struct path *path, enum wire_result result)
{
	channel_kill(&path->channel);
	path->forged = result == WIRE_BROKEN_SEAL;
	path_fail(path, "%s", wire_result_words(result));
}

void
path_finish(struct path *path, const char *words)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	if (path->tx != NULL && channel_is_open(&path->channel)) {
		path_send(path, frame,
		    frame_encode_words(FRAME_CLOSE, words, frame));
		path_flush(path, clock_now_us());
	}
	end(path, words, true);
}

void
path_closed(struct path *path, const char *words)
{
	char why[PATH_ERROR_MAX];

	snprintf(why, sizeof(why), "closed by the peer: %s", words);
	end(path, why, true);
}

void
path_refused(struct path *path, const char *words)
{
	path_fail(path, "refused: %s", words);
}

/* What a worker or a peer does from here on is on the peer's account. */
static struct path *
on_account(void *argument)
{
	struct path *path = argument;

	log_account(path->peer->config->name);
	return path;
}

static void
handle_bell(void *argument)
{
	path_receive(on_account(argument));
	log_account(NULL);
}

static void
take_event(struct path *path, const struct worker_event *event)
{
	switch ((enum event_kind)event->kind) {
	case EVENT_STAGE:
		log_debug(path->subject, "worker: %s",
		    path_stage_name((enum event_stage)event->stage));
		return;
	case EVENT_UP:
		if (path->state == PATH_DIALLING)
			path_enter(path, PATH_HANDSHAKE);
		return;
	case EVENT_FAILED:
		path->failure = *event;
		path->failed = true;
		return;
	case EVENT_NOTE:
		log_info(path->subject, "worker: %s", event->text);
		strlcpy(path->note, event->text, sizeof(path->note));
		return;
	}
}

static void
handle_event(void *argument, const struct worker_event *event)
{
	take_event(on_account(argument), event);
	log_account(NULL);
}

static void
handle_broken(void *argument, const char *words)
{
	path_fail(on_account(argument), "%s", words);
	log_account(NULL);
}

/*
 * The exit may overtake what the worker left behind: its last frames are in
 * the ring and its last words on the socket.
 */
static void
take_exit(struct path *path, int status)
{
	char words[PATH_ERROR_MAX];
	struct worker_event event;

	while (channel_is_open(&path->channel) &&
	    path->channel.messages++ < CHANNEL_MESSAGES_MAX &&
	    message_receive_event(path->channel.socket, &event) == MESSAGE_OK)
		take_event(path, &event);
	path_receive(path);
	if (!channel_is_open(&path->channel))
		return;
	if (path->failed) {
		path_describe_failure(path, &path->failure, words,
		    sizeof(words));
	} else {
		failure_exit(status, words, sizeof(words));
		if (failure_is_crash(status)) {
			path->failed = true;
			path->failure.kind = 0;
		}
	}
	end(path, words, false);
}

static void
handle_exited(void *argument, int status)
{
	take_exit(on_account(argument), status);
	log_account(NULL);
}
