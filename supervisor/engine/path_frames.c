/*
 * What comes out of a path's ring and what goes into it. Message 2 is the only
 * thing that is not a sealed frame.
 */
#include "supervisor/engine/channel.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/schedule.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/engine/wire.h"
#include "supervisor/log.h"

/* What one path may take of the engine's time at once. */
#define RECEIVE_BUDGET_BYTES ((size_t)256 * 1024)
/* An idle path is asked so often; one that is idle for long, more seldom. */
#define IDLE_PING_INTERVAL_US UINT64_C(1000000)
#define IDLE_LONG_US UINT64_C(10000000)
#define IDLE_LONG_PING_MOST_US UINT64_C(5000000)

static bool
is_over(const struct path *path)
{
	return path->state == PATH_WAITING || path->state == PATH_ENDED;
}

static void
handle_message2(struct path *path, const uint8_t *message, size_t bytes)
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
	noise_handshake_free(path->handshake);
	path->handshake = NULL;
	path->peer_frame_max = hello.frame_max;
	estimate_init(&path->estimate, clock_now_us());
	path_enter(path, PATH_OPENING);
	tunnel_describe_open(path->tunnel, &open);
	if (path->backup)
		open.flags |= FRAME_OPEN_BACKUP;
	path_send(path, frame, frame_encode_open(&open, frame));
}

static void
handle_open(struct path *path, const uint8_t *frame, size_t bytes)
{
	struct frame_open open;

	if (path->config != NULL || path->state != PATH_OPENING ||
	    frame_decode_open(frame, bytes, &open) == -1) {
		path_fail(path, "OPEN is malformed or out of place");
		return;
	}
	path->backup = (open.flags & FRAME_OPEN_BACKUP) != 0;
	tunnel_join(path, &open);
}

static void
handle_accept(struct path *path)
{
	if (path->config == NULL || path->state != PATH_OPENING) {
		path_fail(path, "ACCEPT is out of place");
		return;
	}
	path_enter(path, PATH_UP);
}

static void
handle_words(struct path *path, const uint8_t *frame, size_t bytes,
    void (*ended)(struct path *path, const char *words))
{
	char words[FRAME_REASON_MAX];

	if (frame_decode_words(frame, bytes, words) == -1)
		path_fail(path, "CLOSE or REFUSE is malformed");
	else
		ended(path, words);
}

static void
handle_ping(struct path *path, const uint8_t *frame, size_t bytes)
{
	struct frame_ping ping;

	if (frame_decode_ping(frame, bytes, &ping) == -1) {
		path_fail(path, "PING is malformed");
		return;
	}
	path->pong.time_us = ping.time_us;
	path->pong_due = true;
	path_pong(path);
}

static void
handle_pong(struct path *path, const uint8_t *frame, size_t bytes)
{
	uint64_t now_us = clock_now_us();
	struct frame_pong pong;

	if (frame_decode_pong(frame, bytes, &pong) == -1 ||
	    !estimate_pong(&path->estimate, pong.time_us, pong.frames,
		pong.bytes, now_us)) {
		path_fail(path, "PONG is malformed or impossible");
		return;
	}
	if (path->state == PATH_UP)
		tunnel_path_acknowledged(path->tunnel, path, pong.frames);
	tunnel_pool_pong(path, now_us);
	path->waits_us = pong.time_us == path->estimate.pinged_us ? 0 : now_us;
}

static void
handle_data(struct path *path, const uint8_t *frame, size_t bytes)
{
	if (path->state != PATH_UP)
		path_fail(path, "DATA is out of place");
	else if (tunnel_deliver(path->tunnel, path, frame, bytes) == -1)
		path_fail(path, "DATA is malformed");
}

static void
handle_lost(struct path *path, const uint8_t *frame, size_t bytes)
{
	struct frame_lost lost;

	if (path->state != PATH_UP ||
	    frame_decode_lost(frame, bytes, &lost) == -1)
		path_fail(path, "LOST is malformed or out of place");
	else
		tunnel_lost(path->tunnel, &lost);
}

