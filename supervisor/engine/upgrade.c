#include "supervisor/engine/upgrade.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/descriptors.h"
#include "supervisor/engine/advance.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/leave_engine.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"
#include "supervisor/state.h"
#include "supervisor/upgrade_words.h"

/* What may be under way when it pauses, beyond a quarter more than now. */
#define MORE_BYTES ((size_t)1 << 20)
#define MORE_FDS 256

/*
 * Our end to the heir, which the keeper sent before it started it: the last one
 * there is, since an heir may have ended before it was of use. -1: none.
 */
static int
take_socket(const struct engine *engine)
{
	int fd, last = -1;
	ssize_t got;
	size_t count;
	char byte;

	do {
		got = descriptors_receive(engine->keeper, &byte, sizeof(byte),
		    MSG_DONTWAIT, &fd, 1, &count);
		if (count == 0)
			continue;
		if (last != -1)
			close(last);
		last = fd;
	} while (got > 0);
	return last;
}

/* More than now, since the engine serves until it pauses. */
static int
make_room_for_state(struct engine *engine, int socket)
{
	struct handover *handover = &engine->upgrade.state;
	struct state measured = { .way = STATE_MEASURE };

	leave_engine(&measured, engine);
	if (handover_make(handover, measured.at + measured.at / 4 + MORE_BYTES,
		measured.fds_at + MORE_FDS) == -1)
		return -1;
	return handover_give(handover, socket);
}

static bool
write_state(struct engine *engine, struct state *state)
{
	handover_begin(&engine->upgrade.state, state);
	leave_engine(state, engine);
	return !state->broken;
}

/* It has become more than there is room for: into new memory. 0, or -1. */
static int
write_larger(struct engine *engine, struct state *state)
{
	struct handover *handover = &engine->upgrade.state;
	struct state measured = { .way = STATE_MEASURE };

	handover_wipe(handover);
	handover_free(handover);
	leave_engine(&measured, engine);
	if (handover_make(handover, measured.at, measured.fds_at) == -1)
		return -1;
	if (write_state(engine, state))
		return 0;
	/* A fault of ours: it stopped where it broke. */
	log_error(NULL,
	    "upgrade: the state breaks at byte %zu of %zu, descriptor %zu of "
	    "%zu",
	    state->at, state->size, state->fds_at, state->fds_count);
	errno = EOPNOTSUPP;
	return -1;
}

/*
 * Whatever goes wrong, the heir sees it by the end of the socket, and the
 * supervisor by the heir's.
 */
static void
hand_over(struct engine *engine)
{
	struct upgrade_way *way = &engine->upgrade;
	struct state state;

	if (engine->reload.under_way)
		log_error(NULL, "upgrade: a reload is under way");
	else if ((!write_state(engine, &state) &&
		     write_larger(engine, &state) == -1) ||
	    handover_send(&way->state, &state, way->socket) == -1)
		log_error(NULL, "upgrade: %s", strerror(errno));
	event_free(way->ready);
	close(way->socket);
	way->ready = NULL;
}

void
upgrade_close(struct engine *engine)
{
	struct upgrade_way *way = &engine->upgrade;

	if (way->ready != NULL) {
		event_free(way->ready);
		close(way->socket);
		way->ready = NULL;
	}
	if (way->state.size != 0) {
		handover_wipe(&way->state);
		handover_free(&way->state);
	}
	advance_forget(engine);
}

/* What comes during the pause waits in the kernel, and is no standing queue. */
static void
make_room(struct engine *engine)
{
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		end_limit_queue(tunnel->end, UINT64_MAX);
}

static void leave(struct engine *engine, uint64_t pause_us, uint64_t work_us)
    __attribute__((noreturn));

/* Nothing is closed in good order: it is all the heir's. */
static void
leave(struct engine *engine, uint64_t pause_us, uint64_t work_us)
{
	handover_wipe(&engine->upgrade.state);
	handover_wipe(&engine->upgrade.early);
	log_info(NULL,
	    "the new engine serves, after a pause of %.1f ms, of which "
	    "%.1f ms were work",
	    (double)pause_us / 1000, (double)work_us / 1000);
	control_upgraded(&engine->control, NULL);
	_exit(EXIT_SUCCESS);
}

static void
tell(struct engine *engine, enum upgrade_failure failure, int64_t value)
{
	char words[UPGRADE_WORDS_MAX];

	control_upgraded(&engine->control,
	    upgrade_describe(failure, value, words));
}

static void
go_on(struct engine *engine, const struct spawn_record *record)
{
	int unused = take_socket(engine);

	if (unused != -1)
		close(unused);
	upgrade_close(engine);
	tell(engine, (enum upgrade_failure)record->slot, record->value);
}

