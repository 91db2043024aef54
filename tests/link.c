#include "tests/link.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pace.h"

/* fd[0] is the connector's, fd[1] ours to the target; -1: none. */
struct link {
	const struct link_settings *settings;
	uint64_t number;
	int fd[2];
	bool connecting;
	bool ended[2];	      /* no more input from that side */
	bool shut[2];	      /* said so to the other side */
	uint64_t ready_ns[2]; /* when the rate lets the stream go on */
	uint64_t held_ns[2];  /* since when it is held, 0: it is not */
	struct fault_stream *stream[2];
	struct link *partner;
};

/* The one that has no partner yet. */
static struct link *single;

struct addrinfo *
link_resolve(const char *host, const char *port, int flags)
{
	struct addrinfo hints, *list;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = flags;
	error = getaddrinfo(host, port, &hints, &list);
	if (error != 0)
		errx(1, "%s port %s: %s", host, port, gai_strerror(error));
	return list;
}

static int
connect_target(const struct link_settings *settings)
{
	struct addrinfo *target;
	int fd;

	target = link_resolve(settings->host, settings->service, 0);
	fd = socket(target->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		err(1, "socket");
	(void)connect(fd, target->ai_addr, target->ai_addrlen);
	freeaddrinfo(target);
	return fd;
}

static void
join(struct link *link, struct link *partner)
{
	link->partner = partner;
	for (int side = 0; side < 2; side++)
		link->stream[side]->other = partner->stream[side];
}

static void
pair(struct link *link)
{
	if (single == NULL) {
		single = link;
		return;
	}
	join(single, link);
	join(link, single);
	single = NULL;
}

static void
part(struct link *link)
{
	if (single == link)
		single = NULL;
	if (link->partner == NULL)
		return;
	for (int side = 0; side < 2; side++) {
		link->partner->stream[side]->other = NULL;
		link->partner->stream[side]->sink = NULL;
	}
	link->partner->partner = NULL;
}

static void
make_faulty(struct link *link)
{
	const struct link_settings *settings = link->settings;

	for (int side = 0; side < 2; side++) {
		link->stream[side]->at = settings->at;
		if (side == settings->direction ||
		    settings->direction == LINK_BOTH)
			link->stream[side]->mode = settings->mode;
		if (settings->mode == FAULT_ECHO)
			link->stream[side]->other = link->stream[!side];
	}
	if (settings->mode == FAULT_CROSS || settings->mode == FAULT_SPLICE)
		pair(link);
}

struct link *
link_new(const struct link_settings *settings, int fd, uint64_t number)
{
	struct link *link;
	int i;

	link = calloc(1, sizeof(*link));
	if (link == NULL)
		err(1, NULL);
	for (i = 0; i < 2; i++) {
		link->stream[i] = calloc(1, sizeof(*link->stream[i]));
		if (link->stream[i] == NULL)
			err(1, NULL);
	}
	link->settings = settings;
	link->number = number;
	link->fd[0] = fd;
	link->fd[1] = -1;
	if (number <= settings->faulty) {
		make_faulty(link);
		if (settings->mode == FAULT_SILENT)
			return link;
	}
	link->fd[1] = connect_target(settings);
	link->connecting = true;
	return link;
}

void
link_close(struct link *link, bool reset)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	int side;

	part(link);
	for (side = 0; side < 2; side++) {
		if (link->fd[side] != -1 && reset)
			(void)setsockopt(link->fd[side], SOL_SOCKET, SO_LINGER,
			    &linger, sizeof(linger));
		if (link->fd[side] != -1)
			close(link->fd[side]);
		free(link->stream[side]);
	}
	printf("closed %" PRIu64 "\n", link->number);
	fflush(stdout);
	free(link);
}

/* 0, or -1 when the link is to be reset. */
static int
read_side(struct link *link, int side)
{
	struct fault_stream *stream = link->stream[side];
	ssize_t got;

	got = read(link->fd[side], stream->in + stream->in_used,
	    FAULT_IN_BYTES - stream->in_used);
	if (got == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0)
		link->ended[side] = true;
	if (link->fd[!side] != -1)
		stream->in_used += (size_t)got;
	return 0;
}

