/*
 * What comes out of a path's ring and what goes into it. Message 2 is the only
 * thing that is not a sealed frame.
 */
#include "supervisor/engine/channel.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/path_dial.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_choice.h"
#include "supervisor/engine/tunnel_change.h"
#include "supervisor/engine/tunnel_ledger.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/engine/wire.h"
#include "supervisor/log.h"

/*
 * What one path may take of the engine's time at once. Few bytes can be much
 * work: thousands of empty datagrams, or another policy in each frame.
 */
#define RECEIVE_BUDGET_BYTES ((size_t)256 * 1024)
#define RECEIVE_BUDGET_US UINT64_C(2000)
/* What is given to the application at once, about. */
#define GIVE_DATAGRAMS 512

static bool
is_data(const uint8_t *plain)
{
	return plain[0] == FRAME_DATA || plain[0] == FRAME_CLIENTS;
}

static bool
is_over(const struct path *path)
{
	return path->state == PATH_WAITING || path->state == PATH_ENDED;
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
	/* Since it was asked, a path to another one may have come up. */
	if (!tunnel_meets(path->tunnel, path)) {
		path_fail(path, "it leads to another listener");
		return;
	}
	tunnel_ledger_say(path->tunnel, path);
	if (path->state == PATH_OPENING)
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
	path->asked_us = clock_now_us();
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
	samples_pong(&path->samples, now_us - pong.time_us);
	tunnel_pool_pong(path, now_us);
	path->waits_us = pong.time_us == path->estimate.pinged_us ? 0 : now_us;
}

/* The listener's first ones come before its ACCEPT. */
static void
handle_totals(struct path *path, const uint8_t *frame, size_t bytes)
{
	struct frame_totals totals;

	if (path->tunnel == NULL ||
	    frame_decode_totals(frame, bytes, &totals) == -1)
		path_fail(path, "TOTALS is malformed or out of place");
	else
		tunnel_ledger_hear(path->tunnel, path, &totals);
}

/* To the application, before anything else happens. */
static void
give(struct path *path)
{
	struct engine *engine = path->engine;

	if (engine->opened_bytes == 0)
		return;
	engine->opened_bytes = engine->opened_datagrams = 0;
	tunnel_give(path->tunnel);
}

/* The frame stays where it is: its datagrams go out with those of others. */
static void
handle_data(struct path *path, const uint8_t *frame, size_t bytes)
{
	struct engine *engine = path->engine;
	uint64_t before = path->rx_datagrams;
	int result;

	if (path->state != PATH_UP) {
		path_fail(path, "DATA is out of place");
		return;
	}
	result = tunnel_deliver(path->tunnel, path, frame, bytes);
	engine->opened_bytes += bytes;
	engine->opened_datagrams += path->rx_datagrams - before;
	if (result == -1 || engine->opened_bytes >= ENGINE_OPENED_BYTES ||
	    engine->opened_datagrams >= GIVE_DATAGRAMS)
		give(path);
	if (result == -1)
		path_fail(path, "DATA is malformed");
}

/* The listener does as the connector wants, as with OPEN. */
static void
handle_policy(struct path *path, const uint8_t *frame, size_t bytes)
{
	if (path->state != PATH_UP ||
	    tunnel_hear_policy(path->tunnel, frame, bytes) == -1)
		path_fail(path, "POLICY is malformed or out of place");
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
	if (!is_data(plain))
		give(path);
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
	case FRAME_CLIENTS:
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
	case FRAME_TOTALS:
		handle_totals(path, plain, bytes);
		return;
	case FRAME_POLICY:
		handle_policy(path, plain, bytes);
		return;
	case FRAME_HOLD:
		path_held(path, plain, bytes);
		return;
	case FRAME_PADDING:
		return;
	}
	if (!path->skipped)
		log_debug(path->subject, "frame of unknown type %u skipped",
		    plain[0]);
	path->skipped = true;
}

static void
open_frame(struct path *path, uint8_t *body, size_t bytes)
{
	uint64_t now_us = clock_now_us();

	if (noise_open(path->rx, body, bytes, body) == -1) {
		give(path);
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
	struct engine *engine = path->engine;
	uint8_t *body = engine->opened + engine->opened_bytes;
	size_t least = FRAME_SEALED_MIN, most = FRAME_SEALED_MAX;
	enum wire_result result;

	if (path->rx == NULL)
		least = most = NOISE_MESSAGE2_BYTES(FRAME_HELLO2_BYTES);
	result = wire_take(&path->channel, body, least, most, bytes);
	switch (result) {
	case WIRE_OK:
		if (path->rx == NULL)
			path_take_message2(path, body, *bytes);
		else
			open_frame(path, body, *bytes);
		break;
	case WIRE_EMPTY:
		break;
	case WIRE_FULL:
	case WIRE_BROKEN_RING:
	case WIRE_BROKEN_LENGTH:
	case WIRE_BROKEN_SEAL:
		give(path);
		path_break(path, result);
		break;
	}
	return result;
}

/* Up to the budget; true if there may be more. */
static bool
receive_some(struct path *path)
{
	uint64_t until_us = clock_now_us() + RECEIVE_BUDGET_US;
	size_t taken = 0, bytes;

	while (taken < RECEIVE_BUDGET_BYTES && clock_now_us() < until_us) {
		if (receive_one(path, &bytes) != WIRE_OK || is_over(path)) {
			give(path);
			return false;
		}
		taken += FRAME_LENGTH_BYTES + bytes;
	}
	give(path);
	return true;
}

void
path_receive(struct path *path)
{
	uint64_t before = path->rx_datagrams;
	bool more;

	/* TCP's window closes; path_tick() comes back. */
	if (path->state == PATH_UP && tunnel_is_full(path->tunnel))
		return;
	more = receive_some(path);
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
	if (path->state == PATH_UP && path->rx_datagrams - before == 1)
		tunnel_await_answer(path->tunnel);
}

static void
answer_open(struct path *path, const uint8_t *frame, size_t bytes)
{
	if (path->state == PATH_OPENING && path_send(path, frame, bytes))
		path_flush(path, clock_now_us());
}

void
path_accept(struct path *path)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	tunnel_ledger_say(path->tunnel, path);
	answer_open(path, frame, frame_encode_accept(frame));
	if (path->state == PATH_OPENING)
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
	if (is_data(plain)) {
		path->ping_due = true;
		path->data_us = now_us;
	}
	meter_add(&path->tx_meter, wire_bytes, now_us);
	return true;
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