/* The pause begins, and ends with this engine, or it goes on. */
static void
pause_serving(struct engine *engine)
{
	uint64_t paused_us = clock_now_us(), worked_us = clock_work_us();
	struct spawn_record decision;

	make_room(engine);
	hand_over(engine);
	decision = spawner_await(&engine->spawner);
	switch (decision.type) {
	case SPAWN_END:
		leave(engine, clock_now_us() - paused_us,
		    clock_work_us() - worked_us + (uint64_t)decision.value);
	case SPAWN_GO_ON:
		go_on(engine, &decision);
		return;
	default:
		log_error(NULL, "the supervisor is gone");
		_exit(EXIT_FAILURE);
	}
}

static void
give_up(struct engine *engine)
{
	log_error(NULL, "upgrade: %s", strerror(errno));
	upgrade_close(engine);
}

/*
 * It has made ready what it was given first; then it has the room, too. Of an
 * heir that is gone the supervisor tells.
 */
static void
handle_ready(evutil_socket_t fd, short what, void *argument)
{
	struct engine *engine = argument;
	ssize_t got;
	char byte;

	(void)what;
	got = recv(fd, &byte, sizeof(byte), MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != (ssize_t)sizeof(byte)) {
		upgrade_close(engine);
		return;
	}
	if (engine->upgrade.state.size == 0) {
		if (make_room_for_state(engine, fd) == -1)
			give_up(engine);
		return;
	}
	pause_serving(engine);
	spawner_catch_up(&engine->spawner);
}

static void
give_in_advance(struct engine *engine)
{
	struct upgrade_way *way = &engine->upgrade;
	int socket = take_socket(engine);

	if (socket == -1) {
		log_error(NULL, "upgrade: no way to the new engine");
		return;
	}
	way->socket = socket;
	way->ready = event_new(engine->base, socket, EV_READ | EV_PERSIST,
	    handle_ready, engine);
	if (way->ready != NULL && event_add(way->ready, NULL) == 0 &&
	    advance_send(engine, socket) == 0)
		return;
	if (way->ready == NULL)
		close(socket);
	give_up(engine);
}

void
upgrade_decide(struct engine *engine, const struct spawn_record *record)
{
	if (record->type == SPAWN_BUSY)
		tell(engine, UPGRADE_BUSY, 0);
	else if (record->type == SPAWN_GO_ON)
		go_on(engine, record);
	else if (record->type == SPAWN_LEAVE && engine->upgrade.ready == NULL)
		give_in_advance(engine);
}

/* The supervisor hears first: it limits the pause that begins. */
static bool
say_ready(struct engine *engine, int socket)
{
	spawner_say(&engine->spawner, SPAWN_PREPARED);
	return send(socket, "", 1, MSG_NOSIGNAL) == 1;
}

/* What the old engine gives while it serves. False with errno. */
static bool
take_in_advance(struct engine *engine, int socket)
{
	struct upgrade_way *way = &engine->upgrade;
	struct state nothing;

	way->state = (struct handover)HANDOVER_NONE;
	return advance_receive(&way->advance, engine, socket) == 0 &&
	    send(socket, "", 1, MSG_NOSIGNAL) == 1 &&
	    handover_receive(&way->state, socket, &nothing) == 0 &&
	    say_ready(engine, socket);
}

/* False having logged why. */
static bool
read_state(struct engine *engine, struct state *state)
{
	if (leave_engine_read(state, engine))
		return true;
	log_error(NULL, "upgrade: the state cannot be taken over: %s",
	    state->broken ? "not of this version" : strerror(errno));
	return false;
}

/* The same; *work_us is what it took of the pause. */
static bool
receive(struct engine *engine, int socket, uint64_t *work_us)
{
	bool good = take_in_advance(engine, socket);
	uint64_t before_us = clock_work_us();
	struct state state;

	good = good &&
	    handover_receive(&engine->upgrade.state, socket, &state) == 0;
	if (!good)
		log_error(NULL, "upgrade: no state: %s", strerror(errno));
	good = good && read_state(engine, &state);
	*work_us = clock_work_us() - before_us;
	return good;
}

int
upgrade_inherit(struct engine *engine, int socket)
{
	struct upgrade_way *way = &engine->upgrade;
	uint64_t work_us;

	spawner_say(&engine->spawner, SPAWN_PREPARED);
	if (!receive(engine, socket, &work_us))
		return -1;
	spawner_taken(&engine->spawner, work_us);
	if (spawner_await(&engine->spawner).type != SPAWN_SERVE)
		return -1;
	spawner_catch_up(&engine->spawner);
	leave_engine_serve(engine);
	close(socket);
	handover_free(&way->state);
	advance_free(way->advance);
	way->advance = NULL;
	return 0;
}
