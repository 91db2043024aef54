#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/noise_symmetric.h"
#include "tests/noise_pair.h"
#include "tests/suite.h"

static const uint8_t zeros[NOISE_KEY_BYTES];
static const uint8_t psk[NOISE_KEY_BYTES] = "thirty-two bytes of some secret";

START_TEST(test_wrong_psk)
{
	noise_handshake_set_psk(pair.initiator, psk);
	noise_pair_until_read2();
	ck_assert_int_eq(noise_pair_read2(MESSAGE2_BYTES), -1);
	ck_assert_mem_eq(pair.got, zeros, sizeof(zeros));
}
END_TEST

START_TEST(test_wrong_prologue)
{
	uint8_t other[FRAME_PROLOGUE_BYTES];

	memcpy(other, noise_pair_prologue, sizeof(other));
	other[sizeof(other) - 1] = 1;
	noise_handshake_free(pair.responder);
	pair.responder = noise_handshake_new(false, pair.bob, NULL, true, other,
	    sizeof(other));
	ck_assert_int_eq(noise_pair_write1(), 0);
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), -1);
}
END_TEST

START_TEST(test_other_responder)
{
	noise_handshake_free(pair.responder);
	pair.responder = noise_pair_responder(pair.alice);
	ck_assert_int_eq(noise_pair_write1(), 0);
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), -1);
}
END_TEST

/* IK and IKpsk2 do not understand each other. */
START_TEST(test_other_protocol)
{
	noise_handshake_free(pair.initiator);
	pair.initiator = noise_handshake_new(true, pair.alice,
	    noise_identity_public(pair.bob), false, noise_pair_prologue,
	    FRAME_PROLOGUE_BYTES);
	ck_assert_int_eq(noise_pair_write1(), 0);
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), -1);
}
END_TEST

/* Message 1 is only a claim: it may come twice, its answer serves one. */
START_TEST(test_replayed_message1)
{
	struct noise_handshake *again;
	uint8_t answer[MESSAGE2_BYTES];

	noise_pair_until_read2();
	again = noise_pair_responder(pair.bob);
	ck_assert_int_eq(noise_read_message1(again, pair.message1,
			     MESSAGE1_BYTES, pair.got),
	    0);
	ck_assert_int_eq(noise_write_message2(again, pair.payload,
			     PAYLOAD_BYTES, answer),
	    0);
	ck_assert_mem_ne(answer, pair.message2, sizeof(answer));
	ck_assert_int_eq(noise_pair_read2(MESSAGE2_BYTES), 0);
	noise_handshake_free(again);
}
END_TEST

START_TEST(test_message2_of_another)
{
	uint8_t stale[MESSAGE2_BYTES];

	noise_pair_until_read2();
	memcpy(stale, pair.message2, sizeof(stale));
	noise_pair_begin();
	noise_pair_until_read2();
	memcpy(pair.message2, stale, sizeof(stale));
	ck_assert_int_eq(noise_pair_read2(MESSAGE2_BYTES), -1);
}
END_TEST

START_TEST(test_flipped_message1)
{
	size_t i;

	for (i = 0; i < MESSAGE1_BYTES; i++) {
		noise_pair_begin();
		ck_assert_int_eq(noise_pair_write1(), 0);
		pair.message1[i] ^= (uint8_t)(1 << i % 8);
		ck_assert_msg(noise_pair_read1(MESSAGE1_BYTES) == -1,
		    "byte %zu", i);
		ck_assert_msg(noise_pair_write2() == -1, "byte %zu", i);
	}
}
END_TEST

START_TEST(test_flipped_message2)
{
	size_t i;

	for (i = 0; i < MESSAGE2_BYTES; i++) {
		noise_pair_begin();
		noise_pair_until_read2();
		pair.message2[i] ^= (uint8_t)(1 << i % 8);
		ck_assert_msg(noise_pair_read2(MESSAGE2_BYTES) == -1,
		    "byte %zu", i);
	}
}
END_TEST

/* X25519 ignores the top bit of a public key; the hash does not. */
START_TEST(test_top_bit_of_ephemeral)
{
	ck_assert_int_eq(noise_pair_write1(), 0);
	pair.message1[31] ^= 0x80;
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), -1);
}
END_TEST

/* On the heap, so that a sanitizer sees the end of the message. */
static uint8_t *
copy(const uint8_t *message, size_t bytes)
{
	uint8_t *exact = malloc(bytes + 1);

	ck_assert_ptr_nonnull(exact);
	memcpy(exact + 1, message, bytes);
	return exact;
}

START_TEST(test_lengths_message1)
{
	uint8_t *exact;
	size_t bytes;

	for (bytes = 0; bytes <= MESSAGE1_BYTES + 1; bytes++) {
		noise_pair_begin();
		ck_assert_int_eq(noise_pair_write1(), 0);
		exact = copy(pair.message1, bytes);
		ck_assert_msg((noise_read_message1(pair.responder, exact + 1,
				   bytes, pair.got) == 0) ==
			(bytes == MESSAGE1_BYTES),
		    "%zu bytes", bytes);
		free(exact);
	}
}
END_TEST

