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

/* How many of the key wait, and the turn of one more. */
static size_t
count_of(const struct newcomers *newcomers, const struct engine_peer *peer,
    uint64_t *turn)
{
	const struct newcomer *one;
	size_t count = 0;

	*turn = 0;
	TAILQ_FOREACH(one, &newcomers->list, entry) {
		if (one->peer != peer)
			continue;
		count++;
		*turn = one->turn + 1;
	}
	return count;
}

static void
insert(struct newcomers *newcomers, struct newcomer *new)
{
	struct newcomer *one;

	TAILQ_FOREACH(one, &newcomers->list, entry) {
		if (one->turn > new->turn) {
			TAILQ_INSERT_BEFORE(one, new, entry);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&newcomers->list, new, entry);
}

bool
newcomers_add(struct newcomers *newcomers, const struct newcomer *one,
    uint64_t now_us)
{
	struct newcomer *copy;
	uint64_t turn;

	if (newcomers->count >= NEWCOMERS_MAX ||
	    count_of(newcomers, one->peer, &turn) >= NEWCOMERS_KEY_MAX)
		return false;
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return false;
	*copy = *one;
	copy->limit_us = now_us + NEWCOMERS_WAIT_US;
	copy->turn = turn;
	insert(newcomers, copy);
	newcomers->count++;
	return true;
}

void
newcomers_remove(struct newcomers *newcomers, struct newcomer *one)
{
	TAILQ_REMOVE(&newcomers->list, one, entry);
	newcomers->count--;
}

bool
newcomers_is_there(const struct newcomer *one)
{
	char byte;

	return recv(one->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    (errno == EAGAIN || errno == EINTR);
}

void
newcomers_drop(struct newcomers *newcomers, struct newcomer *one)
{
	newcomers_remove(newcomers, one);
	noise_handshake_free(one->handshake);
	close(one->fd);
	free(one);
}

void
newcomers_expire(struct newcomers *newcomers, uint64_t now_us)
{
	struct newcomer *one, *next;

	TAILQ_FOREACH_SAFE(one, &newcomers->list, entry, next)
		if (now_us >= one->limit_us)
			newcomers_drop(newcomers, one);
}

void
newcomers_clear(struct newcomers *newcomers)
{
	newcomers_expire(newcomers, UINT64_MAX);
}
