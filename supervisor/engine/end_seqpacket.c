/*
 * Applications connect, up to LINKS of them, and are heard in turn. Whoever
 * sent last is answered, at first the one who came first; if he goes, the one
 * who would have been without him. One epoll descriptor stands for the
 * listening socket and all connections.
 *
 * An application may say that it sends no more and still be answered, or hear
 * no more and still send: a connection ends when what was sent has been read
 * and both is said.
 *
 * Only an empty datagram has a time, the end of what is sent has none, so the
 * kernel is asked for it always. Applications have no such means, so they are
 * given none that are empty.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <bsd/sys/queue.h>

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

struct link {
	TAILQ_ENTRY(link) by_turn;
	int fd;	   /* -1: free */
	bool deaf; /* it takes no more */
};
TAILQ_HEAD(link_turns, link);

struct end_links {
	int listening;
	size_t count;
	struct link_turns turns; /* who is answered before whom */
	bool pausing;		 /* there was no descriptor for a newcomer */
	struct link links[LINKS];
};

static int
watch(struct end *end, int fd, uint64_t which)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = which };

	return epoll_ctl(end->fd, EPOLL_CTL_ADD, fd, &event);
}

/* Only for the end of it, which is told always. */
static void
watch_no_more(struct end *end, int fd, uint64_t which)
{
	struct epoll_event event = { .data.u64 = which };

	epoll_ctl(end->fd, EPOLL_CTL_MOD, fd, &event);
}

/* NULL: nobody. */
static struct link *
answered(struct end_links *links)
{
	struct link *link;

	TAILQ_FOREACH(link, &links->turns, by_turn)
		if (!link->deaf)
			break;
	return link;
}

int
end_seqpacket_open(struct end *end)
{
	struct end_links *links = calloc(1, sizeof(*links));

	if (links == NULL)
		return -1;
	links->listening = end->fd;
	TAILQ_INIT(&links->turns);
	for (size_t i = 0; i < LINKS; i++)
		links->links[i].fd = -1;
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
		if (links->links[i].fd != -1)
			close(links->links[i].fd);
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

static int
stamp(int fd)
{
	struct udp one = { .fd = fd };

	return udp_stamp(&one);
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

	while (links->links[i].fd != -1)
		i++;
	if (stamp(fd) == -1 || watch(end, fd, i) == -1 ||
	    end_watch_room(end, fd) == -1) {
		forget(end, fd);
		return;
	}
	set_room(fd);
	links->links[i].fd = fd;
	links->links[i].deaf = false;
	TAILQ_INSERT_TAIL(&links->turns, &links->links[i], by_turn);
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
	int fd;

	for (size_t i = 0; i < count; i++) {
		state_fd(state, &fd);
		if (fd == -1 || state->broken) {
			state_break(state);
			return;
		}
		add_link(end, fd);
	}
}

void
end_seqpacket_leave(struct state *state, struct end *end)
{
	struct end_links *links = end->links;
	struct link *link;

	if (state->way == STATE_READ) {
		read_links(state, end);
		return;
	}
	state_count(state, links->count, LINKS);
	TAILQ_FOREACH(link, &links->turns, by_turn)
		state_fd(state, &link->fd);
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
close_link(struct end *end, struct link *link)
{
	struct end_links *links = end->links;

	forget(end, link->fd);
	link->fd = -1;
	TAILQ_REMOVE(&links->turns, link, by_turn);
	if (links->count-- == LINKS)
		watch(end, links->listening, LISTENING);
}

/* The kernel goes on to tell the end in each message that was asked for. */
static bool
cut_at_end(struct end *end, struct udp_batch *batch)
{
	unsigned int i = 0;

	while (i < batch->count && batch->message[i].arrived_us != 0)
		i++;
	if (i == batch->count)
		return false;
	end->udp.received -= batch->count - i;
	batch->count = i;
	return true;
}

static void
answer_first(struct end_links *links, struct link *link)
{
	TAILQ_REMOVE(&links->turns, link, by_turn);
	TAILQ_INSERT_HEAD(&links->turns, link, by_turn);
}

static void
receive_link(struct end *end, struct udp_batch *batch, struct link *link,
    bool hung_up)
{
	enum udp_result result;
	bool ended = false;

	end->udp.fd = link->fd;
	result = udp_receive(&end->udp, batch);
	end->udp.fd = -1;
	if (result == UDP_OK) {
		ended = cut_at_end(end, batch);
		if (batch->count > 0)
			answer_first(end->links, link);
	}
	if (result == UDP_FAILED || (ended && hung_up))
		close_link(end, link);
	else if (ended)
		watch_no_more(end, link->fd,
		    (uint64_t)(link - end->links->links));
}

enum udp_result
end_seqpacket_receive(struct end *end, struct udp_batch *batch)
{
	struct epoll_event event;

	/* One at a time: the kernel then puts it behind the others. */
	if (epoll_wait(end->fd, &event, 1, 0) < 1)
		return UDP_NONE;
	if (event.data.u64 != LISTENING) {
		receive_link(end, batch, &end->links->links[event.data.u64],
		    (event.events & EPOLLHUP) != 0);
		return UDP_OK;
	}
	accept_links(end);
	udp_batch_clear(batch);
	return UDP_OK;
}

size_t
end_seqpacket_drain(struct end *end)
{
	struct link *link;
	size_t given = 0;
	int sent;

	/* The loop may not be listening to newcomers just now. */
	if (answered(end->links) == NULL)
		accept_links(end);
	for (int turn = 0; turn < END_DRAIN_TURNS &&
	     hold_bytes(&end->hold) > 0 && !end->stuck;
	     turn++) {
		link = answered(end->links);
		if (link == NULL) {
			end->stuck = true;
			break;
		}
		sent = end_send_held(end, link->fd, NULL, 0);
		if (sent > 0)
			given += (size_t)sent;
		else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			end->stuck = true;
		else if (errno == EMSGSIZE)
			end_drop_held(end);
		else
			link->deaf = true;
	}
	end->udp.sent += given;
	return given;
}
