#include "supervisor/engine/leave_end.h"

#include "supervisor/engine/end.h"
#include "supervisor/engine/end_fan.h"
#include "supervisor/engine/end_unix.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/sources.h"
#include "supervisor/state.h"

/* What an end is made of. */
struct making {
	struct address_pair asked;
	bool tagged;
	uint64_t limit; /* of clients */
	uint64_t idle_us;
	bool fan;		   /* they have sockets, */
	struct address_pair bound; /* like this, instead of the one: */
	int fd;
};

static bool
is_internet(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET || address->ss_family == AF_INET6;
}

static void
leave_making(struct state *state, struct making *making)
{
	leave_pair(state, &making->asked);
	state_flag(state, &making->tagged);
	STATE_NUMBER(state, making->limit);
	STATE_NUMBER(state, making->idle_us);
	state_flag(state, &making->fan);
	leave_pair(state, &making->bound);
	state_fd(state, &making->fd);
	if ((making->tagged &&
		(making->limit == 0 || making->limit > SOURCES_MAX)) ||
	    (making->fan &&
		(!making->tagged || making->asked.kind != ADDRESS_UDP ||
		    !is_internet(&making->bound.local) ||
		    !is_internet(&making->bound.remote))))
		state_break(state);
}

void
leave_end(struct state *state, struct end *end)
{
	struct making making = { .asked = end->asked,
		.tagged = end->tagged,
		.fd = end->fd };

	if (end->fan != NULL) {
		making.fan = true;
		making.bound = *end_fan_pair(end);
		making.limit = end_fan_limit(end);
		making.idle_us = end_fan_idle_us(end);
		making.fd = -1;
	}
	if (end->links != NULL)
		making.fd = end_seqpacket_listening(end);
	if (end->tagged && end->udp.sources != NULL) {
		making.limit = sources_limit(end->udp.sources);
		making.idle_us = sources_idle_us(end->udp.sources);
	}
	leave_making(state, &making);
}

struct end *
leave_end_read(struct state *state)
{
	struct making making = { .tagged = false };
	struct end *end;

	leave_making(state, &making);
	if (state->broken)
		return NULL;
	if (making.fan && making.fd == -1)
		making.fd = udp_bind(&making.bound);
	if (making.fd == -1)
		return NULL;
	end = end_new(&making.asked, making.fd);
	if (end == NULL || !making.tagged ||
	    end_set_clients(end, (size_t)making.limit, making.idle_us) == 0)
		return end;
	end_free(end);
	return NULL;
}

/* What waits in it may be much: the memory crosses, not a copy. */
static void
leave_hold(struct state *state, struct hold *hold)
{
	uint64_t tail = hold->tail, head = hold->head, count = hold->count;
	int memory = hold->ring != NULL ? hold->memory : -1;

	state_fd(state, &memory);
	STATE_NUMBER(state, tail);
	STATE_NUMBER(state, head);
	STATE_NUMBER(state, count);
	if (state->way == STATE_READ && memory != -1 &&
	    !hold_inherit(hold, memory, tail, head, (size_t)count))
		state_break(state);
}

void
leave_end_contents(struct state *state, struct end *end)
{
	leave_udp(state, &end->udp);
	STATE_NUMBER(state, end->inherited);
	state_flag(state, &end->tied);
	leave_hold(state, &end->hold);
	if (end->udp.sources != NULL)
		sources_leave(state, end->udp.sources);
	if (end->links != NULL)
		end_seqpacket_leave(state, end);
	if (end->fan != NULL)
		end_fan_leave(state, end);
}
