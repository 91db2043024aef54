#include "supervisor/engine/udp.h"

#include <sys/socket.h>

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/sources.h"
#include "supervisor/engine/udp_batch.h"

#define QUEUE_LEAST_BYTES (64 * 1024)
#define BUFFER_BYTES (4 << 20)
/* What the kernel reckons for a message beyond its bytes, measured. */
#define MESSAGE_OVERHEAD UINT64_C(900)
/* The kernel doubles what SO_RCVBUF is given, to allow for its overhead. */
#define KERNEL_FACTOR 2
#define ERRORS_MAX 16
#define STRANGERS_MAX 1024

/* Of one receive, about; but a few messages at least. */
#define RECEIVE_BYTES (256 * 1024)
#define RECEIVE_LEAST 4

/* Room for UDP_GRO and SO_TIMESTAMPNS. */
union receive_control {
	char bytes[CMSG_SPACE(sizeof(int)) +
	    CMSG_SPACE(sizeof(struct timespec))];
	struct cmsghdr align;
};

/*
 * Whoever sent between bind and connect is still in the queue. It holds no
 * more than a few hundred datagrams then: the buffer is not raised yet.
 */
static void
drop_strangers(int fd)
{
	int i;

	for (i = 0; i < STRANGERS_MAX; i++)
		if (recv(fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) == -1 &&
		    (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
}

int
udp_bind(const struct address_pair *pair)
{
	int family = pair->local.ss_family;
	int fd, on = 1, saved;

	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		goto out;
	if (bind(fd, (const struct sockaddr *)&pair->local,
		address_length(&pair->local)) == -1)
		goto out;
	if (pair->remote.ss_family == AF_UNSPEC)
		return fd;
	if (connect(fd, (const struct sockaddr *)&pair->remote,
		address_length(&pair->remote)) == -1)
		goto out;
	drop_strangers(fd);
	return fd;
out:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* As large as the system allows; the forced option needs CAP_NET_ADMIN. */
static void
set_buffer(int fd, int forced, int option, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes));
}

void
udp_limit_queue(struct udp *udp, uint64_t bytes)
{
	int limit = BUFFER_BYTES;

	if (udp->typical_bytes > 0 && bytes < BUFFER_BYTES)
		bytes += bytes * MESSAGE_OVERHEAD / udp->typical_bytes;
	if (bytes < (uint64_t)BUFFER_BYTES * KERNEL_FACTOR)
		limit = (int)(bytes / KERNEL_FACTOR);
	if (limit < QUEUE_LEAST_BYTES)
		limit = QUEUE_LEAST_BYTES;
	if (limit == udp->queue_bytes)
		return;
	udp->queue_bytes = limit;
	set_buffer(udp->fd, SO_RCVBUFFORCE, SO_RCVBUF, limit);
}

void
udp_init(struct udp *udp, int fd)
{
	socklen_t length = sizeof(int);
	int on = 1, segment;

	memset(udp, 0, sizeof(*udp));
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, BUFFER_BYTES);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, BUFFER_BYTES);
	udp->gro = setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0;
	udp->gso = getsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, &length) == 0;
	udp->fd = fd;
}

void
udp_close(struct udp *udp)
{
	if (udp->fd != -1)
		close(udp->fd);
	udp->fd = -1;
}

void
udp_count_drops(struct udp *udp)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t length = sizeof(info);
	uint32_t drops;

	if (getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, info, &length) == -1 ||
	    length < (SK_MEMINFO_DROPS + 1) * sizeof(info[0]))
		return;
	drops = info[SK_MEMINFO_DROPS];
	*(udp->starved ? &udp->no_room : &udp->kernel_drops) += drops -
	    udp->overflow;
	udp->overflow = drops;
}

