#include "supervisor/engine/advance.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <bsd/sys/queue.h>
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/descriptors.h"
#include "supervisor/engine/channel.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_view.h"

/* Of a channel: W, the socket and two bells. */
#define DESCRIPTORS 4
#define AT_ONCE (DESCRIPTORS_AT_ONCE / DESCRIPTORS)
/* What libcrypto, libevent and others have of the heap for each, about. */
#define PATH_EXTRA_BYTES 6144
#define TUNNEL_EXTRA_BYTES 8192
#define PIECE_BYTES ((size_t)32768) /* as no mapping of its own */
#define TRIM_BYTES (1 << 30)
#define TRIM_DEFAULT (128 * 1024)

/* Messages of these; the last one has a heap_bytes. */
struct part {
	uint64_t heap_bytes;
	uint32_t count;
	uint32_t slots[AT_ONCE];
};

struct given {
	struct region worker; /* control NULL: none */
	int socket;
	int bell_in;
	int bell_out;
};

struct advance {
	struct given given[SPAWN_SLOTS];
};

static void
add(struct part *part, int *descriptors, struct channel *channel)
{
	int *place = descriptors + part->count * DESCRIPTORS;

	place[0] = channel->worker.fd;
	place[1] = channel->socket;
	place[2] = channel->bell_in;
	place[3] = channel->bell_out;
	part->slots[part->count++] = (uint32_t)channel->slot;
	channel->advanced = true;
}

static int
send_part(struct part *part, const int *descriptors, int socket)
{
	if (descriptors_send(socket, part, sizeof(*part), descriptors,
		part->count * DESCRIPTORS) == -1)
		return -1;
	part->count = 0;
	return 0;
}

int
advance_send(struct engine *engine, int socket)
{
	struct part part = { .count = 0 };
	int descriptors[AT_ONCE * DESCRIPTORS];
	uint64_t heap_bytes = 1;
	struct tunnel *tunnel;
	struct path *path;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry) {
		heap_bytes += sizeof(*tunnel) + sizeof(*tunnel->view) +
		    TUNNEL_EXTRA_BYTES;
		TAILQ_FOREACH(path, &tunnel->paths, entry) {
			heap_bytes += sizeof(*path) + PATH_EXTRA_BYTES;
			if (path->state != PATH_UP || path->channel.slot == -1)
				continue;
			add(&part, descriptors, &path->channel);
			if (part.count == AT_ONCE &&
			    send_part(&part, descriptors, socket) == -1)
				return -1;
		}
	}
	part.heap_bytes = heap_bytes;
	return send_part(&part, descriptors, socket);
}

void
advance_forget(struct engine *engine)
{
	struct tunnel *tunnel;
	struct path *path;

	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		TAILQ_FOREACH(path, &tunnel->paths, entry)
			path->channel.advanced = false;
}

static int
fail(void)
{
	errno = EPROTO;
	return -1;
}

/* Of a path's memory only the control words are sure to be touched. */
static void
touch(const struct region *region)
{
#ifdef MADV_POPULATE_WRITE
	(void)madvise(region->control, region_control_bytes(),
	    MADV_POPULATE_WRITE);
#else
	(void)region;
#endif
}

/* Descriptors are taken over, and -1 where they were. */
static int
take_part(struct advance *advance, const struct part *part, int *descriptors)
{
	struct given *given;
	int *at = descriptors, fd;

	for (uint32_t i = 0; i < part->count; i++, at += DESCRIPTORS) {
		if (part->slots[i] >= SPAWN_SLOTS)
			return fail();
		given = &advance->given[part->slots[i]];
		if (given->worker.control != NULL)
			return fail();
		fd = at[0];
		at[0] = -1;
		if (region_inherit(&given->worker, fd, CHANNEL_RING_BYTES) ==
		    -1)
			return -1;
		touch(&given->worker);
		given->socket = at[1];
		given->bell_in = at[2];
		given->bell_out = at[3];
		at[1] = at[2] = at[3] = -1;
	}
	return 0;
}

static int
receive_part(struct advance *advance, struct part *part, int socket)
{
	int descriptors[AT_ONCE * DESCRIPTORS], result;
	size_t count;
	ssize_t got;

	got = descriptors_receive(socket, part, sizeof(*part), 0, descriptors,
	    sizeof(descriptors) / sizeof(descriptors[0]), &count);
	if (got == (ssize_t)sizeof(*part) && part->count <= AT_ONCE &&
	    count == part->count * DESCRIPTORS)
		result = take_part(advance, part, descriptors);
	else
		result = got == -1 ? -1 : fail();
	for (size_t i = 0; result == -1 && i < count; i++)
		if (descriptors[i] != -1)
			close(descriptors[i]);
	return result;
}

/*
 * Freed again, but the heap's until advance_free(): the kernel is not asked for
 * it any more.
 */
static void
warm_heap(uint64_t bytes)
{
	size_t count = (size_t)(bytes / PIECE_BYTES) + 1;
	void **pieces = calloc(count, sizeof(*pieces));

	if (pieces == NULL)
		return;
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	for (size_t i = 0; i < count; i++) {
		pieces[i] = malloc(PIECE_BYTES);
		if (pieces[i] != NULL)
			explicit_bzero(pieces[i], PIECE_BYTES);
	}
	for (size_t i = 0; i < count; i++)
		free(pieces[i]);
	free(pieces);
}

int
advance_receive(struct advance **advance, int socket)
{
	struct part part = { .heap_bytes = 0 };

	*advance = calloc(1, sizeof(**advance));
	if (*advance == NULL)
		return -1;
	while (part.heap_bytes == 0)
		if (receive_part(*advance, &part, socket) == -1)
			return -1;
	warm_heap(part.heap_bytes < TRIM_BYTES ? part.heap_bytes : 0);
	return send(socket, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

void
advance_free(struct advance *advance)
{
	struct given *given;

	if (advance == NULL)
		return;
	mallopt(M_TRIM_THRESHOLD, TRIM_DEFAULT);
	for (size_t i = 0; i < SPAWN_SLOTS; i++) {
		given = &advance->given[i];
		if (given->worker.control == NULL)
			continue;
		region_destroy(&given->worker);
		close(given->socket);
		close(given->bell_in);
		close(given->bell_out);
	}
	free(advance);
}

bool
advance_take(struct advance *advance, struct channel *channel)
{
	struct given *given;

	if (!channel->advanced)
		return true;
	channel->advanced = false;
	if (channel->slot < 0 || channel->slot >= SPAWN_SLOTS)
		return false;
	given = &advance->given[channel->slot];
	if (given->worker.control == NULL)
		return false;
	channel->worker = given->worker;
	channel->socket = given->socket;
	channel->bell_in = given->bell_in;
	channel->bell_out = given->bell_out;
	given->worker.control = NULL;
	return true;
}
