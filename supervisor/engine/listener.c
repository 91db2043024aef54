/*
 * One recv of a fixed size into a pending slot is all that an unknown client
 * gets: no process, no ring, no answer. Whatever is wrong with its message, it
 * is closed the same way after the same work.
 */
#include "supervisor/engine/listener.h"

#include <sys/socket.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/log.h"

#define HELLO_BYTES NOISE_MESSAGE1_BYTES(FRAME_HELLO1_BYTES)
#define GATE_BYTES (FRAME_LENGTH_BYTES + HELLO_BYTES)
#define ACCEPT_BUDGET 16

struct listener_pending {
	TAILQ_ENTRY(listener_pending) entry;
	struct listener *listener;
	int fd;
	struct event *readable;
	bool admitted; /* to wait: source is counted */
	struct admission_source source;
	uint64_t limit_us;
	size_t got;
	uint8_t hello[GATE_BYTES];
	char name[ADDRESS_TEXT_MAX];
};

static void
stop_watching(struct listener_pending *pending)
{
	if (pending->readable != NULL)
		event_free(pending->readable);
	pending->readable = NULL;
}

static void
forget(struct listener_pending *pending)
{
	struct listener *listener = pending->listener;

	TAILQ_REMOVE(&listener->pending, pending, entry);
	if (pending->admitted)
		admission_leave(&listener->engine->admission, &pending->source);
	stop_watching(pending);
	if (pending->fd != -1)
		close(pending->fd);
	free(pending);
}

bool
listener_may_log(struct engine *engine)
{
	uint64_t unsaid;

	if (!admission_may_log(&engine->admission, clock_now_us(), &unsaid))
		return false;
	if (unsaid > 0)
		log_info(NULL, "%" PRIu64 " more connections were dropped",
		    unsaid);
	return true;
}

void
listener_complain(struct engine *engine, const char *name, const char *words)
{
	if (listener_may_log(engine))
		log_info(NULL, "connection from %s: %s", name, words);
}

static void
drop(struct listener_pending *pending, const char *why)
{
	listener_complain(pending->listener->engine, pending->name, why);
	forget(pending);
}

/* Verify message 1. NULL: it is none, or its key is not one of ours. */
static struct noise_handshake *
verify(struct listener_pending *pending, const struct engine_peer **peer,
    struct frame_hello1 *hello)
{
	struct engine *engine = pending->listener->engine;
	uint8_t payload[FRAME_HELLO1_BYTES];
	struct noise_handshake *handshake;

	handshake = noise_handshake_new(false, engine->identity, NULL, true,
	    (const uint8_t *)FRAME_PROLOGUE, FRAME_PROLOGUE_BYTES);
	if (handshake == NULL)
		return NULL;
	if (noise_read_message1(handshake, pending->hello + FRAME_LENGTH_BYTES,
		HELLO_BYTES, payload) == 0 &&
	    (*peer = engine_find_peer(engine,
		 noise_handshake_remote(handshake))) != NULL &&
	    frame_decode_hello1(payload, hello) == 0) {
		noise_handshake_set_psk(handshake, (*peer)->psk);
		return handshake;
	}
	noise_handshake_free(handshake);
	return NULL;
}

/* Of the ephemeral key, with which message 1 begins. */
static uint64_t
mark_of(const struct listener_pending *pending)
{
	uint64_t mark;

	memcpy(&mark, pending->hello + FRAME_LENGTH_BYTES, sizeof(mark));
	return mark;
}

static bool
is_repeated(const struct listener_pending *pending)
{
	const struct listener *listener = pending->listener;
	const struct admission *admission = &listener->engine->admission;

	return (listener->newcomers.count > 0 ||
		   admission_is_pressed(admission, clock_now_us())) &&
	    admission_repeats(admission, mark_of(pending));
}

static void
admit(struct listener_pending *pending)
{
	struct engine *engine = pending->listener->engine;
	struct newcomer one = { .fd = pending->fd };
	enum admission_result result;

	if (is_repeated(pending)) {
		drop(pending, "a handshake that was here before");
		return;
	}
	result = admission_hello(&engine->admission, clock_now_us());
	if (result != ADMISSION_YES) {
		drop(pending, admission_words(result));
		return;
	}
	one.handshake = verify(pending, &one.peer, &one.hello);
	if (one.handshake == NULL) {
		drop(pending, "handshake failed");
		return;
	}
	admission_remember(&engine->admission, mark_of(pending));
	strlcpy(one.name, pending->name, sizeof(one.name));
	/*
	 * The worker has the connection next, and once ours is closed epoll(7)
	 * could not be told any more not to report it.
	 */
	stop_watching(pending);
	if (!listener_queue(pending->listener, &one)) {
		noise_handshake_free(one.handshake);
		drop(pending, "too many paths are arriving");
		return;
	}
	pending->fd = -1;
	forget(pending);
}

static bool
has_bad_length(const struct listener_pending *pending)
{
	return pending->got >= FRAME_LENGTH_BYTES &&
	    ((size_t)pending->hello[0] << 8 | pending->hello[1]) != HELLO_BYTES;
}

