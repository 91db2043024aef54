/*
 * One loop: move what can be moved, in turns so that neither direction starves
 * the other; poll without waiting while there is more to do, and sleep only
 * after the bell is armed and both rings were looked at again.
 *
 * Full rings need no code of their own. A full receive ring is simply not read
 * into, the kernel's buffer fills and TCP's window closes; the engine rings
 * when it has made room.
 */
#include "worker/pump.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/layout.h"
#include "shm/message.h"
#include "shm/region.h"

#define SPAN_BYTES ((size_t)64 * 1024) /* one call of read or write */
#define TURNS 16		       /* before the next poll */

void
pump_init(struct pump *pump, int fd, const struct region *engine,
    const struct region *worker)
{
	const struct layout_engine *theirs = engine->control;
	struct layout_worker *ours = worker->control;

	*pump = (struct pump){
		.socket = fd,
		.channel = FD_CHANNEL,
		.bell_in = FD_BELL_IN,
		.bell_out = FD_BELL_OUT,
		.flags = ours,
		.end = PUMP_RUNS,
		.readable = true,
		.writable = true,
		.heir_data = worker->spare,
	};
	ring_consumer_init(&pump->tx, engine->data, engine->data_bytes,
	    &theirs->tx_head, &ours->tx_tail, 0);
	ring_producer_init(&pump->rx, worker->data, worker->data_bytes,
	    &ours->rx_head, &theirs->rx_tail, 0);
}

