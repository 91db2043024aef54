/*
 * The far end gives the numbers and so says when a slot has a new client; here
 * a socket is made for what first comes under a number, and bounds are kept: so
 * many slots, and no more new sockets a second than slots.
 */
#include "supervisor/engine/end_fan.h"

#include <sys/epoll.h>

#include <netinet/in.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/sources.h"
#include "supervisor/engine/udp_send.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/state.h"

#define SECOND_US UINT64_C(1000000)

struct member {
	struct udp udp; /* fd is -1: the slot is free */
	uint16_t number;
	uint64_t seen_us; /* when it last sent or was sent to */
};

struct end_fan {
	struct address_pair pair; /* the port here is 0 */
	size_t limit;
	uint64_t idle_us;
	size_t count;
	bool stamped;
	uint64_t second_us; /* when this one began */
	size_t opened;	    /* in it */
	struct member members[];
};

static void
clear_port(struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = 0;
	else
		((struct sockaddr_in6 *)address)->sin6_port = 0;
}

int
end_fan_open(struct end *end, size_t limit, uint64_t idle_us)
{
	struct end_fan *fan;
	int epoll;

	fan = calloc(1, sizeof(*fan) + limit * sizeof(struct member));
	if (fan == NULL)
		return -1;
	end->fan = fan;
	fan->pair.local = end->local;
	fan->pair.remote = end->remote;
	clear_port(&fan->pair.local);
	fan->limit = limit;
	fan->idle_us = idle_us;
	for (size_t i = 0; i < limit; i++)
		fan->members[i].udp.fd = -1;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll == -1)
		return -1;
	close(end->fd);
	end->fd = epoll;
	end->udp.fd = -1;
	end->local = fan->pair.local;
	return 0;
}

/* What it counted goes to the end's. */
static void
gather(struct end *end, struct udp *udp)
{
	struct udp *all = &end->udp;

	all->received += udp->received;
	*(all->starved ? &all->no_room :
			 &all->kernel_drops) += udp->kernel_drops;
	all->oversize += udp->oversize;
	all->sent += udp->sent;
	all->refused += udp->refused;
	all->unreachable += udp->unreachable;
	all->gso_lost = all->gso_lost || udp->gso_lost;
	udp->received = udp->kernel_drops = udp->oversize = 0;
	udp->sent = udp->refused = udp->unreachable = 0;
	udp->gso_lost = false;
}

static void
close_member(struct end *end, struct member *member)
{
	if (member->udp.fd == -1)
		return;
	udp_count_drops(&member->udp);
	gather(end, &member->udp);
	/* By hand: the engine before may have it open still (upgrade.h). */
	epoll_ctl(end->fd, EPOLL_CTL_DEL, member->udp.fd, NULL);
	udp_close(&member->udp);
	end->fan->count--;
}

void
end_fan_close(struct end *end)
{
	if (end->fan == NULL)
		return;
	for (size_t i = 0; i < end->fan->limit; i++)
		close_member(end, &end->fan->members[i]);
	free(end->fan);
	end->fan = NULL;
}

void
end_fan_stamp(struct end *end)
{
	end->fan->stamped = true;
}

/* True if one more may be opened in this second. */
static bool
may_open(struct end_fan *fan, uint64_t now_us)
{
	if (now_us - fan->second_us > SECOND_US) {
		fan->second_us = now_us;
		fan->opened = 0;
	}
	return fan->opened++ < fan->limit;
}

/* With a socket, which is taken over, on failure too; none is -1. */
static bool
open_member(struct end *end, struct member *member, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (fd == -1)
		return false;
	event.data.u64 = (uint64_t)(member - end->fan->members);
	udp_init(&member->udp, fd);
	if (epoll_ctl(end->fd, EPOLL_CTL_ADD, fd, &event) == -1) {
		close(fd);
		member->udp.fd = -1;
		return false;
	}
	if (end->fan->stamped)
		(void)udp_stamp(&member->udp);
	end->fan->count++;
	return true;
}

