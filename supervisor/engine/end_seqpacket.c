/*
 * Applications connect, up to LINKS of them, and are heard in turn. Whoever
 * sent last is answered, at first the one who came first. One epoll descriptor
 * stands for the listening socket and all connections.
 *
 * Nothing tells an empty datagram from the end of a connection, so there are
 * none here.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/engine/end.h"
#include "supervisor/engine/end_unix.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/state.h"

#define LINKS 64
#define LISTENING LINKS /* the epoll data of the listening socket */

struct end_links {
	int listening;
	int fds[LINKS]; /* -1: free */
	size_t count;
	size_t answered; /* LINKS: nobody */
	bool stamped;
	bool pausing; /* there was no descriptor for a newcomer */
};

static int
watch(struct end *end, int fd, uint64_t which)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = which };

	return epoll_ctl(end->fd, EPOLL_CTL_ADD, fd, &event);
}

int
end_seqpacket_open(struct end *end)
{
	struct end_links *links = calloc(1, sizeof(*links));

	if (links == NULL)
		return -1;
	links->listening = end->fd;
	links->answered = LINKS;
	for (size_t i = 0; i < LINKS; i++)
		links->fds[i] = -1;
	end->links = links;
	end->local = end->asked.local;
	end->fd = epoll_create1(EPOLL_CLOEXEC);
	if (end->fd == -1 || end_open_room(end) == -1)
		return -1;
	return watch(end, links->listening, LISTENING);
}

void
end_seqpacket_close(struct end *end)
{
	struct end_links *links = end->links;

	if (links == NULL)
		return;
	for (size_t i = 0; i < LINKS; i++)
		if (links->fds[i] != -1)
			close(links->fds[i]);
	close(links->listening);
	free(links);
	end->links = NULL;
}

static void
set_room(int fd)
{
	static const int bytes = 1 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) ==
	    -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes,
		    sizeof(bytes));
}

static void
stamp(int fd)
{
	struct udp one = { .fd = fd };

	(void)udp_stamp(&one);
}

void
end_seqpacket_stamp(struct end *end)
{
	struct end_links *links = end->links;

	links->stamped = true;
	for (size_t i = 0; i < LINKS; i++)
		if (links->fds[i] != -1)
			stamp(links->fds[i]);
}

/*
 * To close it would do if nobody else had it open; but after an upgrade the
 * engine before has, until it has ended, and for so long it would stay in both
 * sets.
 */
static void
forget(struct end *end, int fd)
{
	epoll_ctl(end->fd, EPOLL_CTL_DEL, fd, NULL);
	epoll_ctl(end->room, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
}

static void
add_link(struct end *end, int fd)
{
	struct end_links *links = end->links;
	size_t i = 0;

	while (links->fds[i] != -1)
		i++;
	if (watch(end, fd, i) == -1 || end_watch_room(end, fd) == -1) {
		forget(end, fd);
		return;
	}
	set_room(fd);
	if (links->stamped)
		stamp(fd);
	links->fds[i] = fd;
	if (links->answered == LINKS)
		links->answered = i;
	/* The others wait in the kernel until there is room. */
	if (++links->count == LINKS)
		epoll_ctl(end->fd, EPOLL_CTL_DEL, links->listening, NULL);
}

int
end_seqpacket_listening(const struct end *end)
{
	return end->links->listening;
}

static void
read_links(struct state *state, struct end *end)
{
	size_t count = state_count(state, 0, LINKS);
	bool answered = false;
	int fd;

	for (size_t i = 0; i < count; i++) {
		state_flag(state, &answered);
		state_fd(state, &fd);
		if (fd == -1 || state->broken) {
			state_break(state);
			return;
		}
		add_link(end, fd);
		if (answered)
			end->links->answered = i;
	}
}

void
end_seqpacket_leave(struct state *state, struct end *end)
{
	struct end_links *links = end->links;
	bool answered;

	if (state->way == STATE_READ) {
		read_links(state, end);
		return;
	}
	state_count(state, links->count, LINKS);
	for (size_t i = 0; i < LINKS; i++) {
		if (links->fds[i] == -1)
			continue;
		answered = i == links->answered;
		state_flag(state, &answered);
		state_fd(state, &links->fds[i]);
	}
}

/* Without descriptors or memory it would be told again at once. */
static void
pause_listening(struct end *end)
{
	end->links->pausing = true;
	epoll_ctl(end->fd, EPOLL_CTL_DEL, end->links->listening, NULL);
}

static void
accept_links(struct end *end)
{
	struct end_links *links = end->links;
	int fd;

	while (links->count < LINKS) {
		fd = accept4(links->listening, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1) {
			if (errno != EAGAIN)
				pause_listening(end);
			return;
		}
		add_link(end, fd);
	}
}

void
end_seqpacket_tick(struct end *end)
{
	struct end_links *links = end->links;

	if (!links->pausing)
		return;
	links->pausing = false;
	if (links->count < LINKS)
		watch(end, links->listening, LISTENING);
}

static void
close_link(struct end *end, size_t which)
{
	struct end_links *links = end->links;

	forget(end, links->fds[which]);
	links->fds[which] = -1;
	if (links->count-- == LINKS)
		watch(end, links->listening, LISTENING);
	if (links->answered != which)
		return;
	links->answered = 0;
	while (links->answered < LINKS && links->fds[links->answered] == -1)
		links->answered++;
}

/* What follows an empty datagram is the end of the connection. */
static void
cut_at_end(struct end *end, struct udp_batch *batch, size_t which)
{
	unsigned int i = 0;

	while (i < batch->count && batch->message[i].length > 0)
		i++;
	if (i == batch->count)
		return;
	end->udp.received -= batch->count - i;
	batch->count = i;
	close_link(end, which);
}

static enum udp_result
receive_link(struct end *end, struct udp_batch *batch, size_t which)
{
	enum udp_result result;

	end->udp.fd = end->links->fds[which];
	result = udp_receive(&end->udp, batch);
	end->udp.fd = -1;
	switch (result) {
	case UDP_OK:
		if (batch->count > 0 && batch->message[0].length > 0)
			end->links->answered = which;
		cut_at_end(end, batch, which);
		break;
	case UDP_NONE:
		break;
	case UDP_FAILED:
		close_link(end, which);
		break;
	}
	return UDP_OK;
}

enum udp_result
end_seqpacket_receive(struct end *end, struct udp_batch *batch)
{
	struct epoll_event event;

	/* One at a time: the kernel then puts it behind the others. */
	if (epoll_wait(end->fd, &event, 1, 0) < 1)
		return UDP_NONE;
	if (event.data.u64 != LISTENING)
		return receive_link(end, batch, (size_t)event.data.u64);
	accept_links(end);
	udp_batch_clear(batch);
	return UDP_OK;
}

size_t
end_seqpacket_drain(struct end *end)
{
	struct end_links *links = end->links;
	size_t given = 0;
	int sent;

	/* The loop may not be listening to newcomers just now. */
	if (links->answered == LINKS)
		accept_links(end);
	for (int turn = 0;
	     turn < END_DRAIN_TURNS && hold_bytes(&end->hold) > 0 &&
	     links->answered < LINKS && !end->stuck;
	     turn++) {
		sent = end_send_held(end, links->fds[links->answered], NULL, 0);
		if (sent > 0)
			given += (size_t)sent;
		else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			end->stuck = true;
		else if (errno == EMSGSIZE)
			end_drop_held(end);
		else
			close_link(end, links->answered);
	}
	if (links->answered == LINKS)
		end->stuck = true;
	end->udp.sent += given;
	return given;
}
