/*
 * What tests/faulty_relay does to the bytes that it forwards in one direction.
 * Pure: bytes in, bytes out.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_IN_BYTES (128 * 1024)
#define FAULT_OUT_BYTES (4 * FAULT_IN_BYTES)
#define FAULT_FRAME_MAX (2 + 65535)

enum fault_mode {
	FAULT_PASS,
	FAULT_SILENT,  /* nothing is forwarded; the relay's own matter */
	FAULT_RESET,   /* both connections are reset */
	FAULT_GARBAGE, /* random bytes are put in */
	FAULT_FLIP,    /* one bit changes */
	FAULT_REPLAY,  /* one frame is sent twice */
	FAULT_REORDER, /* one frame is sent after the next one */
	FAULT_ECHO,    /* the rest goes back to where it came from */
	FAULT_CROSS,   /* the rest goes to the other connection's end */
	FAULT_SPLICE,  /* one frame goes there too */
	FAULT_HOLD,    /* the rest is held until release */
	FAULT_HALF,    /* the rest of a frame and of the stream is */
	FAULT_MODES
};

/* One direction of one connection. */
struct fault_stream {
	enum fault_mode mode;
	uint64_t at;	 /* bytes or, from replay on, frames before */
	uint64_t passed; /* of the same unit */
	bool done;	 /* the fault has happened */
	bool holds;	 /* the last two: from now on, until done is set */
	size_t in_used;
	size_t out_used;
	size_t held_used;
	struct fault_stream
	    *other; /* for echo, cross and splice, NULL: not yet */
	struct fault_stream *sink; /* whose out[] it writes to, NULL: its */
	uint8_t in[FAULT_IN_BYTES];
	uint8_t out[FAULT_OUT_BYTES];
	uint8_t held[FAULT_FRAME_MAX];
};

/* -1 for a name that is none. */
int fault_parse(const char *name, enum fault_mode *mode);
const char *fault_name(enum fault_mode mode);

/*
 * True if there is room for the outcome of a full in[]; for that of another
 * stream as well.
 */
bool fault_has_room(const struct fault_stream *stream);

/*
 * Move what can be moved from in[] to out[], its own or another's. False: the
 * connection is to be reset, once out[] is written.
 */
bool fault_process(struct fault_stream *stream);

#endif
