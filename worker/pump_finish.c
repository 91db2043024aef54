#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "worker/clock.h"
#include "worker/pump.h"

#define FINISH_MS 500
#define DISCARD_BYTES 16384

/* False when there is nothing left to write, or no way. */
static bool
flush(struct pump *pump)
{
	const uint8_t *span;
	size_t bytes;
	ssize_t sent;

	if (pump_peek(pump, &span, &bytes) != RING_OK)
		return false;
	sent = write(pump->socket, span, bytes);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	ring_release(&pump->tx, (size_t)sent);
	return true;
}

/* False when the far end has closed too. */
static bool
discard(const struct pump *pump)
{
	char bytes[DISCARD_BYTES];
	ssize_t got;

	got = read(pump->socket, bytes, sizeof(bytes));
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/*
 * Closing a socket with unread bytes resets the connection and may cost the
 * far end our last frame; so the bytes are read, into nothing.
 */
void
pump_finish(struct pump *pump)
{
	int64_t left_ms, deadline_ms = clock_now_ms() + FINISH_MS;
	struct pollfd poll = { .fd = pump->socket };
	struct timespec timeout = { 0, 0 };
	bool open = true;

	while ((left_ms = deadline_ms - clock_now_ms()) > 0) {
		if (open && !flush(pump)) {
			shutdown(pump->socket, SHUT_WR);
			open = false;
		}
		if (!discard(pump))
			break;
		poll.events = open ? POLLIN | POLLOUT : POLLIN;
		timeout.tv_nsec = left_ms * 1000000;
		ppoll(&poll, 1, &timeout, NULL);
	}
}
