#include "supervisor/descriptors.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(DESCRIPTORS_AT_ONCE * sizeof(int))];
};

int
descriptors_send(int socket, const void *bytes, size_t size,
    const int *descriptors, size_t count)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	if (count > DESCRIPTORS_AT_ONCE) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), descriptors,
		    count * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == -1 ? -1 : 0;
}

/* Copy the descriptors out of a received message; those too many are closed. */
static size_t
take(struct msghdr *message, int *descriptors, size_t most)
{
	struct cmsghdr *header;
	size_t count = 0, here;
	int fd;

	for (header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++) {
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd),
			    sizeof(fd));
			if (count < most)
				descriptors[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

ssize_t
descriptors_receive(int socket, void *bytes, size_t size, int flags,
    int *descriptors, size_t most, size_t *count)
{
	struct iovec iov = { bytes, size };
	union control control;
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(most * sizeof(int)) };
	ssize_t got;

	*count = 0;
	got = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
	if (got == -1)
		return -1;
	*count = take(&message, descriptors, most);
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return got;
	errno = EPROTO;
	return -1;
}

int
descriptors_receive_record(int socket, void *record, size_t size,
    int *descriptor)
{
	size_t count;
	ssize_t got;

	*descriptor = -1;
	got = descriptors_receive(socket, record, size, MSG_DONTWAIT,
	    descriptor, 1, &count);
	if (got == (ssize_t)size)
		return 1;
	descriptors_close(descriptor, count);
	*descriptor = -1;
	if (got <= 0)
		return (int)got;
	errno = EPROTO;
	return -1;
}

void
descriptors_close(const int *descriptors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(descriptors[i]);
}
