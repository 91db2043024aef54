#include "worker/race.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "shm/message.h"
#include "worker/clock.h"
#include "worker/dial.h"

#define ATTEMPT_DELAY_MS 250

struct race {
	struct pollfd polls[1 + RESOLVE_MAX]; /* [0] is the channel's */
	size_t started;
	size_t running;
	int64_t next_ms; /* when the next address has its turn */
	int error;
	size_t culprit; /* the address that gave it */
};

/*
 * Of several failures, tell the one that came over the network rather than the
 * one of a family or route that this machine lacks.
 */
static void
remember(struct race *race, size_t index, int error)
{
	switch (race->error) {
	case 0:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		race->error = error;
		race->culprit = index;
	}
}

static void
lose(struct race *race, size_t index, int error)
{
	struct pollfd *poll = &race->polls[1 + index];

	remember(race, index, error);
	if (poll->fd != -1)
		close(poll->fd);
	poll->fd = -1;
	race->running--;
	race->next_ms = 0;
}

/* A prepared socket of the family, -1 if there is none left. */
static int
take_socket(struct dial *dial, int family)
{
	size_t i;
	int fd;

	for (i = 0; i < dial->sockets; i++) {
		if (dial->socket[i].fd == -1 ||
		    dial->socket[i].family != family)
			continue;
		fd = dial->socket[i].fd;
		dial->socket[i].fd = -1;
		return fd;
	}
	errno = EAFNOSUPPORT;
	return -1;
}

static int
begin_connection(int fd, const struct resolve_address *item)
{
	if (connect(fd, (const struct sockaddr *)&item->address,
		item->length) == 0 ||
	    errno == EINPROGRESS)
		return 0;
	return -1;
}

static void
start(struct dial *dial, struct race *race)
{
	size_t index = race->started++;
	const struct resolve_address *item = &dial->addresses.item[index];
	struct pollfd *poll = &race->polls[1 + index];

	race->running++;
	race->next_ms = clock_now_ms() + ATTEMPT_DELAY_MS;
	poll->events = POLLOUT;
	poll->fd = take_socket(dial, item->address.ss_family);
	if (poll->fd == -1 || begin_connection(poll->fd, item) == -1)
		lose(race, index, errno);
}

static void
start_due(struct dial *dial, struct race *race)
{
	while (race->started < dial->addresses.count &&
	    clock_now_ms() >= race->next_ms)
		start(dial, race);
}

static int
error_of(int fd)
{
	socklen_t length = sizeof(int);
	int error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == -1)
		return errno;
	return error;
}

/* The index of an address that has answered; race->started: none yet. */
static size_t
find_winner(struct race *race)
{
	size_t i;
	int error;

	for (i = 0; i < race->started; i++) {
		if (race->polls[1 + i].fd == -1 ||
		    race->polls[1 + i].revents == 0)
			continue;
		error = error_of(race->polls[1 + i].fd);
		if (error == 0)
			break;
		lose(race, i, error);
	}
	return i;
}

static int
claim(struct dial *dial, struct race *race, size_t winner)
{
	int fd = race->polls[1 + winner].fd;
	size_t i;

	race->polls[1 + winner].fd = -1;
	for (i = 0; i < race->started; i++)
		if (race->polls[1 + i].fd != -1)
			close(race->polls[1 + i].fd);
	for (i = 0; i < dial->sockets; i++)
		if (dial->socket[i].fd != -1)
			close(dial->socket[i].fd);
	return fd;
}

/* A name stands for many addresses, so say which; a literal says it itself. */
static _Noreturn void
fail_race(const struct dial *dial, const struct race *race)
{
	const struct sockaddr_storage *address;
	char text[INET6_ADDRSTRLEN] = "";
	const void *bytes;

	address = &dial->addresses.item[race->culprit].address;
	if (address->ss_family == AF_INET)
		bytes = &((const struct sockaddr_in *)address)->sin_addr;
	else
		bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
	inet_ntop(address->ss_family, bytes, text, sizeof(text));
	dial_fail(dial, REASON_ERRNO, race->error, dial->names ? text : NULL);
}

int
race_run(struct dial *dial)
{
	struct race race = { .started = 0 };
	int64_t until_ms;
	size_t winner;

	do {
		start_due(dial, &race);
		if (race.running == 0)
			fail_race(dial, &race);
		until_ms = dial->deadline_ms;
		if (race.started < dial->addresses.count)
			until_ms = race.next_ms;
		dial_poll(dial, race.polls, 1 + race.started, until_ms);
		winner = find_winner(&race);
	} while (winner == race.started);
	return claim(dial, &race, winner);
}
