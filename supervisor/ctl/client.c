#include "supervisor/ctl/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"

#define CHUNK_BYTES 65536

struct answer {
	char *text;
	size_t used;
	size_t size;
	size_t line; /* where its last line begins */
};

static int
open_socket(const char *path, int timeout_ms)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	int fd, saved;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	/* It bounds connect too, which waits while the backlog is full. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ==
		0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
		0)
		return fd;
	saved = errno == EAGAIN ? ETIMEDOUT : errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
send_line(int fd, const char *command)
{
	char line[CLIENT_REQUEST_MAX];
	int length;
	ssize_t sent;

	length = snprintf(line, sizeof(line), "%s\n", command);
	if (length < 0 || length >= (int)sizeof(line)) {
		errno = E2BIG;
		return -1;
	}
	sent = send(fd, line, (size_t)length, MSG_NOSIGNAL);
	explicit_bzero(line, sizeof(line));
	if (sent == length)
		return 0;
	/* A part of it, too, means that the time was over. */
	if (sent >= 0 || errno == EAGAIN)
		errno = ETIMEDOUT;
	return -1;
}

static int
wait_readable(int fd, uint64_t deadline_us)
{
	struct pollfd item = { .fd = fd, .events = POLLIN };
	uint64_t now_us;
	int n;

	do {
		now_us = clock_now_us();
		n = now_us >= deadline_us ?
		    0 :
		    poll(&item, 1, (int)((deadline_us - now_us) / 1000 + 1));
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n == 1 ? 0 : -1;
}

static int
make_room(struct answer *answer)
{
	size_t size = answer->size * 2 + CHUNK_BYTES;
	char *text;

	if (answer->used + 1 < answer->size)
		return 0;
	if (answer->used >= CLIENT_ANSWER_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (size > CLIENT_ANSWER_MAX + 1)
		size = CLIENT_ANSWER_MAX + 1;
	text = realloc(answer->text, size);
	if (text == NULL)
		return -1;
	answer->text = text;
	answer->size = size;
	return 0;
}

/* Moves on to the last line that begins; true if a whole one says the end. */
static bool
is_complete(struct answer *answer)
{
	char *line, *end;

	for (;;) {
		line = answer->text + answer->line;
		end = memchr(line, '\n', answer->used - answer->line);
		if (end == NULL)
			return false;
		if (strncmp(line, "end\n", 4) == 0 ||
		    strncmp(line, "error ", 6) == 0)
			return true;
		answer->line = (size_t)(end + 1 - answer->text);
	}
}

static int
read_answer(int fd, struct answer *answer, uint64_t deadline_us)
{
	size_t used;
	ssize_t n;

	for (;;) {
		if (make_room(answer) == -1 ||
		    wait_readable(fd, deadline_us) == -1)
			return -1;
		used = answer->used;
		n = recv(fd, answer->text + used, answer->size - used - 1,
		    MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n == -1)
			return -1;
		answer->used += (size_t)n;
		answer->text[answer->used] = '\0';
		if (n == 0 || is_complete(answer))
			return 0;
	}
}

static const char *
describe(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "no answer in time";
	case E2BIG:
		return "the request is too long";
	case EMSGSIZE:
		return "the answer is too long";
	case ENAMETOOLONG:
		return "the name is too long for a socket";
	case EACCES:
		return CLIENT_DENIED;
	case ECONNREFUSED:
		return "nobody listens there";
	case ECONNRESET:
	case EPIPE:
		return "it hung up: it ended, many ask, or this user may not";
	}
	return strerror(error);
}

enum client_result
client_ask(const char *path, const char *command, int timeout_ms, char **answer,
    size_t *bytes, char error[CLIENT_ERROR_MAX])
{
	uint64_t deadline_us = clock_now_us() + (uint64_t)timeout_ms * 1000;
	struct answer got = { NULL, 0, 0, 0 };
	bool stale;
	int fd;

	fd = open_socket(path, timeout_ms);
	if (fd == -1) {
		stale = errno == ECONNREFUSED || errno == ENOENT;
		snprintf(error, CLIENT_ERROR_MAX, "%s", describe(errno));
		return stale ? CLIENT_STALE : CLIENT_FAILED;
	}
	if (send_line(fd, command) == -1 ||
	    read_answer(fd, &got, deadline_us) == -1) {
		snprintf(error, CLIENT_ERROR_MAX, "%s", describe(errno));
		free(got.text);
		close(fd);
		return CLIENT_FAILED;
	}
	close(fd);
	*answer = got.text;
	*bytes = got.used;
	return CLIENT_OK;
}