static int
write_side(struct link *link, int side)
{
	struct fault_stream *stream = link->stream[side];
	uint64_t rate = link->settings->rate;
	size_t bytes = stream->out_used;
	ssize_t put;

	if (rate > 0 && bytes > rate / 100 + 1)
		bytes = rate / 100 + 1;
	put = send(link->fd[!side], stream->out, bytes, MSG_NOSIGNAL);
	if (put == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	stream->out_used -= (size_t)put;
	memmove(stream->out, stream->out + put, stream->out_used);
	if (rate > 0)
		link->ready_ns[side] = pace_now_ns() +
		    (uint64_t)put * 1000000000 / rate;
	return 0;
}

static bool
holds(const struct link *link, int side)
{
	return link->held_ns[side] != 0;
}

/* What is held stays so, even if one of its ends is gone meanwhile. */
static void
note_hold(struct link *link, int side)
{
	if (!link->stream[side]->holds || link->stream[side]->done ||
	    holds(link, side))
		return;
	link->held_ns[side] = pace_now_ns();
	printf("holds %" PRIu64 " %s\n", link->number,
	    side == LINK_UP ? "up" : "down");
	fflush(stdout);
}

static int
process(struct link *link, int side)
{
	struct fault_stream *stream = link->stream[side];
	bool was_done = stream->done, keep;

	keep = fault_process(stream);
	note_hold(link, side);
	if (stream->done && !was_done) {
		printf("fault %s %" PRIu64 " %s\n", fault_name(stream->mode),
		    link->number, side == LINK_UP ? "up" : "down");
		fflush(stdout);
	}
	if (!keep)
		(void)write_side(link, side);
	return keep ? 0 : -1;
}

static void
release(struct link *link, int side)
{
	uint64_t hold_ns = link->settings->hold_s * UINT64_C(1000000000);

	if (!holds(link, side) || pace_now_ns() - link->held_ns[side] < hold_ns)
		return;
	link->held_ns[side] = 0;
	link->stream[side]->done = true;
	printf("fault %s %" PRIu64 " %s\n",
	    fault_name(link->stream[side]->mode), link->number,
	    side == LINK_UP ? "up" : "down");
	fflush(stdout);
	(void)process(link, side);
}

/* Pass on the end of a stream; true when both have ended. */
static bool
pass_ends(struct link *link)
{
	int side;

	for (side = 0; side < 2; side++) {
		if (link->ended[side] && !link->shut[side] &&
		    !holds(link, side) && link->stream[side]->out_used == 0) {
			if (link->fd[!side] != -1)
				(void)shutdown(link->fd[!side], SHUT_WR);
			link->shut[side] = true;
		}
	}
	return link->shut[0] && (link->shut[1] || link->fd[1] == -1);
}

static short
wanted(const struct link *link, int side, uint64_t now_ns)
{
	const struct fault_stream *in = link->stream[side];
	const struct fault_stream *out = link->stream[!side];
	short events = 0;

	if (link->connecting)
		return side == 1 ? POLLOUT : 0;
	if (!link->ended[side] && fault_has_room(in) &&
	    in->in_used < FAULT_IN_BYTES)
		events |= POLLIN;
	if (out->out_used > 0 && now_ns >= link->ready_ns[!side])
		events |= POLLOUT;
	return events;
}

static int
serve_side(struct link *link, int side, short events)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (link->connecting) {
		getsockopt(link->fd[1], SOL_SOCKET, SO_ERROR, &error, &length);
		if (error != 0)
			return -1;
		link->connecting = false;
		/* A fault at 0 happens now, before any byte. */
		return process(link, LINK_UP) | process(link, LINK_DOWN);
	}
	if ((events & POLLOUT) && write_side(link, !side) == -1)
		return -1;
	if (events & (POLLIN | POLLHUP | POLLERR)) {
		if (!link->ended[side] && read_side(link, side) == -1) {
			if (!holds(link, LINK_UP) && !holds(link, LINK_DOWN))
				return -1;
			link->ended[side] = true;
		}
		return process(link, side);
	}
	return 0;
}

void
link_poll(const struct link *link, struct pollfd polled[2])
{
	uint64_t now_ns = pace_now_ns();
	int side;

	for (side = 0; side < 2; side++) {
		polled[side].events = wanted(link, side, now_ns);
		polled[side].fd = polled[side].events == 0 ? -1 :
							     link->fd[side];
	}
}

enum link_result
link_serve(struct link *link, const struct pollfd polled[2])
{
	int side;

	for (side = 0; side < 2; side++) {
		release(link, side);
		if (polled[side].fd != -1 && polled[side].revents != 0 &&
		    serve_side(link, side, polled[side].revents) == -1)
			return LINK_RESET;
	}
	return pass_ends(link) ? LINK_ENDED : LINK_GOES_ON;
}
