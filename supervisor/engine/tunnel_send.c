/*
 * Datagrams come from the end here in batches, are packed into frames of the
 * size that suits the chosen path, sealed and queued. When no path has room
 * the socket is not read: the kernel's buffer fills, and the kernel drops.
 */
#include <errno.h>
#include <event2/event.h>
#include <sched.h>
#include <string.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/schedule.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_samples.h"
#include "supervisor/engine/tunnel_view.h"
#include "supervisor/log.h"

/* Batches read at once before other events get their turn. */
#define PUMP_BUDGET 8
#define OVERHEAD_BYTES ((size_t)(FRAME_LENGTH_BYTES + FRAME_TAG_BYTES))

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How long a frame for that path may become. */
static size_t
capacity_of(const struct path *path, const struct schedule_path *description,
    size_t least_plain)
{
	size_t bytes = schedule_frame_bytes(description, least_plain);

	bytes = least(bytes, description->room_bytes - OVERHEAD_BYTES);
	return least(bytes, (size_t)path->peer_frame_max - FRAME_TAG_BYTES);
}

static bool
hand_over(struct tunnel *tunnel, struct path *path,
    const struct history_orphan *frame)
{
	if (!path_send(path, frame->plain, frame->length))
		return false;
	history_assign(&tunnel->history, frame->record, path->slot,
	    path->estimate.sent_frames);
	path->tx_datagrams += frame->datagrams;
	tunnel->copies += frame->datagrams;
	path_ping_if_due(path, clock_now_us());
	return true;
}

/* For redundant: the same frame on more paths, as far as there are any. */
static void
send_copies(struct tunnel *tunnel, const struct history_orphan *frame)
{
	const struct schedule_path *description;
	struct path *path;

	if (tunnel->policy.scheduler != CONFIG_REDUNDANT)
		return;
	for (int copy = 1; copy < tunnel->policy.copies; copy++) {
		path = tunnel_view_pick(tunnel, frame->length, &description);
		if (path == NULL)
			return;
		if ((size_t)path->peer_frame_max >=
		    frame->length + FRAME_TAG_BYTES)
			hand_over(tunnel, path, frame);
	}
}

/* What is too old when its turn comes is not sent. */
static void
drop_old(struct tunnel *tunnel)
{
	uint64_t limit_us = tunnel->policy.max_age_ms * UINT64_C(1000);
	uint64_t now_us = clock_unix_us(), arrived_us;

	while ((arrived_us = udp_batch_arrived_us(&tunnel->batch)) != 0 &&
	    arrived_us + limit_us < now_us) {
		udp_batch_take(&tunnel->batch);
		tunnel->too_old++;
	}
}

static enum udp_result
take_in(struct tunnel *tunnel)
{
	enum udp_result result = end_receive(tunnel->end, &tunnel->batch);

	/* To ask again would only tell that it was all. */
	if (result == UDP_NONE || (result == UDP_OK && !tunnel->batch.more))
		tunnel->emptied_us = clock_now_us();
	return result;
}

/* False: there is no more, or it is for the next turn. */
static bool
receive_batch(struct tunnel *tunnel)
{
	if (!tunnel->batch.more || tunnel->receives_left == 0)
		return false;
	tunnel->receives_left--;
	switch (take_in(tunnel)) {
	case UDP_OK:
		return true;
	case UDP_NONE:
		return false;
	case UDP_FAILED:
		log_error(tunnel->name, "receive: %s", strerror(errno));
		event_del(tunnel->readable);
		return false;
	}
	return false;
}

/* What waits in the kernel goes into the same frame. */
static const uint8_t *
next_datagram(struct tunnel *tunnel, size_t *bytes)
{
	if (udp_batch_empty(&tunnel->batch) && receive_batch(tunnel) &&
	    tunnel->policy.max_age_ms > 0)
		drop_old(tunnel);
	return udp_batch_peek(&tunnel->batch, bytes);
}

/* Into the arena, where it stays until it is acknowledged. */
static void
pack(struct tunnel *tunnel, size_t capacity, struct history_orphan *frame)
{
	uint8_t *plain = history_reserve(&tunnel->history, capacity);
	struct frame_writer writer;
	const uint8_t *datagram;
	size_t bytes;

	frame_writer_init(&writer, plain, capacity, tunnel->next_sequence);
	if (tunnel->end->tagged)
		frame_writer_tag(&writer);
	while ((datagram = next_datagram(tunnel, &bytes)) != NULL) {
		writer.client = udp_batch_client(&tunnel->batch);
		if (!frame_writer_add(&writer, datagram, bytes))
			break;
		udp_batch_take(&tunnel->batch);
	}
	frame->plain = plain;
	frame->datagrams = writer.count;
	frame->length = frame_writer_finish(&writer);
}

/* Pack and send one frame of the batch. False: no path has room. */
static bool
send_new(struct tunnel *tunnel)
{
	const struct schedule_path *description;
	struct history_orphan frame;
	size_t datagram_bytes, plain_bytes;
	struct path *path;

	udp_batch_peek(&tunnel->batch, &datagram_bytes);
	plain_bytes = FRAME_DATA_HEADER_BYTES + FRAME_RUN_HEADER_BYTES +
	    (tunnel->end->tagged ? FRAME_CLIENT_BYTES : 0) + datagram_bytes;
	path = tunnel_view_pick(tunnel, plain_bytes, &description);
	if (path == NULL)
		return false;
	pack(tunnel, capacity_of(path, description, plain_bytes), &frame);
	if (frame.datagrams == 0) {
		/* Longer than what the peer said that it takes. */
		udp_batch_take(&tunnel->batch);
		tunnel->too_large++;
		tunnel_view_settle(tunnel);
		return true;
	}
	tunnel->next_sequence += frame.datagrams;
	tunnel->sent += frame.datagrams;
	frame.record = history_commit(&tunnel->history, frame.length,
	    frame.datagrams);
	/* If the path breaks just now, the frame is an orphan. */
	if (hand_over(tunnel, path, &frame))
		send_copies(tunnel, &frame);
	tunnel_view_settle(tunnel);
	return true;
}