/* True: more is awaited. False: it is done with, in one way or another. */
static bool
take_bytes(struct listener_pending *pending)
{
	ssize_t got;

	got = recv(pending->fd, pending->hello + pending->got,
	    GATE_BYTES - pending->got, MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0) {
		drop(pending, "closed before the handshake");
		return false;
	}
	pending->got += (size_t)got;
	if (has_bad_length(pending)) {
		drop(pending, "handshake failed");
		return false;
	}
	if (pending->got < GATE_BYTES)
		return true;
	admit(pending);
	return false;
}

static void
handle_readable(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	take_bytes(argument);
}

static int
watch(struct listener_pending *pending)
{
	pending->readable = event_new(pending->listener->engine->base,
	    pending->fd, EV_READ | EV_PERSIST, handle_readable, pending);
	if (pending->readable == NULL)
		return -1;
	return event_add(pending->readable, NULL);
}

/*
 * What is there already needs no slot, and an honest message is there when the
 * kernel lets its connection through: whoever fills the slots keeps out only
 * those who dawdle as well.
 */
static void
take(struct listener *listener, int fd, struct sockaddr_storage *address)
{
	struct listener_pending *pending = calloc(1, sizeof(*pending));
	enum admission_result result;

	if (pending == NULL) {
		close(fd);
		return;
	}
	pending->listener = listener;
	pending->fd = fd;
	pending->limit_us = clock_now_us() + LISTENER_HELLO_US;
	address_unmap(address);
	address_format(address, pending->name);
	TAILQ_INSERT_TAIL(&listener->pending, pending, entry);
	if (!take_bytes(pending))
		return;
	result = admission_enter(&listener->engine->admission, address,
	    arc4random(), &pending->source);
	pending->admitted = result == ADMISSION_YES;
	if (!pending->admitted)
		drop(pending, admission_words(result));
	else if (watch(pending) == -1)
		drop(pending, "no memory");
}

static void
pause_accepting(struct listener *listener)
{
	struct timeval second = { .tv_sec = 1 };

	if (listener->paused)
		log_debug(NULL, "%s: accept: %s; paused again", listener->name,
		    strerror(errno));
	else
		log_warn(NULL, "%s: accept: %s; paused for a second",
		    listener->name, strerror(errno));
	listener->paused = true;
	event_del(listener->acceptable);
	event_add(listener->resume, &second);
}

static void
handle_resume(evutil_socket_t fd, short what, void *argument)
{
	struct listener *listener = argument;

	(void)fd;
	(void)what;
	event_add(listener->acceptable, NULL);
}

static void
handle_acceptable(evutil_socket_t fd, short what, void *argument)
{
	struct listener *listener = argument;
	struct sockaddr_storage address;
	socklen_t length;
	int accepted;

	(void)what;
	for (int turn = 0; turn < ACCEPT_BUDGET; turn++) {
		length = sizeof(address);
		accepted = accept4(fd, (struct sockaddr *)&address, &length,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (accepted != -1) {
			if (listener->paused)
				log_notice(NULL, "%s: accepting again",
				    listener->name);
			listener->paused = false;
			take(listener, accepted, &address);
			continue;
		}
		switch (errno) {
		case EAGAIN:
			return;
		case EMFILE:
		case ENFILE:
		case ENOMEM:
		case ENOBUFS:
			pause_accepting(listener);
			return;
		default: /* of that connection: EINTR, ECONNABORTED */
			break;
		}
	}
}

static int
serve(struct listener *listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int fd = listener->fd;

	if (getsockname(fd, (struct sockaddr *)&address, &length) == -1 ||
	    evutil_make_socket_nonblocking(fd) == -1)
		return -1;
	address_format(&address, listener->name);
	listener->acceptable = event_new(listener->engine->base, fd,
	    EV_READ | EV_PERSIST, handle_acceptable, listener);
	listener->resume = event_new(listener->engine->base, -1, 0,
	    handle_resume, listener);
	if (listener->acceptable == NULL || listener->resume == NULL ||
	    event_add(listener->acceptable, NULL) == -1)
		return -1;
	log_notice(NULL, "listening on %s", listener->name);
	return 0;
}

struct listener *
listener_new(struct engine *engine, const struct address_service *service,
    int fd)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int saved;

	if (listener == NULL) {
		close(fd);
		return NULL;
	}
	listener->engine = engine;
	listener->service = *service;
	listener->fd = fd;
	TAILQ_INIT(&listener->pending);
	newcomers_init(&listener->newcomers);
	if (serve(listener) == 0)
		return listener;
	saved = errno;
	listener_free(listener);
	errno = saved;
	return NULL;
}

void
listener_tick(struct listener *listener, uint64_t now_us)
{
	struct listener_pending *pending;

	if (admission_owes_log(&listener->engine->admission, now_us))
		listener_may_log(listener->engine);
	while ((pending = TAILQ_FIRST(&listener->pending)) != NULL &&
	    now_us >= pending->limit_us)
		drop(pending, "no handshake in time");
	listener_serve_waiting(listener, now_us);
}

void
listener_free(struct listener *listener)
{
	struct listener_pending *pending;

	while ((pending = TAILQ_FIRST(&listener->pending)) != NULL)
		forget(pending);
	newcomers_clear(&listener->newcomers);
	if (listener->acceptable != NULL)
		event_free(listener->acceptable);
	if (listener->resume != NULL)
		event_free(listener->resume);
	close(listener->fd);
	free(listener);
}