static void
handle_frame(struct path *path, const uint8_t *plain, size_t bytes)
{
	switch ((enum frame_type)plain[0]) {
	case FRAME_OPEN:
		handle_open(path, plain, bytes);
		return;
	case FRAME_ACCEPT:
		handle_accept(path);
		return;
	case FRAME_REFUSE:
		handle_words(path, plain, bytes, path_refused);
		return;
	case FRAME_DATA:
		handle_data(path, plain, bytes);
		return;
	case FRAME_PING:
		handle_ping(path, plain, bytes);
		return;
	case FRAME_PONG:
		handle_pong(path, plain, bytes);
		return;
	case FRAME_CLOSE:
		handle_words(path, plain, bytes, path_closed);
		return;
	case FRAME_LOST:
		handle_lost(path, plain, bytes);
		return;
	case FRAME_PADDING:
		return;
	}
	log_debug(path->subject, "frame of unknown type %u skipped", plain[0]);
}

static void
open_frame(struct path *path, uint8_t *body, size_t bytes)
{
	uint64_t now_us = clock_now_us();

	if (noise_open(path->rx, body, bytes, body) == -1) {
		path_break(path, WIRE_BROKEN_SEAL);
		return;
	}
	path->pong.frames++;
	path->pong.bytes += FRAME_LENGTH_BYTES + bytes;
	path->rx_bytes += FRAME_LENGTH_BYTES + bytes;
	meter_add(&path->rx_meter, FRAME_LENGTH_BYTES + bytes, now_us);
	handle_frame(path, body, bytes - FRAME_TAG_BYTES);
}

/* One frame; WIRE_OK if there may be more. */
static enum wire_result
receive_one(struct path *path, size_t *bytes)
{
	uint8_t *body = path->engine->plain;
	size_t least = FRAME_SEALED_MIN, most = FRAME_SEALED_MAX;
	enum wire_result result;

	if (path->rx == NULL)
		least = most = NOISE_MESSAGE2_BYTES(FRAME_HELLO2_BYTES);
	result = wire_take(&path->channel, body, least, most, bytes);
	switch (result) {
	case WIRE_OK:
		if (path->rx == NULL)
			handle_message2(path, body, *bytes);
		else
			open_frame(path, body, *bytes);
		break;
	case WIRE_EMPTY:
		break;
	case WIRE_FULL:
	case WIRE_BROKEN_RING:
	case WIRE_BROKEN_LENGTH:
	case WIRE_BROKEN_SEAL:
		path_break(path, result);
		break;
	}
	return result;
}

/* Up to the budget; true if there may be more. */
static bool
receive_some(struct path *path)
{
	size_t taken = 0, bytes;

	while (taken < RECEIVE_BUDGET_BYTES) {
		if (receive_one(path, &bytes) != WIRE_OK || is_over(path))
			return false;
		taken += FRAME_LENGTH_BYTES + bytes;
	}
	return true;
}

void
path_receive(struct path *path)
{
	bool more = receive_some(path);

	if (is_over(path))
		return;
	if (!more) {
		/* The look again that closes the race with the worker. */
		channel_want_data(&path->channel);
		more = receive_some(path);
		if (is_over(path))
			return;
	}
	if (more)
		channel_again(&path->channel);
	path_flush(path, clock_now_us());
	if (path->state == PATH_UP)
		tunnel_path_room(path->tunnel);
}

static void
answer_open(struct path *path, const uint8_t *frame, size_t bytes)
{
	if (path_send(path, frame, bytes))
		path_flush(path, clock_now_us());
}

void
path_accept(struct path *path)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	answer_open(path, frame, frame_encode_accept(frame));
	path_enter(path, PATH_UP);
}

void
path_refuse(struct path *path, const char *words)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	answer_open(path, frame,
	    frame_encode_words(FRAME_REFUSE, words, frame));
	path_refused(path, words);
}

bool
path_send(struct path *path, const uint8_t *plain, size_t bytes)
{
	uint64_t now_us = clock_now_us();
	enum wire_result result;
	size_t wire_bytes;

	result = wire_seal(&path->channel, path->tx, plain, bytes, &wire_bytes);
	switch (result) {
	case WIRE_OK:
		break;
	case WIRE_FULL:
	case WIRE_EMPTY:
		return false;
	case WIRE_BROKEN_RING:
	case WIRE_BROKEN_LENGTH:
	case WIRE_BROKEN_SEAL:
		path_break(path, result);
		return false;
	}
	estimate_sent(&path->estimate, wire_bytes, now_us);
	path->tx_bytes += wire_bytes;
	if (plain[0] == FRAME_DATA) {
		path->ping_due = true;
		path->data_us = now_us;
	}
	meter_add(&path->tx_meter, wire_bytes, now_us);
	return true;
}

