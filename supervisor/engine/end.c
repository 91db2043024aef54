#include "supervisor/engine/end.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end_unix.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/sources.h"
#include "supervisor/engine/udp_send.h"

static int
open_udp(struct end *end)
{
	socklen_t length = sizeof(end->local);

	if (udp_init(&end->udp, end->fd) == -1 ||
	    getsockname(end->fd, (struct sockaddr *)&end->local, &length) == -1)
		return -1;
	if (end->kind == ADDRESS_LEARN) {
		end->udp.sources = sources_new(1, 0);
		return end->udp.sources == NULL ? -1 : 0;
	}
	length = sizeof(end->remote);
	return getpeername(end->fd, (struct sockaddr *)&end->remote, &length);
}

static int
open_kind(struct end *end)
{
	switch (end->kind) {
	case ADDRESS_UDP:
	case ADDRESS_LEARN:
		return open_udp(end);
	case ADDRESS_UNIX:
		return end_unix_open(end);
	case ADDRESS_SEQPACKET:
		return end_seqpacket_open(end);
	}
	errno = EINVAL;
	return -1;
}

struct end *
end_new(const struct address_pair *asked, int fd)
{
	struct end *end = calloc(1, sizeof(*end));
	int saved;

	if (end == NULL) {
		close(fd);
		return NULL;
	}
	end->kind = asked->kind;
	end->asked = *asked;
	end->fd = fd;
	end->udp.fd = -1;
	if (open_kind(end) == 0)
		return end;
	saved = errno;
	end_free(end);
	errno = saved;
	return NULL;
}

struct end *
end_new_here(const struct address_tuple *local, int fd)
{
	struct address_pair pair = { .kind = local->kind };

	/* Of the others the socket itself says more. */
	if (address_is_named(local->kind))
		address_name_pair(local->kind, local->path, local->rpath,
		    &pair);
	return end_new(&pair, fd);
}

void
end_free(struct end *end)
{
	if (end == NULL)
		return;
	end_seqpacket_close(end);
	if (end->fd != -1)
		close(end->fd);
	hold_free(&end->hold);
	sources_free(end->udp.sources);
	free(end);
}

void
end_take(struct end *end)
{
	struct udp *udp = &end->udp;

	udp->received = udp->kernel_drops = udp->no_room = 0;
	udp->strangers = udp->nobody = udp->oversize = 0;
	udp->sent = udp->refused = udp->unreachable = 0;
	end->inherited = end->hold.count;
	end->taken = true;
}

void
end_release(struct end *end)
{
	if (end != NULL && end->kept)
		end->taken = false;
	else
		end_free(end);
}

static bool
is_udp(const struct end *end)
{
	return end->kind == ADDRESS_UDP || end->kind == ADDRESS_LEARN;
}

int
end_stamp(struct end *end)
{
	return is_udp(end) ? udp_stamp(&end->udp) : 0;
}

void
end_limit_queue(struct end *end, uint64_t bytes)
{
	if (is_udp(end))
		udp_limit_queue(&end->udp, bytes);
}

void
end_permit(struct end *end, const struct address_permit *permits, size_t count)
{
	if (end->kind == ADDRESS_LEARN)
		sources_permit(end->udp.sources, permits, count);
}

enum udp_result
end_receive(struct end *end, struct udp_batch *batch)
{
	if (end->kind == ADDRESS_SEQPACKET)
		return end_seqpacket_receive(end, batch);
	return udp_receive(&end->udp, batch);
}

static size_t
count_datagrams(const struct frame_run *runs, size_t count)
{
	size_t datagrams = 0;

	for (size_t i = 0; i < count; i++)
		datagrams += runs[i].count;
	return datagrams;
}

/* To the one who sent last. */
static size_t
send_learned(struct end *end, const struct frame_run *runs, size_t count)
{
	end->udp.to = sources_find(end->udp.sources, 0, clock_now_us(),
	    &end->udp.to_length);
	if (end->udp.to != NULL)
		return udp_send(&end->udp, runs, count);
	end->udp.nobody += count_datagrams(runs, count);
	return 0;
}

static void
hold_run(struct end *end, const struct frame_run *run)
{
	size_t left = run->length, bytes;

	for (size_t i = 0; i < run->count; i++) {
		bytes = left < run->segment ? left : run->segment;
		/* To a connection it would be the end. */
		if ((bytes == 0 && end->kind == ADDRESS_SEQPACKET) ||
		    !hold_add(&end->hold, run->bytes + run->length - left,
			bytes))
			end->udp.refused++;
		left -= bytes;
	}
}

size_t
end_send(struct end *end, const struct frame_run *runs, size_t count)
{
	switch (end->kind) {
	case ADDRESS_UDP:
		break;
	case ADDRESS_LEARN:
		return send_learned(end, runs, count);
	case ADDRESS_UNIX:
	case ADDRESS_SEQPACKET:
		for (size_t i = 0; i < count; i++)
			hold_run(end, &runs[i]);
		return end_drain(end);
	}
	return udp_send(&end->udp, runs, count);
}

size_t
end_drain(struct end *end)
{
	size_t given, inherited;

	if (hold_bytes(&end->hold) == 0)
		return 0;
	given = end->kind == ADDRESS_UNIX ? end_unix_drain(end) :
					    end_seqpacket_drain(end);
	inherited = given < end->inherited ? given : end->inherited;
	end->inherited -= inherited;
	return given - inherited;
}

size_t
end_held(const struct end *end)
{
	return end->hold.count > end->inherited ?
	    end->hold.count - end->inherited :
	    0;
}

int
end_drain_fd(const struct end *end)
{
	return end->tied ? end->fd : -1;
}

size_t
end_held_bytes(const struct end *end)
{
	return hold_bytes(&end->hold);
}

void
end_count(struct end *end)
{
	const struct sockaddr_storage *last;
	socklen_t length;

	if (is_udp(end))
		udp_count_drops(&end->udp);
	if (end->udp.sources == NULL)
		return;
	last = sources_find(end->udp.sources, 0, clock_now_us(), &length);
	if (last != NULL)
		end->remote = *last;
}
