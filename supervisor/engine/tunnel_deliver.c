/*
 * What arrives on the paths leaves through the tunnel's end here: each
 * datagram once, and in order as far as the tunnel waits for that.
 */
#include <event2/event.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

/* Further from the first number, what comes first here was not sent first. */
#define OVERTAKEN_MOST 16384

static void
deliver(void *argument, const struct frame_run *runs, size_t count)
{
	struct tunnel *tunnel = argument;

	tunnel->delivered += end_send(tunnel->end, runs, count);
	if (end_held_bytes(tunnel->end) > 0)
		tunnel_tend_hold(tunnel, clock_now_us());
	if (!tunnel->end->udp.gso_lost)
		return;
	tunnel->end->udp.gso_lost = false;
	log_notice(tunnel->name,
	    "udp: segmentation offload fails here, off for this socket");
}

static void
await_next(struct tunnel *tunnel)
{
	uint64_t due_us = reorder_deadline_us(&tunnel->reorder);
	uint64_t now_us = clock_now_us(), wait_us;
	struct timeval wait;

	if (due_us == UINT64_MAX)
		return;
	wait_us = due_us > now_us ? due_us - now_us : 0;
	wait.tv_sec = (time_t)(wait_us / 1000000);
	wait.tv_usec = (suseconds_t)(wait_us % 1000000);
	event_add(tunnel->reorder_due, &wait);
}

static void
handle_due(evutil_socket_t fd, short what, void *argument)
{
	struct tunnel *tunnel = argument;

	(void)fd;
	(void)what;
	reorder_expire(&tunnel->reorder, clock_now_us());
	await_next(tunnel);
}

int
tunnel_open_delivery(struct tunnel *tunnel)
{
	struct reorder_sink sink = { deliver, tunnel };

	tunnel->reorder_due = event_new(tunnel->engine->base, -1, 0, handle_due,
	    tunnel);
	if (tunnel->reorder_due == NULL || tunnel_open_hold(tunnel) == -1 ||
	    arrival_init(&tunnel->arrival) == -1)
		return -1;
	return reorder_init(&tunnel->reorder, tunnel->policy.reorder_ms,
	    REORDER_BYTES_DEFAULT, &sink);
}

int
tunnel_change_reorder(struct tunnel *tunnel)
{
	struct reorder_sink sink = { deliver, tunnel };
	struct reorder *old = &tunnel->reorder, next;

	if (reorder_init(&next, tunnel->policy.reorder_ms,
		REORDER_BYTES_DEFAULT, &sink) == -1) {
		reorder_free(&next);
		return -1;
	}
	reorder_skip(old, UINT64_MAX);
	reorder_skip(&next, tunnel->arrival.next);
	next.held = old->held;
	next.skipped = old->skipped;
	next.late = old->late;
	next.crowded = old->crowded;
	reorder_free(old);
	*old = next;
	return 0;
}

void
tunnel_close_delivery(struct tunnel *tunnel)
{
	if (tunnel->reorder_due != NULL)
		event_free(tunnel->reorder_due);
	tunnel_close_hold(tunnel);
	arrival_free(&tunnel->arrival);
	reorder_free(&tunnel->reorder);
}

/* The number to begin with: what was sent first may have been overtaken. */
static uint64_t
beginning(uint64_t sequence)
{
	uint64_t behind = sequence % TUNNEL_SEQUENCE_STEP;

	return behind <= OVERTAKEN_MOST ? sequence - behind : sequence;
}

int
tunnel_deliver(struct tunnel *tunnel, struct path *path, const uint8_t *frame,
    size_t bytes)
{
	uint64_t now_us = clock_now_us();
	struct frame_reader reader;
	struct frame_run run, fresh;
	enum frame_read last;

	if (frame_reader_init(&reader, frame, bytes) == -1 ||
	    reader.tagged != tunnel->end->tagged)
		return -1;
	while ((last = frame_reader_next(&reader, &run)) == FRAME_RUN) {
		path->rx_datagrams += run.count;
		tunnel->arrived += run.count;
		if (arrival_begins(&tunnel->arrival, run.sequence))
			reorder_skip(&tunnel->reorder, beginning(run.sequence));
		while (arrival_accept(&tunnel->arrival, &run, &fresh))
			reorder_add(&tunnel->reorder, &fresh, now_us);
	}
	return last == FRAME_END ? 0 : -1;
}

void
tunnel_give(struct tunnel *tunnel)
{
	reorder_flush(&tunnel->reorder);
	await_next(tunnel);
}

void
tunnel_lost(struct tunnel *tunnel, const struct frame_lost *lost)
{
	reorder_lose(&tunnel->reorder, lost->sequence, lost->count,
	    clock_now_us());
	await_next(tunnel);
}
