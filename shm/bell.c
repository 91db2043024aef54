/*
 * No wake-up is lost because every access to the flag is an exchange, a full
 * barrier, and exchanges of one flag stand in one order. If the sleeper's
 * comes first, the waker takes a set flag and writes. If the waker's comes
 * first, the sleeper's exchange reads what the waker's left, which makes all
 * that the waker published before visible to the second look.
 */
#include "shm/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define DRAIN_BYTES 4096

/*
 * A pipe and not an eventfd: the two ends are separate open descriptions, so
 * the other side cannot clear our O_NONBLOCK and hang us.
 */
int
bell_create(int *sleeper, int *waker)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	*sleeper = ends[0];
	*waker = ends[1];
	return 0;
}

void
bell_arm(_Atomic uint32_t *sleeping)
{
	atomic_exchange(sleeping, 1);
}

/*
 * An exchange here too: a plain store between the waker's exchange and our
 * next one would hide what the waker published before it.
 */
void
bell_disarm(_Atomic uint32_t *sleeping)
{
	atomic_exchange(sleeping, 0);
}

bool
bell_ring(_Atomic uint32_t *sleeping, int waker)
{
	ssize_t written;

	if (atomic_exchange(sleeping, 0) == 0)
		return false;
	do
		written = write(waker, "", 1);
	while (written == -1 && errno == EINTR);
	return written == 1 || errno == EAGAIN;
}

int
bell_drain(int sleeper)
{
	uint8_t bytes[DRAIN_BYTES];
	ssize_t got;

	do
		got = read(sleeper, bytes, sizeof(bytes));
	while (got == -1 && errno == EINTR);
	if (got == -1 && errno == EAGAIN)
		return 0;
	return got > 0 ? (int)got : -1;
}
