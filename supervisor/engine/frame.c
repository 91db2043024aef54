#include "supervisor/engine/frame.h"

#include <bsd/sys/endian.h>

#include <string.h>

#include "supervisor/engine/frame_text.h"

#define HELLO_VERSION 1
#define LOST_BYTES 13

/*
 * Hello 1: version, a zero byte, u16 path, session, instance, u64 started,
 * u16 frame_max, zeros. Hello 2 is the same without session and started.
 */
#define HELLO_PATH_AT 2
#define HELLO1_SESSION_AT 4
#define HELLO1_INSTANCE_AT (HELLO1_SESSION_AT + FRAME_SESSION_BYTES)
#define HELLO1_STARTED_AT (HELLO1_INSTANCE_AT + FRAME_INSTANCE_BYTES)
#define HELLO1_MAX_AT (HELLO1_STARTED_AT + 8)
#define HELLO1_PADDING_AT (HELLO1_MAX_AT + 2)
#define HELLO2_INSTANCE_AT 4
#define HELLO2_MAX_AT (HELLO2_INSTANCE_AT + FRAME_INSTANCE_BYTES)
#define HELLO2_PADDING_AT (HELLO2_MAX_AT + 2)

void
frame_encode_hello1(const struct frame_hello1 *hello,
    uint8_t out[FRAME_HELLO1_BYTES])
{
	memset(out, 0, FRAME_HELLO1_BYTES);
	out[0] = HELLO_VERSION;
	be16enc(out + HELLO_PATH_AT, hello->path);
	memcpy(out + HELLO1_SESSION_AT, hello->session, FRAME_SESSION_BYTES);
	memcpy(out + HELLO1_INSTANCE_AT, hello->instance, FRAME_INSTANCE_BYTES);
	be64enc(out + HELLO1_STARTED_AT, hello->started_ms);
	be16enc(out + HELLO1_MAX_AT, hello->frame_max);
}

void
frame_encode_hello2(const struct frame_hello2 *hello,
    uint8_t out[FRAME_HELLO2_BYTES])
{
	memset(out, 0, FRAME_HELLO2_BYTES);
	out[0] = HELLO_VERSION;
	be16enc(out + HELLO_PATH_AT, hello->path);
	memcpy(out + HELLO2_INSTANCE_AT, hello->instance, FRAME_INSTANCE_BYTES);
	be16enc(out + HELLO2_MAX_AT, hello->frame_max);
}

/* What both have: version, zeros, and room for every control frame. */
static int
check_hello(const uint8_t *in, size_t padding_at, size_t bytes,
    uint16_t frame_max)
{
	size_t i;
	uint8_t rest = in[1];

	for (i = padding_at; i < bytes; i++)
		rest |= in[i];
	if (in[0] != HELLO_VERSION || rest != 0 ||
	    frame_max < FRAME_CONTROL_MAX + FRAME_TAG_BYTES)
		return -1;
	return 0;
}

int
frame_decode_hello1(const uint8_t in[FRAME_HELLO1_BYTES],
    struct frame_hello1 *hello)
{
	hello->path = be16dec(in + HELLO_PATH_AT);
	memcpy(hello->session, in + HELLO1_SESSION_AT, FRAME_SESSION_BYTES);
	memcpy(hello->instance, in + HELLO1_INSTANCE_AT, FRAME_INSTANCE_BYTES);
	hello->started_ms = be64dec(in + HELLO1_STARTED_AT);
	hello->frame_max = be16dec(in + HELLO1_MAX_AT);
	return check_hello(in, HELLO1_PADDING_AT, FRAME_HELLO1_BYTES,
	    hello->frame_max);
}

int
frame_decode_hello2(const uint8_t in[FRAME_HELLO2_BYTES],
    struct frame_hello2 *hello)
{
	hello->path = be16dec(in + HELLO_PATH_AT);
	memcpy(hello->instance, in + HELLO2_INSTANCE_AT, FRAME_INSTANCE_BYTES);
	hello->frame_max = be16dec(in + HELLO2_MAX_AT);
	return check_hello(in, HELLO2_PADDING_AT, FRAME_HELLO2_BYTES,
	    hello->frame_max);
}

