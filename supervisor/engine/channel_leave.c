#include "supervisor/engine/channel_leave.h"

#include "supervisor/engine/channel.h"
#include "supervisor/state.h"

void
channel_leave_ends(struct state *state, struct channel *channel)
{
	state_fd(state, &channel->worker.fd);
	state_fd(state, &channel->socket);
	state_fd(state, &channel->bell_in);
	state_fd(state, &channel->bell_out);
}

void
channel_leave(struct state *state, struct channel *channel)
{
	bool advanced = channel->advanced;

	state_flag(state, &advanced);
	if (advanced != channel->advanced) {
		state_break(state);
		return;
	}
	if (!advanced)
		channel_leave_ends(state, channel);
	STATE_NUMBER(state, channel->tx.head);
	STATE_NUMBER(state, channel->tx.tail);
	STATE_NUMBER(state, channel->rx.head);
	STATE_NUMBER(state, channel->rx.tail);
	STATE_NUMBER(state, channel->slot);
	STATE_NUMBER(state, channel->pid);
	STATE_NUMBER(state, channel->messages);
	STATE_NUMBER(state, channel->bells_asked);
	STATE_NUMBER(state, channel->bells_rung);
	STATE_NUMBER(state, channel->bell_moved);
	STATE_NUMBER(state, channel->idle_bells);
	STATE_NUMBER(state, channel->rung_head);
	STATE_NUMBER(state, channel->rung_tail);
}
