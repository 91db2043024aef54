#include "supervisor/request.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

/* Copy the descriptors out of a received message; their number. */
static size_t
take_descriptors(struct msghdr *message,
    int descriptors[REQUEST_DESCRIPTORS_MAX])
{
	struct cmsghdr *header;
	size_t count = 0, here;

	for (header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (here > REQUEST_DESCRIPTORS_MAX - count)
			here = REQUEST_DESCRIPTORS_MAX - count;
		memcpy(descriptors + count, CMSG_DATA(header),
		    here * sizeof(int));
		count += here;
	}
	return count;
}

enum request_result
request_receive(int channel, struct spawn_record *record,
    int descriptors[REQUEST_DESCRIPTORS_MAX], size_t *count)
{
	struct iovec iov = { record, sizeof(*record) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(REQUEST_DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t got;

	*count = 0;
	got = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return REQUEST_NONE;
	if (got <= 0)
		return REQUEST_CLOSED;
	*count = take_descriptors(&message, descriptors);
	return got == (ssize_t)sizeof(*record) &&
		(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 ?
	    REQUEST_OK :
	    REQUEST_BROKEN;
}