size_t
frame_encode_accept(uint8_t *out)
{
	out[0] = FRAME_ACCEPT;
	return 1;
}

size_t
frame_encode_words(enum frame_type type, const char *words, uint8_t *out)
{
	size_t bytes = strnlen(words, FRAME_REASON_MAX - 1);

	out[0] = (uint8_t)type;
	memcpy(out + 1, words, bytes);
	return 1 + bytes;
}

int
frame_decode_words(const uint8_t *frame, size_t bytes,
    char words[FRAME_REASON_MAX])
{
	if (bytes < 1 || bytes > FRAME_REASON_MAX)
		return -1;
	frame_text_copy(words, frame + 1, bytes - 1);
	return 0;
}

size_t
frame_encode_ping(const struct frame_ping *ping, uint8_t *out)
{
	out[0] = FRAME_PING;
	be64enc(out + 1, ping->time_us);
	return 9;
}

int
frame_decode_ping(const uint8_t *frame, size_t bytes, struct frame_ping *ping)
{
	if (bytes != 9)
		return -1;
	ping->time_us = be64dec(frame + 1);
	return 0;
}

size_t
frame_encode_pong(const struct frame_pong *pong, uint8_t *out)
{
	out[0] = FRAME_PONG;
	be64enc(out + 1, pong->time_us);
	be64enc(out + 9, pong->frames);
	be64enc(out + 17, pong->bytes);
	return 25;
}

int
frame_decode_pong(const uint8_t *frame, size_t bytes, struct frame_pong *pong)
{
	if (bytes < 25)
		return -1;
	pong->time_us = be64dec(frame + 1);
	pong->frames = be64dec(frame + 9);
	pong->bytes = be64dec(frame + 17);
	return 0;
}

size_t
frame_encode_lost(const struct frame_lost *lost, uint8_t *out)
{
	out[0] = FRAME_LOST;
	be64enc(out + 1, lost->sequence);
	be32enc(out + 9, lost->count);
	return LOST_BYTES;
}

int
frame_decode_lost(const uint8_t *frame, size_t bytes, struct frame_lost *lost)
{
	if (bytes != LOST_BYTES)
		return -1;
	lost->sequence = be64dec(frame + 1);
	lost->count = be32dec(frame + 9);
	if (lost->count == 0 || lost->count > FRAME_DATAGRAMS_MAX ||
	    lost->sequence > UINT64_MAX - lost->count)
		return -1;
	return 0;
}

size_t
frame_encode_totals(const struct frame_totals *totals, uint8_t *out)
{
	uint8_t *at = out + 41;

	out[0] = FRAME_TOTALS;
	be64enc(out + 1, totals->first);
	be64enc(out + 9, totals->least);
	be64enc(out + 17, totals->echo);
	be64enc(out + 25, totals->round);
	be64enc(out + 33, totals->serial);
	for (size_t i = 0; i < FRAME_TOTALS_COUNT; i++, at += 8)
		be64enc(at, totals->counts[i]);
	return FRAME_TOTALS_BYTES;
}

int
frame_decode_totals(const uint8_t *frame, size_t bytes,
    struct frame_totals *totals)
{
	const uint8_t *at = frame + 41;

	if (bytes < FRAME_TOTALS_BYTES)
		return -1;
	totals->first = be64dec(frame + 1);
	totals->least = be64dec(frame + 9);
	totals->echo = be64dec(frame + 17);
	totals->round = be64dec(frame + 25);
	totals->serial = be64dec(frame + 33);
	for (size_t i = 0; i < FRAME_TOTALS_COUNT; i++, at += 8)
		totals->counts[i] = be64dec(at);
	return 0;
}

size_t
frame_encode_hold(const struct frame_hold *hold, uint8_t *out)
{
	out[0] = FRAME_HOLD;
	be16enc(out + 1, hold->pause_ms);
	return 3;
}

int
frame_decode_hold(const uint8_t *frame, size_t bytes, struct frame_hold *hold)
{
	if (bytes != 3)
		return -1;
	hold->pause_ms = be16dec(frame + 1);
	return 0;
}