int
udp_stamp(struct udp *udp)
{
	int on = 1;

	return setsockopt(udp->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

static uint64_t
read_stamp(const struct cmsghdr *item)
{
	struct timespec stamp;

	memcpy(&stamp, CMSG_DATA(item), sizeof(stamp));
	return (uint64_t)stamp.tv_sec * 1000000 +
	    (uint64_t)stamp.tv_nsec / 1000;
}

/*
 * The datagram size that the kernel gives with a joined message, or 0, and
 * when it came, if that is told.
 */
static uint32_t
read_control(struct msghdr *header, uint64_t *arrived_us)
{
	struct cmsghdr *item;
	int segment = 0;

	*arrived_us = 0;

	for (item = CMSG_FIRSTHDR(header); item != NULL;
	     item = CMSG_NXTHDR(header, item)) {
		if (item->cmsg_level == SOL_SOCKET &&
		    item->cmsg_type == SCM_TIMESTAMPNS)
			*arrived_us = read_stamp(item);
		else if (item->cmsg_level == SOL_UDP &&
		    item->cmsg_type == UDP_GRO)
			memcpy(&segment, CMSG_DATA(item), sizeof(segment));
	}
	return segment > 0 ? (uint32_t)segment : 0;
}

/* What a message is told by: its client, or as sources_admit() says. */
static int
tell_client(struct udp *udp, const struct msghdr *header, uint64_t now_us)
{
	/* A local socket that has no name cannot be answered. */
	if (udp->sources == NULL || header->msg_namelen <= sizeof(sa_family_t))
		return 0;
	return sources_admit(udp->sources, header->msg_name,
	    header->msg_namelen, now_us);
}

static void
note_message(struct udp *udp, struct udp_batch *batch, unsigned int slot,
    struct mmsghdr *message, int client)
{
	uint32_t length = message->msg_len;
	uint64_t arrived_us;
	uint32_t segment = read_control(&message->msg_hdr, &arrived_us);

	if (segment == 0 || segment > length)
		segment = length;
	if (client < 0) {
		udp->strangers += udp_batch_datagrams(length, segment);
		if (client == SOURCES_FULL)
			udp->crowded += udp_batch_datagrams(length, segment);
		return;
	}
	if (segment > FRAME_DATAGRAM_MAX) {
		udp->oversize++;
		return;
	}
	batch->message[batch->count].client = (uint16_t)client;
	batch->message[batch->count].slot = slot;
	batch->message[batch->count].length = length;
	batch->message[batch->count].arrived_us = arrived_us;
	batch->message[batch->count].segment = segment;
	batch->count++;
	udp->typical_bytes = (7 * udp->typical_bytes + length + 7) / 8;
	udp->received += udp_batch_datagrams(length, segment);
}

bool
udp_error_is_far(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case EMSGSIZE:
	case ENETDOWN:
	case ENETUNREACH:
	case ENONET:
	case ENOPROTOOPT:
	case EACCES:
	case EPROTO:
		return true;
	}
	return false;
}

static unsigned int
within(unsigned int count, unsigned int most)
{
	if (count < RECEIVE_LEAST)
		return RECEIVE_LEAST;
	return count < most ? count : most;
}

/* How many messages to ask for. */
static unsigned int
worth_asking(const struct udp *udp)
{
	if (udp->typical_bytes <= RECEIVE_BYTES / UDP_BATCH)
		return within(udp->expected, UDP_BATCH);
	return udp->typical_bytes < RECEIVE_BYTES / RECEIVE_LEAST ?
	    within(udp->expected, RECEIVE_BYTES / udp->typical_bytes) :
	    RECEIVE_LEAST;
}

/* Each message that is asked for costs something, also if it does not come. */
static void
expect(struct udp *udp, unsigned int asked, int received)
{
	unsigned int count = received > 0 ? (unsigned int)received : 0;

	udp->expected = count * (count == asked ? 4 : 2);
}

static int
receive_messages(struct udp *udp, struct mmsghdr *message, unsigned int count)
{
	int errors, received;

	for (errors = 0; errors < ERRORS_MAX; errors++) {
		received = recvmmsg(udp->fd, message, count, MSG_DONTWAIT,
		    NULL);
		if (received >= 0)
			return received;
		if (udp_error_is_far(errno))
			udp->unreachable++;
		else if (errno != EINTR)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

enum udp_result
udp_receive(struct udp *udp, struct udp_batch *batch)
{
	/* Not on the stack, which is cleared with each call. */
	static struct mmsghdr message[UDP_BATCH];
	static struct iovec span[UDP_BATCH];
	static union receive_control control[UDP_BATCH];
	static struct sockaddr_storage from[UDP_BATCH];
	uint64_t now_us = udp->sources != NULL ? clock_now_us() : 0;
	unsigned int i, asked = worth_asking(udp);
	int received;

	for (i = 0; i < asked; i++) {
		span[i].iov_base = udp_batch_slot(batch, i);
		span[i].iov_len = UDP_SLOT_BYTES;
		message[i].msg_hdr.msg_iov = &span[i];
		message[i].msg_hdr.msg_iovlen = 1;
		message[i].msg_hdr.msg_control = &control[i];
		message[i].msg_hdr.msg_controllen = sizeof(control[i].bytes);
		message[i].msg_hdr.msg_name = udp->sources == NULL ? NULL :
								     &from[i];
		message[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	udp_batch_clear(batch);
	received = receive_messages(udp, message, asked);
	expect(udp, asked, received);
	if (received == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ||
			errno == ENOBUFS || errno == ENOMEM ?
		    UDP_NONE :
		    UDP_FAILED;
	batch->more = (unsigned int)received == asked;
	for (i = 0; i < (unsigned int)received; i++)
		note_message(udp, batch, i, &message[i],
		    tell_client(udp, &message[i].msg_hdr, now_us));
	return UDP_OK;
}