void
pump_prime(struct pump *pump, const void *bytes, size_t count)
{
	uint8_t *span;
	size_t room;

	if (count == 0)
		return;
	if (count > pump->rx.capacity ||
	    ring_reserve(&pump->rx, count, &span, &room) != RING_OK) {
		pump->end = PUMP_BROKEN;
		return;
	}
	memcpy(span, bytes, count);
	ring_commit(&pump->rx, count);
	bell_ring(&pump->flags->engine_wants_data, pump->bell_out);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes that wait to be sent, 0 if there are none. */
static size_t
look_tx(struct pump *pump, const uint8_t **span)
{
	size_t bytes;

	switch (pump_peek(pump, span, &bytes)) {
	case RING_OK:
		return bytes;
	case RING_FULL:
	case RING_EMPTY:
		break;
	case RING_BROKEN:
		pump->end = PUMP_BROKEN;
	}
	return 0;
}

/* Room for received bytes, 0 if there is none. */
static size_t
look_rx(struct pump *pump, uint8_t **span)
{
	enum ring_result result;
	size_t room;

	pump_follow(pump);
	/* Ask for much first, or a stale index makes many small reads. */
	result = ring_reserve(&pump->rx, smaller(SPAN_BYTES, pump->rx.capacity),
	    span, &room);
	if (result == RING_FULL)
		result = ring_reserve(&pump->rx, 1, span, &room);
	switch (result) {
	case RING_OK:
		return room;
	case RING_FULL:
	case RING_EMPTY:
		break;
	case RING_BROKEN:
		pump->end = PUMP_BROKEN;
	}
	return 0;
}

/*
 * A connection that cannot be written to may still hold what the far end sent
 * before it broke, so only the reader ends the pump.
 */
static bool
write_failed(struct pump *pump)
{
	switch (errno) {
	case EINTR:
		return true;
	case EAGAIN:
		pump->writable = false;
		return false;
	}
	pump->mute = true;
	pump->error = errno;
	pump->readable = true;
	return true;
}

/* The senders return whether it is worth to come again before a poll. */
static bool
send_some(struct pump *pump)
{
	const uint8_t *span;
	size_t bytes;
	ssize_t sent;

	if (pump->mute || !pump->writable)
		return false;
	bytes = smaller(look_tx(pump, &span), SPAN_BYTES);
	if (bytes == 0)
		return false;
	sent = write(pump->socket, span, bytes);
	if (sent < 0)
		return write_failed(pump);
	ack_written(&pump->ack);
	ring_release(&pump->tx, (size_t)sent);
	bell_ring(&pump->flags->engine_wants_room, pump->bell_out);
	pump->writable = (size_t)sent == bytes;
	return pump->writable;
}

static bool
read_failed(struct pump *pump)
{
	switch (errno) {
	case EINTR:
		return true;
	case EAGAIN:
		pump->readable = false;
		return false;
	}
	if (pump->error == 0)
		pump->error = errno;
	pump->end = PUMP_FAILED;
	return false;
}

static bool
receive_some(struct pump *pump)
{
	uint8_t *span;
	size_t room;
	ssize_t got;

	if (!pump->readable)
		return false;
	room = smaller(look_rx(pump, &span), SPAN_BYTES);
	if (room == 0)
		return false;
	got = read(pump->socket, span, room);
	if (got < 0)
		return read_failed(pump);
	if (got == 0) {
		pump->end = pump->mute ? PUMP_FAILED : PUMP_CLOSED;
		return false;
	}
	ring_commit(&pump->rx, (size_t)got);
	bell_ring(&pump->flags->engine_wants_data, pump->bell_out);
	pump->readable = (size_t)got == room;
	if (!pump->readable)
		ack_read(&pump->ack, pump->socket);
	return pump->readable;
}

/* True if it stopped only to let the poll have a look. */
static bool
move(struct pump *pump)
{
	bool more = true;
	int turn;

	for (turn = 0; more && turn < TURNS && pump->end == PUMP_RUNS; turn++) {
		more = send_some(pump);
		more |= receive_some(pump);
	}
	return more;
}

/* Only who finds none is woken for it. */
static bool
has_room(struct pump *pump)
{
	uint8_t *room;

	if (look_rx(pump, &room) > 0)
		return true;
	bell_arm(&pump->flags->worker_wants_room);
	return look_rx(pump, &room) > 0;
}

/* What the socket is polled for; *ready is set if there is no need to wait. */
static short
wanted(struct pump *pump, bool *ready)
{
	const uint8_t *bytes;
	short events = 0;

	if (has_room(pump)) {
		events |= POLLIN;
		*ready |= pump->readable;
	}
	if (!pump->mute && look_tx(pump, &bytes) > 0) {
		events |= POLLOUT;
		*ready |= pump->writable;
	}
	return events;
}

static void
hear(struct pump *pump, const struct pollfd *polls)
{
	if ((polls[0].revents & ~POLLOUT) != 0)
		pump->readable = true;
	if ((polls[0].revents & ~POLLIN) != 0)
		pump->writable = true;
	if (polls[1].revents != 0)
		pump->rung = true;
	if (polls[2].revents != 0)
		pump->end = PUMP_STOPPED;
}

/*
 * The engine may wait for us rather than wake another worker; but what TCP does
 * not take now is not ours to promise.
 */
static void
admit(struct pump *pump, short events)
{
	if ((events & POLLOUT) != 0 && !pump->writable)
		bell_ring(&pump->flags->engine_wants_room, pump->bell_out);
}

/*
 * Not before what it rang for was done: nobody rings while the flags are not
 * armed, so no byte is taken that tells of something later.
 */
static void
drain(struct pump *pump)
{
	if (pump->rung && bell_drain(pump->bell_in) == -1)
		pump->end = PUMP_STOPPED;
	pump->rung = false;
}

/* NULL: for ever. */
static const struct timespec *
patience(const struct pump *pump, bool ready)
{
	static const struct timespec at_once = { 0, 0 };
	const struct timespec *wait = ack_wait(&pump->ack);

	if (ready)
		return &at_once;
	return wait != NULL ? wait : recovery_wait(&pump->recovery);
}

/* Until something happens, or no longer if there is no need to. */
static void
wait_for_events(struct pump *pump, struct pollfd *polls, bool ready)
{
	const struct timespec *wait = patience(pump, ready);
	int found = ppoll(polls, 3, wait, NULL);

	if (found > 0 && pump->end == PUMP_RUNS)
		hear(pump, polls);
	else if (found == 0 && !ready && pump->ack.owed)
		ack_late(&pump->ack, pump->socket);
}

static void
rest(struct pump *pump, bool ready)
{
	struct pollfd polls[] = {
		{ .fd = pump->socket },
		{ .fd = pump->bell_in, .events = POLLIN },
		{ .fd = pump->channel, .events = POLLIN | POLLRDHUP },
	};

	drain(pump);
	bell_arm(&pump->flags->worker_sleeps);
	polls[0].events = wanted(pump, &ready);
	admit(pump, polls[0].events);
	/* Else a connection that broke keeps poll from waiting for room. */
	if (polls[0].events == 0)
		polls[0].fd = -1;
	/* The look itself may have found the end. */
	ready |= pump->end != PUMP_RUNS;
	wait_for_events(pump, polls, ready);
	bell_disarm(&pump->flags->worker_sleeps);
	bell_disarm(&pump->flags->worker_wants_room);
}

enum pump_end
pump_run(struct pump *pump)
{
	bool more;

	while (pump->end == PUMP_RUNS) {
		more = move(pump);
		if (pump->end != PUMP_RUNS)
			break;
		recovery_tell(&pump->recovery, pump->socket, pump->tx.tail,
		    &pump->flags->held_bytes);
		rest(pump, more);
	}
	return pump->end;
}
