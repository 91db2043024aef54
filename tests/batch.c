#include "tests/batch.h"

#include <err.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_BYTES 65536
#define SEGMENTS_MAX 64
#define MESSAGE_MAX 65507
#define REFUSALS_MAX 1000 /* in a row: nobody will ever listen */

struct batch *
batch_new(void)
{
	struct batch *batch;

	batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		err(1, NULL);
	batch->buffer = malloc((size_t)BATCH_SIZE * SLOT_BYTES);
	if (batch->buffer == NULL)
		err(1, NULL);
	return batch;
}

void
batch_free(struct batch *batch)
{
	free(batch->buffer);
	free(batch);
}

void
batch_add(struct batch *batch, size_t header_bytes, const uint8_t *body,
    size_t body_bytes)
{
	unsigned int i = batch->count++;
	struct msghdr *header = &batch->message[i].msg_hdr;

	batch->part[i][0].iov_base = batch->header[i];
	batch->part[i][0].iov_len = header_bytes;
	batch->part[i][1].iov_base = (void *)(uintptr_t)body;
	batch->part[i][1].iov_len = body_bytes;
	memset(header, 0, sizeof(*header));
	header->msg_iov = batch->part[i];
	header->msg_iovlen = 2;
}

static void
wait_for_room(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	(void)poll(&pollfd, 1, 100);
}

void
batch_send(struct batch *batch, int fd)
{
	unsigned int done = 0, refusals = 0;
	int sent;

	while (done < batch->count && refusals < REFUSALS_MAX) {
		sent = sendmmsg(fd, batch->message + done, batch->count - done,
		    MSG_DONTWAIT);
		if (sent > 0) {
			done += (unsigned int)sent;
			refusals = 0;
			continue;
		}
		switch (errno) {
		case EAGAIN:
		case ENOBUFS:
			wait_for_room(fd);
			break;
		case EINTR:
			break;
		case ECONNREFUSED:
			batch->refused++;
			refusals++;
			break;
		default:
			err(1, "send");
		}
	}
	batch->count = 0;
}

void
batch_cut_at(int fd, size_t bytes)
{
	int size = (int)bytes;

	if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) == -1)
		err(1, "UDP_SEGMENT");
}

void
batch_join(int fd)
{
	int on = 1;

	if (setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == -1)
		err(1, "UDP_GRO");
}

void
batch_gather(struct batch *batch, size_t bytes)
{
	unsigned int datagrams = batch->count, i;
	size_t most = MESSAGE_MAX / bytes;

	if (most > SEGMENTS_MAX)
		most = SEGMENTS_MAX;
	batch->count = 0;
	for (i = 0; i < datagrams; i++) {
		if (i % most == 0)
			batch->message[batch->count++].msg_hdr =
			    batch->message[i].msg_hdr;
		else
			batch->message[batch->count - 1].msg_hdr.msg_iovlen +=
			    2;
	}
}

static void
prepare(struct batch *batch, unsigned int i)
{
	struct msghdr *header = &batch->message[i].msg_hdr;

	batch->part[i][0].iov_base = batch->buffer + (size_t)i * SLOT_BYTES;
	batch->part[i][0].iov_len = SLOT_BYTES;
	header->msg_iov = batch->part[i];
	header->msg_iovlen = 1;
	header->msg_name = &batch->address[i];
	header->msg_namelen = sizeof(batch->address[i]);
	header->msg_control = batch->control[i];
	header->msg_controllen = sizeof(batch->control[i]);
	header->msg_flags = 0;
}

static void
read_control(struct batch *batch, unsigned int i)
{
	struct msghdr *header = &batch->message[i].msg_hdr;
	struct cmsghdr *control;
	int segment;

	batch->segment[i] = batch->message[i].msg_len;
	for (control = CMSG_FIRSTHDR(header); control != NULL;
	     control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level == SOL_SOCKET &&
		    control->cmsg_type == SO_RXQ_OVFL)
			memcpy(&batch->kernel_drops, CMSG_DATA(control),
			    sizeof(batch->kernel_drops));
		if (control->cmsg_level == SOL_UDP &&
		    control->cmsg_type == UDP_GRO) {
			memcpy(&segment, CMSG_DATA(control), sizeof(segment));
			batch->segment[i] = (size_t)segment;
		}
	}
}

unsigned int
batch_receive(struct batch *batch, int fd)
{
	unsigned int i;
	int received;

	for (i = 0; i < BATCH_SIZE; i++)
		prepare(batch, i);
	received = recvmmsg(fd, batch->message, BATCH_SIZE, MSG_DONTWAIT, NULL);
	if (received == -1) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			err(1, "receive");
		return 0;
	}
	batch->count = (unsigned int)received;
	for (i = 0; i < batch->count; i++)
		read_control(batch, i);
	return batch->count;
}

void
batch_count_drops(struct batch *batch, int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t length = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) == 0 &&
	    length >= (SK_MEMINFO_DROPS + 1) * sizeof(info[0]))
		batch->kernel_drops = info[SK_MEMINFO_DROPS];
}

const uint8_t *
batch_message(const struct batch *batch, unsigned int i, size_t *bytes)
{
	*bytes = batch->message[i].msg_len;
	return batch->buffer + (size_t)i * SLOT_BYTES;
}

void
batch_reflect(struct batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++) {
		batch->part[i][0].iov_len = batch->message[i].msg_len;
		batch->message[i].msg_hdr.msg_control = NULL;
		batch->message[i].msg_hdr.msg_controllen = 0;
	}
}
