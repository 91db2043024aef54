#include "supervisor/engine/frame.h"

#include <bsd/sys/endian.h>
#include <netinet/in.h>

#include <assert.h>
#include <string.h>

#define POLICY_BYTES 9
#define POLICY_MAX_MS 10000
#define SCHEDULER_MAX 2
#define COPIES_MAX 8
#define HELLO_VERSION 1
#define LOST_BYTES 13

#define FAMILY_NONE 0 /* to be learned */
#define FAMILY_IPV4 4
#define FAMILY_IPV6 6

/*
 * Bytes that are read in order. Reading past the end yields zeros and is
 * remembered, so that a decoder asks once, when it is through.
 */
struct input {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *
take(struct input *input, size_t bytes)
{
	static const uint8_t zeros[16];
	const uint8_t *at = input->at;

	assert(bytes <= sizeof(zeros));
	if (bytes > input->left) {
		input->bad = true;
		input->left = 0;
		return zeros;
	}
	input->at += bytes;
	input->left -= bytes;
	return at;
}

/* Copy as a string in which every byte is printable. */
static void
copy_printable(char *out, const uint8_t *in, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		out[i] = in[i] >= 0x20 && in[i] <= 0x7e ? (char)in[i] : '?';
	out[bytes] = '\0';
}

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

/* u8 family, u16 port, address. */
static uint8_t *
encode_address(const struct sockaddr_storage *address, uint8_t *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (address->ss_family == AF_UNSPEC) {
		out[0] = FAMILY_NONE;
		return out + 1;
	}
	if (address->ss_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		out[0] = FAMILY_IPV6;
		memcpy(out + 1, &in6.sin6_port, 2);
		memcpy(out + 3, &in6.sin6_addr, 16);
		return out + 19;
	}
	assert(address->ss_family == AF_INET);
	memcpy(&in, address, sizeof(in));
	out[0] = FAMILY_IPV4;
	memcpy(out + 1, &in.sin_port, 2);
	memcpy(out + 3, &in.sin_addr, 4);
	return out + 7;
}

static void
decode_address(struct input *input, struct sockaddr_storage *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	uint8_t family;

	family = *take(input, 1);
	if (family == FAMILY_IPV4) {
		memcpy(&in.sin_port, take(input, 2), 2);
		memcpy(&in.sin_addr, take(input, 4), 4);
		memcpy(address, &in, sizeof(in));
	} else if (family == FAMILY_IPV6) {
		memcpy(&in6.sin6_port, take(input, 2), 2);
		memcpy(&in6.sin6_addr, take(input, 16), 16);
		memcpy(address, &in6, sizeof(in6));
	} else if (family != FAMILY_NONE)
		input->bad = true;
}

/* True if there is such an end. */
static bool
decode_end(struct input *input, struct address_pair *end)
{
	decode_address(input, &end->local);
	decode_address(input, &end->remote);
	end->kind = end->remote.ss_family == AF_UNSPEC ? ADDRESS_LEARN :
							 ADDRESS_UDP;
	return end->local.ss_family != AF_UNSPEC;
}

static uint8_t *
encode_policy(const struct frame_policy *policy, uint8_t *at)
{
	at[0] = policy->scheduler;
	at[1] = policy->copies;
	at[2] = policy->resend;
	be16enc(at + 3, policy->max_queue_ms);
	be16enc(at + 5, policy->max_age_ms);
	be16enc(at + 7, policy->reorder_ms);
	return at + POLICY_BYTES;
}

static bool
decode_policy(const uint8_t *at, struct frame_policy *policy)
{
	policy->scheduler = at[0];
	policy->copies = at[1];
	policy->resend = at[2] == 1;
	policy->max_queue_ms = be16dec(at + 3);
	policy->max_age_ms = be16dec(at + 5);
	policy->reorder_ms = be16dec(at + 7);
	return policy->scheduler <= SCHEDULER_MAX && policy->copies >= 1 &&
	    policy->copies <= COPIES_MAX && at[2] <= 1 &&
	    policy->max_queue_ms >= 1 &&
	    policy->max_queue_ms <= POLICY_MAX_MS &&
	    policy->max_age_ms <= POLICY_MAX_MS &&
	    policy->reorder_ms <= POLICY_MAX_MS;
}

size_t
frame_encode_open(const struct frame_open *open, uint8_t *out)
{
	size_t bytes = strnlen(open->name, FRAME_NAME_MAX - 1);
	uint8_t *at = out;

	*at++ = FRAME_OPEN;
	*at++ = open->flags;
	at = encode_address(&open->end.local, at);
	at = encode_address(&open->end.remote, at);
	at = encode_policy(&open->policy, at);
	*at++ = (uint8_t)bytes;
	memcpy(at, open->name, bytes);
	return (size_t)(at - out) + bytes;
}

int
frame_decode_open(const uint8_t *frame, size_t bytes, struct frame_open *open)
{
	struct input input = { .at = frame, .left = bytes };
	size_t name_bytes;

	memset(open, 0, sizeof(*open));
	take(&input, 1);
	open->flags = *take(&input, 1);
	if (!decode_end(&input, &open->end) ||
	    !decode_policy(take(&input, POLICY_BYTES), &open->policy))
		return -1;
	name_bytes = *take(&input, 1);
	if (input.bad || name_bytes != input.left ||
	    name_bytes >= sizeof(open->name))
		return -1;
	copy_printable(open->name, input.at, name_bytes);
	return 0;
}

/* Type, u64 serial, policy. */
size_t
frame_encode_policy(const struct frame_policy *policy, uint64_t serial,
    uint8_t *out)
{
	out[0] = FRAME_POLICY;
	be64enc(out + 1, serial);
	encode_policy(policy, out + 9);
	return 9 + POLICY_BYTES;
}

int
frame_decode_policy(const uint8_t *frame, size_t bytes,
    struct frame_policy *policy, uint64_t *serial)
{
	if (bytes < 9 + POLICY_BYTES)
		return -1;
	*serial = be64dec(frame + 1);
	return decode_policy(frame + 9, policy) ? 0 : -1;
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
	copy_printable(words, frame + 1, bytes - 1);
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
	uint8_t *at = out + 33;

	out[0] = FRAME_TOTALS;
	be64enc(out + 1, totals->first);
	be64enc(out + 9, totals->least);
	be64enc(out + 17, totals->echo);
	be64enc(out + 25, totals->serial);
	for (size_t i = 0; i < FRAME_TOTALS_COUNT; i++, at += 8)
		be64enc(at, totals->counts[i]);
	return FRAME_TOTALS_BYTES;
}

int
frame_decode_totals(const uint8_t *frame, size_t bytes,
    struct frame_totals *totals)
{
	const uint8_t *at = frame + 33;

	if (bytes < FRAME_TOTALS_BYTES)
		return -1;
	totals->first = be64dec(frame + 1);
	totals->least = be64dec(frame + 9);
	totals->echo = be64dec(frame + 17);
	totals->serial = be64dec(frame + 25);
	for (size_t i = 0; i < FRAME_TOTALS_COUNT; i++, at += 8)
		totals->counts[i] = be64dec(at);
	return 0;
}
