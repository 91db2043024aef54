#include "tests/fault.h"

#include <stdio.h>
#include <string.h>

#include <bsd/stdlib.h>

#define GARBAGE_BYTES 1024

static const char *const names[FAULT_MODES] = {
	[FAULT_PASS] = "pass",
	[FAULT_SILENT] = "silent",
	[FAULT_RESET] = "reset",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_FLIP] = "flip",
	[FAULT_REPLAY] = "replay",
	[FAULT_REORDER] = "reorder",
	[FAULT_ECHO] = "echo",
	[FAULT_CROSS] = "cross",
	[FAULT_SPLICE] = "splice",
	[FAULT_HOLD] = "hold",
	[FAULT_HALF] = "half",
};

int
fault_parse(const char *name, enum fault_mode *mode)
{
	unsigned int i;

	for (i = 0; i < FAULT_MODES; i++) {
		if (strcmp(name, names[i]) == 0) {
			*mode = (enum fault_mode)i;
			return 0;
		}
	}
	return -1;
}

const char *
fault_name(enum fault_mode mode)
{
	return names[mode];
}

static bool
has_room(const struct fault_stream *stream)
{
	return stream == NULL ||
	    stream->out_used + FAULT_IN_BYTES + FAULT_FRAME_MAX +
		GARBAGE_BYTES <=
	    FAULT_OUT_BYTES;
}

bool
fault_has_room(const struct fault_stream *stream)
{
	return has_room(stream) && has_room(stream->other);
}

static void
append(struct fault_stream *stream, const uint8_t *bytes, size_t count)
{
	if (stream->sink != NULL)
		stream = stream->sink;
	memcpy(stream->out + stream->out_used, bytes, count);
	stream->out_used += count;
}

/* Take bytes from the front of in[]; they are in out[] or held[] already. */
static void
consume(struct fault_stream *stream, size_t count)
{
	stream->in_used -= count;
	memmove(stream->in, stream->in + count, stream->in_used);
}

static void
pass(struct fault_stream *stream, size_t count)
{
	append(stream, stream->in, count);
	consume(stream, count);
	stream->passed += count;
}

/* Pass the bytes before the fault; true if its place is reached. */
static bool
pass_up_to_fault(struct fault_stream *stream)
{
	uint64_t before = stream->at - stream->passed;

	if (stream->in_used < before) {
		pass(stream, stream->in_used);
		return false;
	}
	pass(stream, (size_t)before);
	return true;
}

static void
put_garbage(struct fault_stream *stream)
{
	arc4random_buf(stream->out + stream->out_used, GARBAGE_BYTES);
	stream->out_used += GARBAGE_BYTES;
	stream->done = true;
}

static void
flip_bit(struct fault_stream *stream)
{
	if (stream->in_used == 0)
		return;
	stream->in[0] ^= 0x08;
	stream->done = true;
}

/* The length of the whole frame at the front of in[], 0: not all of it yet. */
static size_t
whole_frame(const struct fault_stream *stream)
{
	size_t bytes;

	if (stream->in_used < 2)
		return 0;
	bytes = 2 + ((size_t)stream->in[0] << 8 | stream->in[1]);
	return bytes <= stream->in_used ? bytes : 0;
}

static void
pass_frame(struct fault_stream *stream, size_t bytes)
{
	bool here = stream->passed == stream->at;

	if (here && stream->mode == FAULT_REORDER) {
		memcpy(stream->held, stream->in, bytes);
		stream->held_used = bytes;
	} else {
		append(stream, stream->in, bytes);
	}
	if (here && stream->mode == FAULT_REPLAY) {
		append(stream, stream->in, bytes);
		stream->done = true;
	}
	if (!here && stream->held_used > 0) {
		append(stream, stream->held, stream->held_used);
		stream->done = true;
	}
	consume(stream, bytes);
	stream->passed++;
}

/* False: not yet, or there is no other connection yet. */
static bool
lead_away(struct fault_stream *stream)
{
	size_t bytes;

	while (stream->passed < stream->at && (bytes = whole_frame(stream)) > 0)
		pass_frame(stream, bytes);
	if (stream->passed < stream->at || stream->other == NULL)
		return false;
	stream->sink = stream->other;
	stream->done = true;
	return true;
}

static void
splice(struct fault_stream *stream)
{
	size_t bytes;

	while (!stream->done && (bytes = whole_frame(stream)) > 0) {
		if (stream->passed >= stream->at && stream->other != NULL) {
			append(stream->other, stream->in, bytes);
			stream->done = true;
		}
		pass_frame(stream, bytes);
	}
}

static void
begin_hold(struct fault_stream *stream)
{
	size_t bytes;

	while (!stream->holds && (bytes = whole_frame(stream)) > 0) {
		if (stream->passed < stream->at) {
			pass_frame(stream, bytes);
			continue;
		}
		stream->holds = true;
		if (stream->mode == FAULT_HALF)
			pass(stream, bytes / 2);
	}
}

bool
fault_process(struct fault_stream *stream)
{
	size_t bytes;

	switch (stream->done ? FAULT_PASS : stream->mode) {
	case FAULT_PASS:
	case FAULT_SILENT:
	case FAULT_MODES:
		break;
	case FAULT_RESET:
		stream->done = pass_up_to_fault(stream);
		return !stream->done;
	case FAULT_GARBAGE:
		if (pass_up_to_fault(stream))
			put_garbage(stream);
		break;
	case FAULT_FLIP:
		if (pass_up_to_fault(stream))
			flip_bit(stream);
		break;
	case FAULT_REPLAY:
	case FAULT_REORDER:
		while (!stream->done && (bytes = whole_frame(stream)) > 0)
			pass_frame(stream, bytes);
		if (!stream->done)
			return true;
		break;
	case FAULT_ECHO:
	case FAULT_CROSS:
		if (!lead_away(stream))
			return true;
		break;
	case FAULT_SPLICE:
		splice(stream);
		if (!stream->done)
			return true;
		break;
	case FAULT_HOLD:
	case FAULT_HALF:
		begin_hold(stream);
		return true;
	}
	pass(stream, stream->in_used);
	return true;
}
