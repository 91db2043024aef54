#include "supervisor/engine/end_unix.h"

#include <sys/epoll.h>
#include <sys/un.h>

#include <errno.h>
#include <string.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/sources.h"
#include "supervisor/engine/udp_batch.h"

int
end_send_held(struct end *end, int fd, const struct sockaddr_storage *to,
    socklen_t length)
{
	struct mmsghdr message[UDP_BATCH];
	struct iovec span[UDP_BATCH];
	uint64_t position = end->hold.tail, behind[UDP_BATCH];
	const uint8_t *datagram;
	unsigned int count = 0;
	size_t bytes;
	int sent;

	while (count < UDP_BATCH &&
	    (datagram = hold_next(&end->hold, &position, &bytes)) != NULL) {
		span[count].iov_base = (void *)(uintptr_t)datagram;
		span[count].iov_len = bytes;
		memset(&message[count], 0, sizeof(message[count]));
		message[count].msg_hdr.msg_name = (void *)(uintptr_t)to;
		message[count].msg_hdr.msg_namelen = length;
		message[count].msg_hdr.msg_iov = &span[count];
		message[count].msg_hdr.msg_iovlen = 1;
		behind[count++] = position;
	}
	if (count == 0)
		return 0;
	do {
		sent = sendmmsg(fd, message, count,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent == -1 && errno == EINTR);
	if (sent > 0)
		hold_release(&end->hold, behind[sent - 1], (size_t)sent);
	return sent;
}

void
end_drop_held(struct end *end)
{
	uint64_t position = end->hold.tail;
	size_t bytes;

	if (hold_next(&end->hold, &position, &bytes) == NULL)
		return;
	hold_release(&end->hold, position, 1);
	end->udp.refused++;
}

int
end_open_room(struct end *end)
{
	end->room = epoll_create1(EPOLL_CLOEXEC);
	return end->room == -1 ? -1 : 0;
}

/*
 * An edge each time that a datagram of ours was taken. It cannot be had by the
 * level: a datagram socket that is tied to nobody is always said to be
 * writable. A try that fails makes an edge of its own, so what was before it is
 * forgotten after it. If the application took all it had between the two, time
 * tells.
 */
int
end_watch_room(struct end *end, int fd)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };

	return epoll_ctl(end->room, EPOLL_CTL_ADD, fd, &event);
}

void
end_forget_room(struct end *end)
{
	struct epoll_event events[UDP_BATCH];

	(void)epoll_wait(end->room, events, UDP_BATCH, 0);
}

int
end_unix_open(struct end *end)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	udp_init(&end->udp, end->fd);
	if (end_open_room(end) == -1 || end_watch_room(end, end->fd) == -1)
		return -1;
	end->local = end->asked.local;
	end->remote = end->asked.remote;
	if (end->remote.ss_family == AF_UNIX)
		return 0;
	/* The socket may have been tied by an end before this one. */
	(void)connect(end->fd, &nobody, sizeof(nobody));
	end->udp.sources = sources_new(1, 0);
	return end->udp.sources == NULL ? -1 : 0;
}

/*
 * Whom to send to; false: nobody yet. An application that is named may come
 * and go: it is looked for at each try.
 */
static bool
find_application(struct end *end, const struct sockaddr_storage **to,
    socklen_t *length)
{
	*to = NULL;
	*length = 0;
	if (end->udp.sources != NULL) {
		*to = sources_find(end->udp.sources, 0, clock_now_us(), length);
		return *to != NULL;
	}
	if (!end->tied)
		end->tied = connect(end->fd,
				(const struct sockaddr *)&end->remote,
				sizeof(struct sockaddr_un)) == 0;
	return end->tied;
}

/* The first one was not taken. True: go on with what is left. */
static bool
go_on(struct end *end, int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return false;
	case EMSGSIZE:
		break;
	default:
		end->tied = false;
		/* Who is named is waited for, who was learned is gone. */
		if (end->udp.sources == NULL)
			return false;
	}
	end_drop_held(end);
	return true;
}

size_t
end_unix_drain(struct end *end)
{
	const struct sockaddr_storage *to;
	socklen_t length;
	size_t given = 0;
	int sent;

	for (int turn = 0; turn < END_DRAIN_TURNS && !end->stuck &&
	     hold_bytes(&end->hold) > 0;
	     turn++) {
		if (!find_application(end, &to, &length)) {
			end->stuck = true;
			break;
		}
		sent = end_send_held(end, end->fd, to, length);
		if (sent > 0)
			given += (size_t)sent;
		else
			end->stuck = !go_on(end, errno);
	}
	end->udp.sent += given;
	return given;
}
