#include "tests/malice.h"

#include <bsd/sys/endian.h>

#include <string.h>
#include <time.h>

#include "supervisor/engine/frame.h"

#define LITTLE_BYTES 2000
#define WINDOW (UINT64_C(1) << 20) /* of what a receiver remembers */
#define OTHER 13		   /* the first type without a meaning */

enum kind {
	KIND_ALL,
	KIND_EMPTY,  /* datagrams of no bytes, as many as a frame holds */
	KIND_TINY,   /* and of one byte */
	KIND_POLICY, /* another one each time */
	KIND_JUMP,   /* sequence numbers far apart */
	KIND_LOST,   /* holes in the order */
	KIND_PING,
	KIND_TOTALS,
	KINDS
};

int
malice_parse(const char *name)
{
	static const char *const names[KINDS] = { "all", "empty", "tiny",
		"policy", "jump", "lost", "ping", "totals" };

	for (int i = 0; i < KINDS; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

/* --- numbers ---------------------------------------------------------------*/

/* splitmix64 */
uint64_t
malice_random(struct malice *malice)
{
	uint64_t z = malice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

size_t
malice_below(struct malice *malice, size_t limit)
{
	return malice_random(malice) % limit;
}

static bool
one_in(struct malice *malice, size_t count)
{
	return malice_below(malice, count) == 0;
}

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* At the edges of types, windows and units, or anywhere. */
static uint64_t
number(struct malice *malice)
{
	const uint64_t edges[] = { 0, 1, UINT16_MAX, UINT32_MAX, WINDOW,
		UINT64_C(1) << 40, UINT64_C(1) << 60, INT64_MAX, UINT64_MAX,
		UINT64_MAX - FRAME_DATAGRAMS_MAX, UINT64_MAX - WINDOW,
		now_ms() << 20, now_ms() * 1000, malice->sequence,
		malice->sequence + WINDOW, malice->sequence - WINDOW };

	if (one_in(malice, 8))
		return malice_random(malice) >> malice_below(malice, 64);
	return edges[malice_below(malice, sizeof(edges) / sizeof(edges[0]))] +
	    malice_below(malice, 5) - 2;
}

static uint16_t
size(struct malice *malice)
{
	static const uint16_t sizes[] = { 0, 1, 2, 48, 64, 100, 1400, 9000,
		32767, 32768, FRAME_DATAGRAM_MAX };

	if (one_in(malice, 4))
		return (uint16_t)malice_below(malice, LITTLE_BYTES);
	return sizes[malice_below(malice, sizeof(sizes) / sizeof(sizes[0]))];
}

static void
fill(struct malice *malice, uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)malice_random(malice);
}

/* --- fair frames -----------------------------------------------------------*/

static uint64_t
next_sequence(struct malice *malice)
{
	if (malice->only == KIND_JUMP)
		return malice->sequence + (UINT64_C(1) << 41);
	switch (malice_below(malice, 8)) {
	case 0:
		return number(malice);
	case 1: /* twice, or a part of it */
		return malice->sequence - malice_below(malice, 3000);
	case 2:
		return malice->sequence + malice_below(malice, 3000);
	default:
		return malice->sequence;
	}
}

/* What is left of a frame in the making. */
struct space {
	uint8_t *at;
	size_t bytes;
	size_t datagrams;
	bool closed; /* the last run reaches to the end */
};

static void
put_run(struct malice *malice, struct space *space, size_t segment,
    size_t count)
{
	size_t header = FRAME_RUN_HEADER_BYTES, bytes = segment * count;

	if (malice->tagged)
		header += FRAME_CLIENT_BYTES;
	if (header + bytes > space->bytes || count > space->datagrams)
		return;
	if (malice->tagged) {
		be16enc(space->at, (uint16_t)malice_random(malice));
		space->at += FRAME_CLIENT_BYTES;
	}
	be16enc(space->at, (uint16_t)segment);
	space->at[2] = (uint8_t)count;
	/* The last one, to the end, its last datagram shorter. */
	if (bytes > 0 && one_in(malice, 16)) {
		space->at[2] = 0;
		bytes -= malice_below(malice, segment);
		space->closed = true;
	}
	memset(space->at + FRAME_RUN_HEADER_BYTES, (int)malice->state, bytes);
	space->at += FRAME_RUN_HEADER_BYTES + bytes;
	space->bytes -= header + bytes;
	space->datagrams -= count;
}

static void
put_runs(struct malice *malice, struct space *space)
{
	size_t runs = one_in(malice, 20) ? 5000 : malice_below(malice, 8);
	size_t most = one_in(malice, 4) ? 255 : 4;

	if (malice->only != KIND_ALL) {
		runs = malice->only == KIND_JUMP ? 1 : FRAME_DATAGRAMS_MAX;
		most = 255;
	}
	while (runs-- > 0 && !space->closed)
		if (malice->only == KIND_EMPTY || malice->only == KIND_TINY)
			put_run(malice, space, malice->only == KIND_TINY, most);
		else
			put_run(malice, space, size(malice),
			    1 + malice_below(malice, most));
}

static size_t
put_data(struct malice *malice, uint8_t *plain)
{
	size_t most = one_in(malice, 4) ? FRAME_PLAIN_MAX : LITTLE_BYTES;
	struct space space = { .at = plain + FRAME_DATA_HEADER_BYTES,
		.datagrams = FRAME_DATAGRAMS_MAX };
	uint64_t sequence = next_sequence(malice);

	if (malice->only != KIND_ALL)
		most = FRAME_PLAIN_MAX;
	space.bytes = most - FRAME_DATA_HEADER_BYTES;
	plain[0] = malice->tagged ? FRAME_CLIENTS : FRAME_DATA;
	be64enc(plain + 1, sequence);
	put_runs(malice, &space);
	malice->sequence = sequence + FRAME_DATAGRAMS_MAX - space.datagrams;
	return (size_t)(space.at - plain);
}

/* What may be longer than known is, now and then. */
static size_t
lengthen(struct malice *malice, uint8_t *plain, size_t bytes)
{
	size_t more = one_in(malice, 4) ? malice_below(malice, 1000) : 0;

	fill(malice, plain + bytes, more);
	return bytes + more;
}

static size_t
put_totals(struct malice *malice, uint8_t *plain)
{
	uint8_t *at = plain + 1;

	plain[0] = FRAME_TOTALS;
	for (; at < plain + FRAME_TOTALS_BYTES; at += 8)
		be64enc(at, number(malice));
	return lengthen(malice, plain, FRAME_TOTALS_BYTES);
}

static size_t
put_lost(struct malice *malice, uint8_t *plain)
{
	struct frame_lost lost = {
		.sequence = number(malice),
		.count = 1 +
		    (uint32_t)malice_below(malice, FRAME_DATAGRAMS_MAX),
	};

	if (malice->only == KIND_LOST)
		lost.sequence = malice->sequence += lost.count + 1;
	if (lost.sequence > UINT64_MAX - lost.count)
		lost.sequence = UINT64_MAX - lost.count;
	return frame_encode_lost(&lost, plain);
}

void
malice_policy(struct malice *malice, struct frame_policy *policy)
{
	policy->scheduler = (uint8_t)malice_below(malice, 3);
	policy->copies = (uint8_t)(1 + malice_below(malice, 8));
	policy->resend = one_in(malice, 2);
	policy->max_queue_ms = (uint16_t)(1 + malice_below(malice, 10000));
	policy->max_age_ms = (uint16_t)malice_below(malice, 10001);
	policy->reorder_ms = 0;
	if (!one_in(malice, 3))
		policy->reorder_ms = (uint16_t)malice_below(malice, 10001);
}

static size_t
put_policy(struct malice *malice, uint8_t *plain)
{
	struct frame_policy policy;

	malice_policy(malice, &policy);
	malice->serial += 1;
	if (malice->only == KIND_ALL && one_in(malice, 8))
		return lengthen(malice, plain,
		    frame_encode_policy(&policy, number(malice), plain));
	return frame_encode_policy(&policy, malice->serial, plain);
}

static size_t
put_ping(struct malice *malice, uint8_t *plain)
{
	struct frame_ping ping = { .time_us = number(malice) };

	return frame_encode_ping(&ping, plain);
}

static size_t
put_hold(struct malice *malice, uint8_t *plain)
{
	struct frame_hold hold = { .pause_ms = size(malice) };

	return frame_encode_hold(&hold, plain);
}

/* PADDING, or a type that a later version may give a meaning. */
static size_t
put_other(struct malice *malice, uint8_t *plain)
{
	size_t bytes = one_in(malice, 8) ?
	    1 + malice_below(malice, FRAME_PLAIN_MAX) :
	    1 + malice_below(malice, LITTLE_BYTES);

	memset(plain, (int)malice_random(malice), bytes);
	plain[0] = (uint8_t)(OTHER + malice_below(malice, 256 - OTHER));
	return bytes;
}

static size_t
storm(struct malice *malice, uint8_t *plain)
{
	switch ((enum kind)malice->only) {
	case KIND_POLICY:
		return put_policy(malice, plain);
	case KIND_LOST:
		return put_lost(malice, plain);
	case KIND_PING:
		return put_ping(malice, plain);
	case KIND_TOTALS:
		return put_totals(malice, plain);
	case KIND_ALL:
	case KIND_EMPTY:
	case KIND_TINY:
	case KIND_JUMP:
	case KINDS:
		break;
	}
	return put_data(malice, plain);
}

size_t
malice_fair(struct malice *malice, uint8_t *plain)
{
	if (malice->only != KIND_ALL)
		return storm(malice, plain);
	switch (malice_below(malice, 12)) {
	case 0:
		return put_totals(malice, plain);
	case 1:
		return put_lost(malice, plain);
	case 2:
		return put_hold(malice, plain);
	case 3:
		return put_ping(malice, plain);
	case 4:
		return put_other(malice, plain);
	case 5:
		if (malice->connector)
			return put_policy(malice, plain);
		return put_lost(malice, plain);
	default:
		return put_data(malice, plain);
	}
}

/* --- foul frames -----------------------------------------------------------*/

static size_t
put_pong(struct malice *malice, uint8_t *plain)
{
	struct frame_pong pong = {
		.time_us = number(malice),
		.frames = number(malice),
		.bytes = number(malice),
	};

	return lengthen(malice, plain, frame_encode_pong(&pong, plain));
}

/* A run that says what cannot be. */
static size_t
put_impossible_run(struct malice *malice, uint8_t *plain)
{
	size_t bytes = put_data(malice, plain);

	if (bytes > FRAME_PLAIN_MAX - 16)
		bytes = FRAME_PLAIN_MAX - 16;
	be16enc(plain + bytes, (uint16_t)number(malice));
	plain[bytes + 2] = (uint8_t)malice_random(malice);
	return bytes + 3 + malice_below(malice, 13);
}

static size_t
mutate(struct malice *malice, uint8_t *plain)
{
	size_t bytes = malice_fair(malice, plain);

	switch (malice_below(malice, 3)) {
	case 0:
		return 1 + malice_below(malice, bytes);
	case 1:
		if (bytes > FRAME_PLAIN_MAX / 2)
			bytes /= 2;
		fill(malice, plain + bytes, 16);
		return bytes + 1 + malice_below(malice, 16);
	}
	for (size_t flips = 1 + malice_below(malice, 8); flips > 0; flips--)
		plain[malice_below(malice, bytes)] ^= (uint8_t)(1
		    << malice_below(malice, 8));
	return bytes;
}

size_t
malice_foul(struct malice *malice, uint8_t *plain)
{
	size_t bytes = 1 + malice_below(malice, 300);

	switch (malice_below(malice, 8)) {
	case 0:
		return put_pong(malice, plain);
	case 1:
	case 2:
		return put_impossible_run(malice, plain);
	case 3: /* anything of a type that has a meaning */
		fill(malice, plain, bytes);
		plain[0] = (uint8_t)malice_below(malice, OTHER);
		return bytes;
	case 4:
		fill(malice, plain, bytes);
		return bytes;
	default:
		return mutate(malice, plain);
	}
}
