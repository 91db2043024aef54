/*
 * Datagrams come from the UDP socket in batches, are packed into frames of the
 * size that suits the chosen path, sealed and queued. When no path has room
 * the socket is not read: the kernel's buffer fills, and the kernel drops.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/schedule.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

/* Batches read at once before other events get their turn. */
#define PUMP_BUDGET 4

static void
describe_paths(struct tunnel *tunnel, struct schedule_path *descriptions,
    uint64_t now_us)
{
	struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry)
		path_describe(path, descriptions++, now_us);
}

static struct path *
path_at(struct tunnel *tunnel, int index)
{
	struct path *path = TAILQ_FIRST(&tunnel->paths);

	while (index-- > 0)
		path = TAILQ_NEXT(path, entry);
	return path;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Choose a path for the batch's next datagram. NULL: none has room. */
static struct path *
choose(struct tunnel *tunnel, size_t datagram_bytes, size_t *capacity,
    uint64_t now_us)
{
	struct schedule_path descriptions[TUNNEL_PATHS_MAX];
	size_t least_plain = FRAME_DATA_HEADER_BYTES + FRAME_RUN_HEADER_BYTES +
	    datagram_bytes;
	size_t overhead = FRAME_LENGTH_BYTES + FRAME_TAG_BYTES;
	struct path *path;
	int index;

	describe_paths(tunnel, descriptions, now_us);
	index = schedule_pick(tunnel->scheduler, descriptions,
	    tunnel->paths_count, least_plain + overhead, tunnel->max_queue_ms);
	if (index == -1)
		return NULL;
	path = path_at(tunnel, index);
	*capacity = schedule_frame_bytes(&descriptions[index], least_plain);
	*capacity = least(*capacity, descriptions[index].room_bytes - overhead);
	*capacity = least(*capacity,
	    (size_t)path->peer_frame_max - FRAME_TAG_BYTES);
	return path;
}

static size_t
pack(struct tunnel *tunnel, size_t capacity, size_t *datagrams)
{
	struct frame_writer writer;
	const uint8_t *datagram;
	size_t bytes;

	frame_writer_init(&writer, tunnel->engine->packing, capacity,
	    tunnel->next_sequence);
	while ((datagram = udp_batch_peek(&tunnel->batch, &bytes)) != NULL &&
	    frame_writer_add(&writer, datagram, bytes))
		udp_batch_take(&tunnel->batch);
	*datagrams = writer.count;
	return frame_writer_finish(&writer);
}

/* Pack and send one frame of the batch. False: no path has room. */
static bool
send_frame(struct tunnel *tunnel, uint64_t now_us)
{
	size_t datagram_bytes, capacity, plain_bytes, datagrams;
	struct path *path;

	udp_batch_peek(&tunnel->batch, &datagram_bytes);
	path = choose(tunnel, datagram_bytes, &capacity, now_us);
	if (path == NULL)
		return false;
	plain_bytes = pack(tunnel, capacity, &datagrams);
	if (datagrams == 0) {
		/* Longer than what the peer said that it takes. */
		udp_batch_take(&tunnel->batch);
		tunnel->too_large++;
		return true;
	}
	tunnel->next_sequence += datagrams;
	if (!path_send(path, tunnel->engine->packing, plain_bytes)) {
		/* It was found broken just now. */
		tunnel->lost += datagrams;
		return true;
	}
	path->tx_datagrams += datagrams;
	tunnel->sent += datagrams;
	return true;
}

static void
block(struct tunnel *tunnel)
{
	struct path *path;

	tunnel->blocked = true;
	event_del(tunnel->readable);
	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->state == PATH_UP)
			channel_want_room(&path->channel);
}

static void
unblock(struct tunnel *tunnel)
{
	tunnel->blocked = false;
	event_add(tunnel->readable, NULL);
}

/* Send what the batch holds. False: no path has room for the rest. */
static bool
send_batch(struct tunnel *tunnel, uint64_t now_us)
{
	while (!udp_batch_empty(&tunnel->batch))
		if (!send_frame(tunnel, now_us))
			return false;
	return true;
}

static bool
receive_batch(struct tunnel *tunnel)
{
	switch (udp_receive(&tunnel->udp, &tunnel->batch)) {
	case UDP_OK:
		return true;
	case UDP_NONE:
		return false;
	case UDP_FAILED:
		log_error(tunnel->name, "udp: receive: %s", strerror(errno));
		return false;
	}
	return false;
}

static void
flush(struct tunnel *tunnel, uint64_t now_us)
{
	struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->state == PATH_UP)
			path_flush(path, now_us);
}

void
tunnel_pump(struct tunnel *tunnel)
{
	uint64_t now_us = clock_now_us();

	for (int turn = 0; turn < PUMP_BUDGET; turn++) {
		if (!send_batch(tunnel, now_us)) {
			block(tunnel);
			/* The look again that closes the race. */
			if (!send_batch(tunnel, now_us))
				break;
			unblock(tunnel);
		}
		if (!receive_batch(tunnel))
			break;
	}
	flush(tunnel, now_us);
}

void
tunnel_path_room(struct tunnel *tunnel)
{
	if (!tunnel->blocked)
		return;
	unblock(tunnel);
	tunnel_pump(tunnel);
}