START_TEST(test_lengths_message2)
{
	uint8_t *exact;
	size_t bytes;

	for (bytes = 0; bytes <= MESSAGE2_BYTES + 1; bytes++) {
		noise_pair_begin();
		noise_pair_until_read2();
		exact = copy(pair.message2, bytes);
		ck_assert_msg((noise_read_message2(pair.initiator, exact + 1,
				   bytes, pair.got) == 0) ==
			(bytes == MESSAGE2_BYTES),
		    "%zu bytes", bytes);
		free(exact);
	}
}
END_TEST

/* Public keys whose shared secret is zero, or that stand for such a one. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
};

#define LOW_ORDER_COUNT (int)(sizeof(low_order) / sizeof(low_order[0]))

static void
low_order_key(int i, uint8_t key[NOISE_KEY_BYTES])
{
	size_t j;

	for (j = 0; j < NOISE_KEY_BYTES; j++)
		sscanf(low_order[i] + 2 * j, "%2hhx", &key[j]);
}

START_TEST(test_low_order_agreement)
{
	uint8_t key[NOISE_KEY_BYTES], secret[NOISE_KEY_BYTES];

	low_order_key(_i, key);
	ck_assert(!noise_identity_agree(pair.bob, key, secret));
}
END_TEST

START_TEST(test_low_order_responder)
{
	uint8_t key[NOISE_KEY_BYTES];

	low_order_key(_i, key);
	noise_handshake_free(pair.initiator);
	pair.initiator = noise_pair_initiator(pair.alice, key);
	ck_assert_int_eq(noise_pair_write1(), -1);
}
END_TEST

/* Message 1 of somebody who puts in any s and any ss. */
static void
make_message1(const uint8_t s[NOISE_KEY_BYTES],
    const uint8_t ss[NOISE_KEY_BYTES])
{
	struct noise_symmetric state = { .cipher = NULL };
	struct noise_identity *ephemeral = noise_pair_identity(3);
	const uint8_t *e = noise_identity_public(ephemeral);
	const uint8_t *bob = noise_identity_public(pair.bob);
	uint8_t es[NOISE_KEY_BYTES];

	memcpy(pair.message1, e, NOISE_KEY_BYTES);
	ck_assert(noise_identity_agree(ephemeral, bob, es) &&
	    noise_symmetric_begin(&state,
		"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s") &&
	    noise_symmetric_mix_hash(&state, noise_pair_prologue,
		FRAME_PROLOGUE_BYTES) &&
	    noise_symmetric_mix_hash(&state, bob, NOISE_KEY_BYTES) &&
	    noise_symmetric_mix_hash(&state, e, NOISE_KEY_BYTES) &&
	    noise_symmetric_mix_key(&state, e) &&
	    noise_symmetric_mix_key(&state, es) &&
	    noise_symmetric_seal(&state, s, NOISE_KEY_BYTES,
		pair.message1 + 32) &&
	    noise_symmetric_mix_key(&state, ss) &&
	    noise_symmetric_seal(&state, pair.payload, PAYLOAD_BYTES,
		pair.message1 + 80));
	noise_symmetric_wipe(&state);
	noise_identity_free(ephemeral);
}

/*
 * With s of low order ss is zero: known without any private key, by one who
 * claims an identity that nobody holds.
 */
START_TEST(test_low_order_initiator)
{
	uint8_t key[NOISE_KEY_BYTES];

	low_order_key(_i, key);
	make_message1(key, zeros);
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), -1);
}
END_TEST

/* The same by hand with a proper s: what is made there is a message 1. */
START_TEST(test_message1_by_hand)
{
	const uint8_t *bob = noise_identity_public(pair.bob);
	uint8_t ss[NOISE_KEY_BYTES];

	ck_assert(noise_identity_agree(pair.alice, bob, ss));
	make_message1(noise_identity_public(pair.alice), ss);
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), 0);
}
END_TEST

static Suite *
refused_suite(void)
{
	Suite *suite = suite_create("noise_refused");
	TCase *tcase = tcase_create("refused");

	tcase_add_checked_fixture(tcase, noise_pair_set_up,
	    noise_pair_tear_down);
	tcase_add_test(tcase, test_wrong_psk);
	tcase_add_test(tcase, test_wrong_prologue);
	tcase_add_test(tcase, test_other_responder);
	tcase_add_test(tcase, test_other_protocol);
	tcase_add_test(tcase, test_replayed_message1);
	tcase_add_test(tcase, test_message2_of_another);
	tcase_add_test(tcase, test_flipped_message1);
	tcase_add_test(tcase, test_flipped_message2);
	tcase_add_test(tcase, test_top_bit_of_ephemeral);
	tcase_add_test(tcase, test_lengths_message1);
	tcase_add_test(tcase, test_lengths_message2);
	tcase_add_loop_test(tcase, test_low_order_agreement, 0,
	    LOW_ORDER_COUNT);
	tcase_add_loop_test(tcase, test_low_order_responder, 0,
	    LOW_ORDER_COUNT);
	tcase_add_loop_test(tcase, test_low_order_initiator, 0,
	    LOW_ORDER_COUNT);
	tcase_add_test(tcase, test_message1_by_hand);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(refused_suite());
}