/* So that the far end does not hold what comes next for them. */
static bool
tell_lost(struct tunnel *tunnel, const struct history_orphan *frame)
{
	struct frame_lost lost = { .count = (uint32_t)frame->datagrams };
	struct frame_reader reader;
	uint8_t words[FRAME_CONTROL_MAX];
	struct path *path;

	if (frame_reader_init(&reader, frame->plain, frame->length) == -1)
		return true;
	lost.sequence = reader.sequence;
	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->state == PATH_UP &&
		    path_send(path, words, frame_encode_lost(&lost, words))) {
			path_flush(path, clock_now_us());
			return true;
		}
	return false;
}

/* False: it is kept until a path can say so. */
static bool
give_up(struct tunnel *tunnel, const struct history_orphan *frame)
{
	if (tunnel->policy.reorder_ms > 0 && !tell_lost(tunnel, frame))
		return false;
	history_drop(&tunnel->history, frame->record);
	return true;
}

/* One that a path had and did not deliver. False: no path has room. */
static bool
send_again(struct tunnel *tunnel, const struct history_orphan *frame)
{
	const struct schedule_path *description;
	struct path *path;
	bool fits, sent;

	path = tunnel_view_pick(tunnel, frame->length, &description);
	if (path == NULL)
		return false;
	fits = (size_t)path->peer_frame_max >= frame->length + FRAME_TAG_BYTES;
	sent = fits && hand_over(tunnel, path, frame);
	tunnel_view_settle(tunnel);
	if (sent)
		tunnel->resent += frame->datagrams;
	return fits ? sent : give_up(tunnel, frame);
}

static bool
send_orphans(struct tunnel *tunnel)
{
	struct history_orphan frame;

	while (history_next_orphan(&tunnel->history, &frame))
		if (tunnel->policy.resend ? !send_again(tunnel, &frame) :
					    !give_up(tunnel, &frame))
			return false;
	return true;
}

static void
block(struct tunnel *tunnel)
{
	tunnel->blocked = true;
	tunnel_samples_blocked(tunnel, clock_now_us());
	udp_count_drops(&tunnel->end->udp);
	tunnel->end->udp.starved = true;
	event_del(tunnel->readable);
	tunnel_view_want_room(tunnel);
}

static void
unblock(struct tunnel *tunnel)
{
	tunnel->blocked = false;
	tunnel_samples_unblocked(tunnel, clock_now_us());
	udp_count_drops(&tunnel->end->udp);
	tunnel->end->udp.starved = false;
	event_add(tunnel->readable, NULL);
}

/* Send what waits. False: no path has room for the rest. */
static bool
send_waiting(struct tunnel *tunnel, uint64_t now_us)
{
	if (tunnel->history.orphans == 0 && udp_batch_empty(&tunnel->batch))
		return true;
	tunnel_view_look(tunnel, now_us);
	if (!send_orphans(tunnel))
		return false;
	while (!udp_batch_empty(&tunnel->batch)) {
		if (tunnel->policy.max_age_ms > 0)
			drop_old(tunnel);
		if (!udp_batch_empty(&tunnel->batch) && !send_new(tunnel))
			return false;
	}
	return true;
}

/* Send what waits and all that comes, as far as the budget goes. */
static void
move(struct tunnel *tunnel, uint64_t now_us)
{
	do {
		if (!send_waiting(tunnel, now_us)) {
			block(tunnel);
			/* The look again that closes the race. */
			if (!send_waiting(tunnel, now_us))
				break;
			unblock(tunnel);
		}
	} while (receive_batch(tunnel));
	tunnel_view_flush(tunnel, clock_now_us());
}

static void
begin_turn(struct tunnel *tunnel)
{
	tunnel->receives_left = PUMP_BUDGET;
	tunnel->batch.more = true;
}

void
tunnel_pump(struct tunnel *tunnel)
{
	if (tunnel->blocked)
		unblock(tunnel);
	begin_turn(tunnel);
	move(tunnel, clock_now_us());
}

/* Where nobody else has a processor the application gets ours. */
void
tunnel_await_answer(struct tunnel *tunnel)
{
	uint64_t until_us;

	if (tunnel->blocked || !answer_is_likely(&tunnel->answer))
		return;
	until_us = clock_now_us() + ANSWER_WAIT_US;
	begin_turn(tunnel);
	while (take_in(tunnel) == UDP_NONE && tunnel->emptied_us < until_us)
		sched_yield();
	answer_note(&tunnel->answer, !udp_batch_empty(&tunnel->batch));
	move(tunnel, clock_now_us());
}

void
tunnel_path_room(struct tunnel *tunnel)
{
	if (tunnel->blocked)
		tunnel_pump(tunnel);
}

void
tunnel_path_acknowledged(struct tunnel *tunnel, struct path *path,
    uint64_t frames)
{
	history_acknowledge(&tunnel->history, path->slot, frames);
}

bool
tunnel_path_is_empty(const struct tunnel *tunnel, const struct path *path)
{
	return TAILQ_EMPTY(&tunnel->history.slots[path->slot]);
}

void
tunnel_path_stalled(struct tunnel *tunnel, struct path *path)
{
	size_t before = tunnel->history.orphans;

	/* What is not to be sent again may still arrive. */
	if (!tunnel->policy.resend)
		return;
	history_take_back(&tunnel->history, path->slot);
	if (tunnel->history.orphans > before)
		tunnel_pump(tunnel);
}