void
path_ping(struct path *path)
{
	/* Not the time at which a burst began: it never goes back. */
	uint64_t now_us = clock_now_us();
	struct frame_ping ping = { .time_us = now_us };
	uint8_t frame[FRAME_CONTROL_MAX];

	if (!path_send(path, frame, frame_encode_ping(&ping, frame)))
		return;
	estimate_pinged(&path->estimate, now_us);
	path->ping_due = false;
	if (path->waits_us == 0)
		path->waits_us = now_us;
}

void
path_pong(struct path *path)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	if (path_send(path, frame, frame_encode_pong(&path->pong, frame)))
		path->pong_due = false;
}

static uint64_t
idle_interval_us(const struct path *path, uint64_t now_us)
{
	uint64_t interval_us = path->tunnel->dead_us;

	if (now_us - path->data_us < IDLE_LONG_US ||
	    now_us - path->since_us < IDLE_LONG_US ||
	    interval_us < IDLE_PING_INTERVAL_US)
		return IDLE_PING_INTERVAL_US;
	return interval_us < IDLE_LONG_PING_MOST_US ? interval_us :
						      IDLE_LONG_PING_MOST_US;
}

/*
 * A PING asks for what DATA came through; an idle path is asked now and then.
 * Control frames alone are no reason, or the two ends would never rest.
 */
static bool
is_ping_time(const struct path *path, uint64_t now_us)
{
	if (path->ping_due)
		return estimate_wants_ping(&path->estimate, now_us);
	return path->waits_us == 0 &&
	    now_us - path->estimate.pinged_us >= idle_interval_us(path, now_us);
}

void
path_ping_if_due(struct path *path, uint64_t now_us)
{
	if (is_ping_time(path, now_us))
		path_ping(path);
}

void
path_flush(struct path *path, uint64_t now_us)
{
	if (!channel_is_open(&path->channel))
		return;
	if (path->state == PATH_UP) {
		if (path->pong_due)
			path_pong(path);
		path_ping_if_due(path, now_us);
	}
	if (channel_is_open(&path->channel))
		channel_ring(&path->channel);
}

/*
 * Not acknowledged, and not waiting either: it has arrived behind a segment
 * that TCP is sending again. Without this every loss would look like a queue.
 * A worker that lies makes its own path fuller than it should be.
 */
static uint64_t
held_bytes(const struct path *path)
{
	if (!channel_is_open(&path->channel))
		return 0;
	return atomic_load_explicit(&path->channel.flags->held_bytes,
	    memory_order_relaxed);
}

static uint64_t
backlog_bytes(const struct path *path)
{
	uint64_t backlog = estimate_backlog_bytes(&path->estimate);
	uint64_t held = held_bytes(path);

	/* Our control frames alone are nothing that waits. */
	if (!path->ping_due && path->waits_us == 0)
		return 0;
	return held < backlog ? backlog - held : 0;
}

void
path_describe(struct path *path, struct schedule_path *description,
    uint64_t now_us)
{
	size_t room = 0;

	description->up = path->state == PATH_UP && path->drains_us == 0 &&
	    !path_is_stalled(path, now_us);
	description->taken = false;
	description->fresh = path->estimate.rate_bytes_s == 0;
	description->drains = estimate_drains(&path->estimate);
	description->backup = path->backup;
	if (path->state == PATH_UP)
		room = wire_room(&path->channel);
	description->room_bytes = room > WIRE_RESERVE_BYTES ?
	    room - WIRE_RESERVE_BYTES :
	    0;
	description->backlog_bytes = backlog_bytes(path);
	description->rate_bytes_s = estimate_rate(&path->estimate);
	description->srtt_us = path->estimate.srtt_us;
	description->rtt_min_us = path->estimate.rtt_min_us;
}
