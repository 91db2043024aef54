#include "tests/noise_pair.h"

#include <check.h>
#include <string.h>

struct noise_pair pair;
const uint8_t noise_pair_prologue[FRAME_PROLOGUE_BYTES] = FRAME_PROLOGUE;

struct noise_identity *
noise_pair_identity(uint8_t tag)
{
	uint8_t key[NOISE_KEY_BYTES] = { 0, tag };

	return noise_identity_new(key);
}

struct noise_handshake *
noise_pair_initiator(const struct noise_identity *identity,
    const uint8_t *remote)
{
	return noise_handshake_new(true, identity, remote, true,
	    noise_pair_prologue, FRAME_PROLOGUE_BYTES);
}

struct noise_handshake *
noise_pair_responder(const struct noise_identity *identity)
{
	return noise_handshake_new(false, identity, NULL, true,
	    noise_pair_prologue, FRAME_PROLOGUE_BYTES);
}

void
noise_pair_begin(void)
{
	noise_handshake_free(pair.initiator);
	noise_handshake_free(pair.responder);
	pair.initiator = noise_pair_initiator(pair.alice,
	    noise_identity_public(pair.bob));
	pair.responder = noise_pair_responder(pair.bob);
	ck_assert_ptr_nonnull(pair.initiator);
	ck_assert_ptr_nonnull(pair.responder);
}

void
noise_pair_set_up(void)
{
	size_t i;

	ck_assert_int_eq(noise_init(), 0);
	pair.alice = noise_pair_identity(1);
	pair.bob = noise_pair_identity(2);
	for (i = 0; i < sizeof(pair.payload); i++)
		pair.payload[i] = (uint8_t)i;
	noise_pair_begin();
}

void
noise_pair_tear_down(void)
{
	noise_handshake_free(pair.initiator);
	noise_handshake_free(pair.responder);
	noise_identity_free(pair.alice);
	noise_identity_free(pair.bob);
}

int
noise_pair_write1(void)
{
	return noise_write_message1(pair.initiator, pair.payload, PAYLOAD_BYTES,
	    pair.message1);
}

int
noise_pair_read1(size_t bytes)
{
	memset(pair.got, 0xaa, sizeof(pair.got));
	return noise_read_message1(pair.responder, pair.message1, bytes,
	    pair.got);
}

int
noise_pair_write2(void)
{
	return noise_write_message2(pair.responder, pair.payload, PAYLOAD_BYTES,
	    pair.message2);
}

int
noise_pair_read2(size_t bytes)
{
	memset(pair.got, 0xaa, sizeof(pair.got));
	return noise_read_message2(pair.initiator, pair.message2, bytes,
	    pair.got);
}

void
noise_pair_until_read2(void)
{
	ck_assert_int_eq(noise_pair_write1(), 0);
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), 0);
	ck_assert_int_eq(noise_pair_write2(), 0);
}
