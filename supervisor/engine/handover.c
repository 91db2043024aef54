/*
 * F_SEAL_FUTURE_WRITE and not F_SEAL_WRITE: with the latter not even the writer
 * could wipe the keys. It is this program's own earlier process, which gave the
 * keys, and waits meanwhile; and each byte is read but once.
 */
#include "supervisor/engine/handover.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/descriptors.h"
#include "supervisor/state.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
/* A history of a gigabyte for each of some tunnels. */
#define SIZE_MOST ((uint64_t)1 << 36)
#define FDS_MOST 65536

struct head {
	uint64_t size;
	uint64_t fds;
};

int
handover_make(struct handover *handover, const struct state *measured,
    struct state *state)
{
	*handover = (struct handover){ .fd = memfd_create("socktopus-state",
					   MFD_CLOEXEC | MFD_ALLOW_SEALING),
		.size = measured->at,
		.fds_count = measured->fds_at };
	handover->fds = calloc(handover->fds_count + 1, sizeof(int));
	if (handover->fd == -1 || handover->fds == NULL ||
	    fchmod(handover->fd, 0600) == -1 ||
	    ftruncate(handover->fd, (off_t)handover->size) == -1)
		return -1;
	handover->bytes = mmap(NULL, handover->size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, handover->fd, 0);
	if (handover->bytes == MAP_FAILED) {
		handover->bytes = NULL;
		return -1;
	}
	(void)madvise(handover->bytes, handover->size, MADV_DONTDUMP);
	*state = (struct state){ .way = STATE_WRITE,
		.bytes = handover->bytes,
		.size = handover->size,
		.fds = handover->fds,
		.fds_count = handover->fds_count };
	return 0;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

int
handover_send(struct handover *handover, int socket)
{
	struct head head = { handover->size, handover->fds_count };
	size_t here;

	if (fcntl(handover->fd, F_ADD_SEALS, SEALS) == -1 ||
	    descriptors_send(socket, &head, sizeof(head), &handover->fd, 1) ==
		-1)
		return -1;
	for (size_t i = 0; i < handover->fds_count; i += here) {
		here = least(handover->fds_count - i, DESCRIPTORS_AT_ONCE);
		if (descriptors_send(socket, "", 1, handover->fds + i, here) ==
		    -1)
			return -1;
	}
	return 0;
}

static int
fail(void)
{
	errno = EPROTO;
	return -1;
}

static int
receive_head(struct handover *handover, int socket)
{
	struct head head;
	size_t count;
	ssize_t got;

	got = descriptors_receive(socket, &head, sizeof(head), 0, &handover->fd,
	    1, &count);
	if (got == -1)
		return -1;
	if (got != (ssize_t)sizeof(head) || count != 1 || head.size == 0 ||
	    head.size > SIZE_MOST || head.fds > FDS_MOST)
		return fail();
	handover->size = (size_t)head.size;
	handover->fds_count = (size_t)head.fds;
	return 0;
}

static int
receive_descriptors(struct handover *handover, int socket)
{
	size_t here, i = 0;
	ssize_t got;
	char byte;

	while (i < handover->fds_count) {
		got = descriptors_receive(socket, &byte, sizeof(byte), 0,
		    handover->fds + i,
		    least(handover->fds_count - i, DESCRIPTORS_AT_ONCE), &here);
		i += here;
		if (got == -1)
			return -1;
		if (got == 0 || here == 0)
			return fail();
	}
	return 0;
}

int
handover_receive(struct handover *handover, int socket, struct state *state)
{
	*handover = (struct handover){ .fd = -1 };
	if (receive_head(handover, socket) == -1)
		return -1;
	handover->fds = malloc((handover->fds_count + 1) * sizeof(int));
	if (handover->fds == NULL)
		return -1;
	memset(handover->fds, -1, (handover->fds_count + 1) * sizeof(int));
	if (receive_descriptors(handover, socket) == -1)
		return -1;
	handover->bytes = mmap(NULL, handover->size, PROT_READ,
	    MAP_SHARED | MAP_POPULATE, handover->fd, 0);
	if (handover->bytes == MAP_FAILED) {
		handover->bytes = NULL;
		return -1;
	}
	*state = (struct state){ .way = STATE_READ,
		.bytes = handover->bytes,
		.size = handover->size,
		.fds = handover->fds,
		.fds_count = handover->fds_count };
	return 0;
}

void
handover_wipe(struct handover *handover)
{
	if (handover->bytes != NULL)
		explicit_bzero(handover->bytes, handover->size);
}

void
handover_free(struct handover *handover)
{
	if (handover->bytes != NULL)
		munmap(handover->bytes, handover->size);
	if (handover->fd != -1)
		close(handover->fd);
	free(handover->fds);
	*handover = (struct handover){ .fd = -1 };
}
