#include "supervisor/engine/newcomers.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/engine/noise.h"

void
newcomers_init(struct newcomers *newcomers)
{
	TAILQ_INIT(&newcomers->list);
	newcomers->count = 0;
}

static size_t
count_of(const struct newcomers *newcomers, const struct engine_peer *peer)
{
	const struct newcomer *one;
	size_t count = 0;

	TAILQ_FOREACH(one, &newcomers->list, entry)
		count += one->peer == peer;
	return count;
}

bool
newcomers_add(struct newcomers *newcomers, const struct newcomer *one,
    uint64_t now_us)
{
	struct newcomer *copy;

	if (newcomers->count >= NEWCOMERS_MAX ||
	    count_of(newcomers, one->peer) >= NEWCOMERS_KEY_MAX)
		return false;
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return false;
	*copy = *one;
	copy->limit_us = now_us + NEWCOMERS_WAIT_US;
	TAILQ_INSERT_TAIL(&newcomers->list, copy, entry);
	newcomers->count++;
	return true;
}

/* The connector says nothing before message 2: an end or too much is over. */
static bool
is_waiting(const struct newcomer *one)
{
	char byte;

	return recv(one->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    (errno == EAGAIN || errno == EINTR);
}

void
newcomers_remove(struct newcomers *newcomers, struct newcomer *one)
{
	TAILQ_REMOVE(&newcomers->list, one, entry);
	newcomers->count--;
}

static void
drop(struct newcomers *newcomers, struct newcomer *one)
{
	newcomers_remove(newcomers, one);
	noise_handshake_free(one->handshake);
	close(one->fd);
	free(one);
}

struct newcomer *
newcomers_first(struct newcomers *newcomers, uint64_t now_us)
{
	struct newcomer *one;

	while ((one = TAILQ_FIRST(&newcomers->list)) != NULL &&
	    (now_us >= one->limit_us || !is_waiting(one)))
		drop(newcomers, one);
	return one;
}

void
newcomers_clear(struct newcomers *newcomers)
{
	struct newcomer *one;

	while ((one = TAILQ_FIRST(&newcomers->list)) != NULL)
		drop(newcomers, one);
}
