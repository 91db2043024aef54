#include "supervisor/state.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"

#define MAGIC UINT32_C(0x7574636f)
#define NO_FD UINT32_MAX

void
state_break(struct state *state)
{
	state->broken = true;
}

uint8_t *
state_span(struct state *state, size_t count)
{
	uint8_t *span;

	if (state->way == STATE_MEASURE) {
		state->at += count;
		return NULL;
	}
	if (state->broken || count > state->size - state->at) {
		state->broken = true;
		return NULL;
	}
	span = state->bytes + state->at;
	state->at += count;
	return span;
}

void
state_bytes(struct state *state, void *bytes, size_t count)
{
	uint8_t *span = state_span(state, count);

	if (state->way == STATE_READ) {
		if (span != NULL)
			memcpy(bytes, span, count);
		else
			memset(bytes, 0, count);
	} else if (span != NULL) {
		memcpy(span, bytes, count);
	}
}

void
state_choice(struct state *state, uint32_t *choice, uint32_t last)
{
	STATE_NUMBER(state, *choice);
	if (*choice <= last)
		return;
	state_break(state);
	*choice = 0;
}

void
state_flag(struct state *state, bool *flag)
{
	uint8_t value = *flag ? 1 : 0;

	STATE_NUMBER(state, value);
	if (value > 1)
		state_break(state);
	if (state->way == STATE_READ)
		*flag = value == 1;
}

size_t
state_count(struct state *state, size_t count, size_t most)
{
	uint64_t value = count;

	STATE_NUMBER(state, value);
	if (value <= most)
		return (size_t)value;
	state_break(state);
	return 0;
}

void
state_text(struct state *state, char *text, size_t size)
{
	size_t length = 0;

	if (state->way != STATE_READ)
		length = strnlen(text, size - 1);
	length = state_count(state, length, size - 1);
	state_bytes(state, text, length);
	if (state->way != STATE_READ)
		return;
	text[length] = '\0';
	if (strlen(text) == length)
		return;
	state_break(state);
	text[0] = '\0';
}

void
state_address(struct state *state, struct sockaddr_storage *address)
{
	STATE_NUMBER(state, *address);
	if (state->way == STATE_READ && address->ss_family != AF_INET &&
	    address->ss_family != AF_INET6 && address->ss_family != AF_UNIX &&
	    address->ss_family != AF_UNSPEC)
		state_break(state);
}

void
state_fd(struct state *state, int *fd)
{
	uint32_t index = NO_FD;

	if (state->way != STATE_READ && *fd != -1)
		index = (uint32_t)state->fds_at;
	STATE_NUMBER(state, index);
	if (state->way == STATE_READ)
		*fd = -1;
	if (index == NO_FD || state->broken)
		return;
	if (state->way == STATE_MEASURE) {
		state->fds_at++;
		return;
	}
	if (index != state->fds_at || index >= state->fds_count) {
		state_break(state);
		return;
	}
	if (state->way == STATE_WRITE) {
		state->fds[index] = *fd;
	} else {
		*fd = state->fds[index];
		state->fds[index] = -1;
	}
	state->fds_at++;
}

bool
state_begin(struct state *state)
{
	uint32_t magic = MAGIC, version = STATE_VERSION;

	STATE_NUMBER(state, magic);
	STATE_NUMBER(state, version);
	if (magic != MAGIC || version != STATE_VERSION)
		state_break(state);
	return !state->broken;
}

bool
state_end(struct state *state)
{
	uint32_t magic = ~MAGIC;

	STATE_NUMBER(state, magic);
	if (magic != ~MAGIC ||
	    (state->way == STATE_READ &&
		(state->at != state->size ||
		    state->fds_at != state->fds_count)))
		state_break(state);
	return !state->broken;
}
