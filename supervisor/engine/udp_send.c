#include "supervisor/engine/udp_send.h"

#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <string.h>

#include "supervisor/engine/frame.h"
#include "supervisor/engine/udp.h"
#include "supervisor/engine/udp_batch.h"

#define SEGMENTS_MAX 64 /* UDP_MAX_SEGMENTS of the oldest kernels */
#define SPANS_MAX (2 * UDP_BATCH)

union send_control {
	char bytes[CMSG_SPACE(sizeof(uint16_t))];
	struct cmsghdr align;
};

/* Where a send has got to: the next datagram. */
struct position {
	size_t run;
	size_t index; /* of the datagram in its run */
};

/* One sendmmsg, and what each of its messages holds. */
struct outgoing {
	struct mmsghdr message[UDP_BATCH];
	union send_control control[UDP_BATCH];
	size_t datagrams[UDP_BATCH];
	struct position at[UDP_BATCH];
	struct iovec span[SPANS_MAX];
	unsigned int count;
	unsigned int spans;
};

enum send_verdict {
	SEND_AGAIN,   /* the same message once more */
	SEND_REBUILD, /* from the same datagram, without UDP_SEGMENT */
	SEND_LOST
};

/* How many datagrams of that size one message may carry. */
static size_t
most_joined(size_t segment)
{
	size_t most = SEGMENTS_MAX;

	if (segment == 0)
		return 1;
	if (segment * most > FRAME_DATAGRAM_MAX)
		most = FRAME_DATAGRAM_MAX / segment;
	return most > 0 ? most : 1;
}

static void
ask_segments(struct msghdr *header, union send_control *control, size_t segment)
{
	uint16_t size = (uint16_t)segment;
	struct cmsghdr *item;

	header->msg_control = control;
	header->msg_controllen = sizeof(control->bytes);
	item = CMSG_FIRSTHDR(header);
	item->cmsg_level = SOL_UDP;
	item->cmsg_type = UDP_SEGMENT;
	item->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(item), &size, sizeof(size));
}

/* So many datagrams of a run, or what it has left. Returns how many. */
static size_t
add_span(struct outgoing *out, const struct frame_run *run, size_t index,
    size_t most)
{
	struct iovec *span = &out->span[out->spans++];
	size_t count = run->count - index < most ? run->count - index : most;
	size_t offset = index * run->segment;
	size_t bytes = count * run->segment;

	if (bytes > run->length - offset)
		bytes = run->length - offset;
	/* sendmsg only reads it; the interface has no const. */
	span->iov_base = (void *)(uintptr_t)(run->bytes + offset);
	span->iov_len = bytes;
	return count;
}

/* A datagram that is shorter is the last of its message. */
static bool
joins(const struct frame_run *run, const struct frame_run *next)
{
	return next->segment == run->segment &&
	    run->length == run->count * run->segment;
}

/* Up to most datagrams, also of several runs. Returns the position behind. */
static struct position
add_spans(struct outgoing *out, const struct frame_run *runs, size_t count,
    struct position at, size_t most)
{
	size_t datagrams, left = most;

	for (;;) {
		datagrams = add_span(out, &runs[at.run], at.index, left);
		left -= datagrams;
		at.index += datagrams;
		if (at.index < runs[at.run].count)
			break;
		at.index = 0;
		at.run++;
		if (left == 0 || at.run == count || out->spans == SPANS_MAX ||
		    !joins(&runs[at.run - 1], &runs[at.run]))
			break;
	}
	out->datagrams[out->count] = most - left;
	return at;
}

/* Returns the position behind it. */
static struct position
add_message(struct outgoing *out, const struct udp *udp,
    const struct frame_run *runs, size_t count, struct position at, size_t most)
{
	unsigned int i = out->count, spans = out->spans;
	struct msghdr *header = &out->message[i].msg_hdr;
	struct position end = add_spans(out, runs, count, at, most);

	memset(&out->message[i], 0, sizeof(out->message[i]));
	header->msg_name = (void *)(uintptr_t)udp->to;
	header->msg_namelen = udp->to_length;
	header->msg_iov = &out->span[spans];
	header->msg_iovlen = out->spans - spans;
	if (out->datagrams[i] > 1)
		ask_segments(header, &out->control[i], runs[at.run].segment);
	out->at[i] = at;
	out->count++;
	return end;
}

/* Returns the position after the last message; run plain gets no joining. */
static struct position
build_messages(struct outgoing *out, const struct udp *udp,
    const struct frame_run *runs, size_t count, struct position at,
    size_t plain)
{
	size_t most;

	out->count = out->spans = 0;
	while (at.run < count && out->count < UDP_BATCH &&
	    out->spans < SPANS_MAX) {
		most = udp->gso && at.run != plain ?
		    most_joined(runs[at.run].segment) :
		    1;
		at = add_message(out, udp, runs, count, at, most);
	}
	return at;
}

/* Why the message was not taken, and what to do with it. */
static enum send_verdict
judge_error(struct udp *udp, int error, bool joined, bool retried)
{
	if (error == EINTR)
		return SEND_AGAIN;
	if (joined && error == EIO) {
		udp->gso = false;
		udp->gso_lost = true;
		return SEND_REBUILD;
	}
	if (joined && (error == EINVAL || error == EMSGSIZE))
		return SEND_REBUILD;
	if (udp_error_is_far(error) && !retried) {
		udp->unreachable++;
		return SEND_AGAIN;
	}
	return SEND_LOST;
}

/*
 * Send what was built. Returns the number of messages dealt with, fewer than
 * all when the rest must be built again. An error of sendmmsg is that of its
 * first message; one that came after others were sent shows in the next call.
 */
static unsigned int
send_messages(struct udp *udp, struct outgoing *out, size_t *sent)
{
	unsigned int i = 0;
	bool retried = false;
	int n;

	while (i < out->count) {
		n = sendmmsg(udp->fd, out->message + i, out->count - i,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			retried = false;
			while (n-- > 0)
				*sent += out->datagrams[i++];
			continue;
		}
		switch (
		    judge_error(udp, errno, out->datagrams[i] > 1, retried)) {
		case SEND_AGAIN:
			retried = true;
			break;
		case SEND_REBUILD:
			return i;
		case SEND_LOST:
			udp->refused += out->datagrams[i++];
			retried = false;
			break;
		}
	}
	return i;
}

size_t
udp_send(struct udp *udp, const struct frame_run *runs, size_t count)
{
	/* Not on the stack, which is cleared with each call. */
	static struct outgoing out;
	struct position at = { 0, 0 }, end;
	size_t plain = SIZE_MAX, sent = 0;
	unsigned int done;

	while (at.run < count) {
		end = build_messages(&out, udp, runs, count, at, plain);
		done = send_messages(udp, &out, &sent);
		if (done == out.count) {
			at = end;
			continue;
		}
		at = out.at[done];
		plain = at.run;
	}
	udp->sent += sent;
	return sent;
}
