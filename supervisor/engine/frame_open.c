/*
 * OPEN: the end that is asked for, and how its tunnel is to be run.
 */
#include <sys/un.h>

#include <bsd/sys/endian.h>
#include <netinet/in.h>

#include <assert.h>
#include <string.h>

#include "supervisor/address_text.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/frame_text.h"

#define POLICY_BYTES 9
#define CLIENTS_BYTES 4
#define POLICY_MAX_MS 10000
#define SCHEDULER_MAX 2
#define COPIES_MAX 8
#define FAMILY_NONE 0 /* to be learned */
#define FAMILY_UNIX 1
#define FAMILY_SEQPACKET 2
#define FAMILY_TUN 3
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

/* u8 family, u8 length, path. */
static uint8_t *
encode_path(const struct sockaddr_storage *address, uint8_t family,
    uint8_t *out)
{
	struct sockaddr_un local;
	size_t bytes;

	memcpy(&local, address, sizeof(local));
	bytes = strnlen(local.sun_path, sizeof(local.sun_path) - 1);
	out[0] = family;
	out[1] = (uint8_t)bytes;
	memcpy(out + 2, local.sun_path, bytes);
	return out + 2 + bytes;
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

/* Only what a configuration can name. */
static void
decode_name(struct input *input, struct sockaddr_storage *address,
    bool (*is_one)(const char *text))
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	size_t bytes = *take(input, 1);

	if (bytes > input->left || bytes >= sizeof(local.sun_path)) {
		input->bad = true;
		return;
	}
	for (size_t i = 0; i < bytes; i++)
		local.sun_path[i] = (char)*take(input, 1);
	if (strlen(local.sun_path) != bytes || !is_one(local.sun_path))
		input->bad = true;
	memcpy(address, &local, sizeof(local));
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

static uint8_t *
encode_end(const struct address_pair *end, uint8_t *at)
{
	switch (end->kind) {
	case ADDRESS_UDP:
	case ADDRESS_LEARN:
		at = encode_address(&end->local, at);
		return encode_address(&end->remote, at);
	case ADDRESS_UNIX:
		at = encode_path(&end->local, FAMILY_UNIX, at);
		if (end->remote.ss_family == AF_UNIX)
			return encode_path(&end->remote, FAMILY_UNIX, at);
		return encode_address(&end->remote, at);
	case ADDRESS_SEQPACKET:
		return encode_path(&end->local, FAMILY_SEQPACKET, at);
	case ADDRESS_TUN:
		return encode_path(&end->local, FAMILY_TUN, at);
	}
	return at;
}

static bool
decode_named(struct input *input, struct address_pair *end)
{
	static const enum address_kind kinds[] = {
		[FAMILY_UNIX] = ADDRESS_UNIX,
		[FAMILY_SEQPACKET] = ADDRESS_SEQPACKET,
		[FAMILY_TUN] = ADDRESS_TUN,
	};

	end->kind = kinds[*take(input, 1)];
	decode_name(input, &end->local,
	    end->kind == ADDRESS_TUN ? address_text_is_device :
				       address_text_is_path);
	if (end->kind != ADDRESS_UNIX)
		return !input->bad;
	switch (*take(input, 1)) {
	case FAMILY_NONE:
		return !input->bad;
	case FAMILY_UNIX:
		decode_name(input, &end->remote, address_text_is_path);
		return !input->bad;
	}
	return false;
}

/* True if there is such an end. */
static bool
decode_end(struct input *input, struct address_pair *end)
{
	if (input->left > 0 && *input->at >= FAMILY_UNIX &&
	    *input->at <= FAMILY_TUN)
		return decode_named(input, end);
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
	at = encode_end(&open->end, at);
	at = encode_policy(&open->policy, at);
	*at++ = (uint8_t)bytes;
	memcpy(at, open->name, bytes);
	at += bytes;
	if (open->clients != 0) {
		be16enc(at, open->clients);
		be16enc(at + 2, open->idle_s);
		at += CLIENTS_BYTES;
	}
	return (size_t)(at - out);
}

static int
decode_clients(struct input *input, struct frame_open *open)
{
	open->clients = be16dec(take(input, 2));
	open->idle_s = be16dec(take(input, 2));
	if (input->bad || input->left != 0 || open->clients == 0 ||
	    open->idle_s == 0 || address_is_named(open->end.kind))
		return -1;
	return 0;
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
	if (input.bad || name_bytes > input.left ||
	    name_bytes >= sizeof(open->name))
		return -1;
	frame_text_copy(open->name, input.at, name_bytes);
	input.at += name_bytes;
	input.left -= name_bytes;
	return input.left == 0 ? 0 : decode_clients(&input, open);
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
