#include "supervisor/engine/end.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end_fan.h"
#include "supervisor/engine/end_tun.h"
#include "supervisor/engine/end_unix.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/sources.h"
#include "supervisor/engine/udp_send.h"

static int
open_udp(struct end *end)
{
	socklen_t length = sizeof(end->local);

	udp_init(&end->udp, end->fd);
	if (getsockname(end->fd, (struct sockaddr *)&end->local, &length) == -1)
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
	case ADDRESS_TUN:
		end->local = end->asked.local;
		return 0;
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
	end->room = -1;
	if (open_kind(end) == 0)
		return end;
	saved = errno;
	end_free(end);
	errno = saved;
	return NULL;
}

struct end *
end_new_here(const struct config_tunnel *config, int fd)
{
	const struct address_tuple *local = &config->local;
	struct address_pair pair = { .kind = local->kind };
	struct end *end;

	/* Of the others the socket itself says more. */
	if (address_is_named(local->kind))
		address_name_pair(local->kind, local->path, local->rpath,
		    &pair);
	end = end_new(&pair, fd);
	if (end == NULL || config->clients == 0 ||
	    end_set_clients(end, config->clients,
		config->clients_idle_s * UINT64_C(1000000)) == 0)
		return end;
	end_free(end);
	return NULL;
}

/* The socket of all, or one like those of the clients; -1 with errno. */
static int
take_socket(struct end *end)
{
	int fd = end->fd;

	if (end->fan != NULL)
		return udp_bind(end_fan_pair(end));
	end->fd = -1;
	return fd;
}

struct end *
end_renew(struct end *end, const struct config_tunnel *config)
{
	int fd, saved;

	if (!end_is_udp(end))
		return end;
	fd = take_socket(end);
	saved = errno;
	end_free(end);
	errno = saved;
	if (fd == -1)
		return NULL;
	end = end_new_here(config, fd);
	/* What the kernel dropped so far was not the next tunnel's. */
	if (end != NULL)
		end_count(end);
	return end;
}

void
end_free(struct end *end)
{
	if (end == NULL)
		return;
	end_seqpacket_close(end);
	end_fan_close(end);
	if (end->fd != -1)
		close(end->fd);
	if (end->room != -1)
		close(end->room);
	hold_free(&end->hold);
	sources_free(end->udp.sources);
	free(end);
}

void
end_take(struct end *end)
{
	struct udp *udp = &end->udp;

	udp->received = udp->kernel_drops = udp->no_room = 0;
	udp->strangers = udp->crowded = udp->nobody = udp->oversize = 0;
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

bool
end_is_udp(const struct end *end)
{
	return end->kind == ADDRESS_UDP || end->kind == ADDRESS_LEARN;
}

int
end_stamp(struct end *end)
{
	if (end->fan != NULL) {
		end_fan_stamp(end);
		return 0;
	}
	switch (end->kind) {
	case ADDRESS_UDP:
	case ADDRESS_LEARN:
	case ADDRESS_UNIX:
		return udp_stamp(&end->udp);
	case ADDRESS_SEQPACKET:
		return 0;
	case ADDRESS_TUN:
		end->stamped = true;
		return 0;
	}
	return 0;
}

void
end_limit_queue(struct end *end, uint64_t bytes)
{
	if (end_is_udp(end) && end->fan == NULL)
		udp_limit_queue(&end->udp, bytes);
}

int
end_set_clients(struct end *end, size_t limit, uint64_t idle_us)
{
	struct sources *sources;

	end->tagged = true;
	if (end->kind != ADDRESS_LEARN)
		return end_fan_open(end, limit, idle_us);
	sources = sources_new(limit, idle_us);
	if (sources == NULL)
		return -1;
	sources_free(end->udp.sources);
	end->udp.sources = sources;
	return 0;
}

size_t
end_clients(const struct end *end)
{
	if (end->fan != NULL)
		return end_fan_clients(end);
	return end->tagged ? sources_known(end->udp.sources) : 0;
}

size_t
end_clients_max(const struct end *end)
{
	if (end->fan != NULL)
		return end_fan_limit(end);
	return end->tagged ? sources_limit(end->udp.sources) : 0;
}

void
end_tick(struct end *end, uint64_t now_us)
{
	if (end->fan != NULL)
		end_fan_tick(end, now_us);
	else if (end->links != NULL)
		end_seqpacket_tick(end);
	else if (end->tagged)
		sources_expire(end->udp.sources, now_us);
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
	if (end->fan != NULL)
		return end_fan_receive(end, batch);
	if (end->kind == ADDRESS_SEQPACKET)
		return end_seqpacket_receive(end, batch);
	if (end->kind == ADDRESS_TUN)
		return end_tun_receive(end, batch);
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

/* To one who has sent. */
static size_t
send_learned(struct end *end, const struct frame_run *runs, size_t count)
{
	end->udp.to = sources_find(end->udp.sources, runs->client,
	    clock_now_us(), &end->udp.to_length);
	if (end->udp.to != NULL)
		return udp_send(&end->udp, runs, count);
	end->udp.nobody += count_datagrams(runs, count);
	return 0;
}

/* What is one client's, and next to each other, at once. */
static size_t
send_apart(struct end *end, const struct frame_run *runs, size_t count,
    size_t (*give)(struct end *end, const struct frame_run *runs, size_t count))
{
	size_t given = 0, i = 0, next;

	while (i < count) {
		next = i + 1;
		while (next < count && runs[next].client == runs[i].client)
			next++;
		given += give(end, &runs[i], next - i);
		i = next;
	}
	return given;
}

static void
hold_run(struct end *end, const struct frame_run *run)
{
	size_t left = run->length, bytes;

	for (size_t i = 0; i < run->count; i++) {
		bytes = left < run->segment ? left : run->segment;
		/* From a connection it would be taken for the end. */
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
		if (end->fan != NULL)
			return send_apart(end, runs, count, end_fan_send);
		break;
	case ADDRESS_LEARN:
		return send_apart(end, runs, count, send_learned);
	case ADDRESS_UNIX:
	case ADDRESS_SEQPACKET:
		for (size_t i = 0; i < count; i++)
			hold_run(end, &runs[i]);
		return end_drain(end);
	case ADDRESS_TUN:
		return end_tun_send(end, runs, count);
	}
	return udp_send(&end->udp, runs, count);
}

size_t
end_drain(struct end *end)
{
	size_t given, inherited;

	if (hold_bytes(&end->hold) == 0)
		return 0;
	end->stuck = false;
	given = end->kind == ADDRESS_UNIX ? end_unix_drain(end) :
					    end_seqpacket_drain(end);
	if (end->stuck)
		end_forget_room(end);
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
end_room_fd(const struct end *end)
{
	return end->room;
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

	if (end->fan != NULL)
		end_fan_count(end);
	else if (end_is_udp(end))
		udp_count_drops(&end->udp);
	if (end->udp.sources == NULL || end->tagged)
		return;
	last = sources_find(end->udp.sources, 0, clock_now_us(), &length);
	if (last != NULL)
		end->remote = *last;
}