/* The socket of a client; NULL: there is none to be had. */
static struct member *
find_member(struct end *end, uint16_t client, uint64_t now_us)
{
	struct end_fan *fan = end->fan;
	size_t slot = client % SOURCES_MAX;
	struct member *member;

	if (slot >= fan->limit)
		return NULL;
	member = &fan->members[slot];
	if (member->udp.fd != -1 && member->number == client)
		return member;
	if (!may_open(fan, now_us))
		return NULL;
	close_member(end, member);
	member->number = client;
	return open_member(end, member, udp_bind(&fan->pair)) ? member : NULL;
}

size_t
end_fan_send(struct end *end, const struct frame_run *runs, size_t count)
{
	uint64_t now_us = clock_now_us();
	struct member *member = find_member(end, runs->client, now_us);
	size_t given;

	if (member == NULL) {
		for (size_t i = 0; i < count; i++)
			end->udp.nobody += runs[i].count;
		return 0;
	}
	member->seen_us = now_us;
	given = udp_send(&member->udp, runs, count);
	gather(end, &member->udp);
	return given;
}

enum udp_result
end_fan_receive(struct end *end, struct udp_batch *batch)
{
	struct epoll_event event;
	struct member *member;

	/* One at a time: the kernel then puts it behind the others. */
	if (epoll_wait(end->fd, &event, 1, 0) < 1)
		return UDP_NONE;
	member = &end->fan->members[event.data.u64];
	switch (udp_receive(&member->udp, batch)) {
	case UDP_OK:
		for (unsigned int i = 0; i < batch->count; i++)
			batch->message[i].client = member->number;
		member->seen_us = clock_now_us();
		gather(end, &member->udp);
		break;
	case UDP_NONE:
		gather(end, &member->udp);
		break;
	case UDP_FAILED:
		close_member(end, member);
		break;
	}
	return UDP_OK;
}

size_t
end_fan_clients(const struct end *end)
{
	return end->fan->count;
}

void
end_fan_count(struct end *end)
{
	struct member *member = end->fan->members;

	for (; member < end->fan->members + end->fan->limit; member++) {
		if (member->udp.fd == -1)
			continue;
		udp_count_drops(&member->udp);
		gather(end, &member->udp);
	}
}

void
end_fan_tick(struct end *end, uint64_t now_us)
{
	struct member *member = end->fan->members;

	for (; member < end->fan->members + end->fan->limit; member++)
		if (member->udp.fd != -1 &&
		    now_us > member->seen_us + end->fan->idle_us)
			close_member(end, member);
}

const struct address_pair *
end_fan_pair(const struct end *end)
{
	return &end->fan->pair;
}

size_t
end_fan_limit(const struct end *end)
{
	return end->fan->limit;
}

uint64_t
end_fan_idle_us(const struct end *end)
{
	return end->fan->idle_us;
}

static void
leave_member(struct state *state, struct member *member)
{
	STATE_NUMBER(state, member->number);
	STATE_NUMBER(state, member->seen_us);
	leave_udp(state, &member->udp);
}

static void
read_member(struct state *state, struct end *end)
{
	struct end_fan *fan = end->fan;
	size_t slot = state_count(state, 0, fan->limit - 1);
	struct member *member = &fan->members[slot];
	int fd = -1;

	state_fd(state, &fd);
	if (member->udp.fd != -1) {
		close(fd);
		fd = -1;
	}
	if (!open_member(end, member, fd))
		state_break(state);
	else
		leave_member(state, member);
}

void
end_fan_leave(struct state *state, struct end *end)
{
	struct member *member = end->fan->members;
	size_t count = state_count(state, end->fan->count, end->fan->limit);

	if (state->way == STATE_READ) {
		for (size_t i = 0; i < count && !state->broken; i++)
			read_member(state, end);
		return;
	}
	for (size_t slot = 0; slot < end->fan->limit; slot++, member++) {
		if (member->udp.fd == -1)
			continue;
		state_count(state, slot, end->fan->limit - 1);
		state_fd(state, &member->udp.fd);
		leave_member(state, member);
	}
}
