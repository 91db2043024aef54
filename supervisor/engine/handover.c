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

static int
map(struct handover *handover, int protection)
{
	void *bytes = mmap(NULL, handover->size, protection,
	    MAP_SHARED | MAP_POPULATE, handover->fd, 0);

	if (bytes == MAP_FAILED)
		return -1;
	handover->bytes = bytes;
	(void)madvise(bytes, handover->size, MADV_DONTDUMP);
	return 0;
}

int
handover_make(struct handover *handover, size_t size, size_t fds_count)
{
	*handover = (struct handover){ .fd = memfd_create("socktopus-state",
					   MFD_CLOEXEC | MFD_ALLOW_SEALING),
		.size = size,
		.fds_count = fds_count };
	handover->fds = calloc(fds_count + 1, sizeof(int));
	if (handover->fd == -1 || handover->fds == NULL ||
	    fchmod(handover->fd, 0600) == -1 ||
	    ftruncate(handover->fd, (off_t)size) == -1)
		return -1;
	return map(handover, PROT_READ | PROT_WRITE);
}

void
handover_begin(const struct handover *handover, struct state *state)
{
	*state = (struct state){ .way = STATE_WRITE,
		.bytes = handover->bytes,
		.size = handover->size,
		.fds = handover->fds,
		.fds_count = handover->fds_count };
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int
send_head(struct handover *handover, size_t size, size_t fds, int socket)
{
	struct head head = { size, fds };
	bool given = handover->given;

	if (!given && fcntl(handover->fd, F_ADD_SEALS, SEALS) == -1)
		return -1;
	handover->given = true;
	return descriptors_send(socket, &head, sizeof(head), &handover->fd,
	    given ? 0 : 1);
}

int
handover_give(struct handover *handover, int socket)
{
	return send_head(handover, handover->size, 0, socket);
}

int
handover_send(struct handover *handover, const struct state *state, int socket)
{
	size_t here;

	if (send_head(handover, state->at, state->fds_at, socket) == -1)
		return -1;
	for (size_t i = 0; i < state->fds_at; i += here) {
		here = least(state->fds_at - i, DESCRIPTORS_AT_ONCE);
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

/* What comes with memory of its own takes the place of what was given. */
static int
receive_head(struct handover *handover, int socket, struct head *head)
{
	size_t count;
	ssize_t got;
	int fd;

	got = descriptors_receive(socket, head, sizeof(*head), 0, &fd, 1,
	    &count);
	if (count == 1) {
		handover_free(handover);
		handover->fd = fd;
	}
	if (got == -1)
		return -1;
	if (got != (ssize_t)sizeof(*head) || head->size == 0 ||
	    head->size > SIZE_MOST || head->fds > FDS_MOST ||
	    (count == 0 && head->size > handover->size))
		return fail();
	if (count == 0)
		return 0;
	handover->size = (size_t)head->size;
	return map(handover, PROT_READ);
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
	struct head head;

	if (receive_head(handover, socket, &head) == -1)
		return -1;
	free(handover->fds);
	handover->fds_count = (size_t)head.fds;
	handover->fds = malloc((handover->fds_count + 1) * sizeof(int));
	if (handover->fds == NULL)
		return -1;
	memset(handover->fds, -1, (handover->fds_count + 1) * sizeof(int));
	if (receive_descriptors(handover, socket) == -1)
		return -1;
	*state = (struct state){ .way = STATE_READ,
		.bytes = handover->bytes,
		.size = (size_t)head.size,
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
	*handover = (struct handover)HANDOVER_NONE;
}
