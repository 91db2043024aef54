#include <check.h>
#include <string.h>

#include <openssl/evp.h>

#include "tests/noise_pair.h"
#include "tests/suite.h"

static const uint8_t zeros[NOISE_KEY_BYTES];
static const uint8_t psk[NOISE_KEY_BYTES] = "thirty-two bytes of some secret";

/* Split both and send one frame each way. */
static void
check_transport(void)
{
	struct noise_cipher *tx[2], *rx[2];
	uint8_t frame[9 + NOISE_TAG_BYTES], plain[9];
	int i;

	ck_assert_int_eq(noise_split(pair.initiator, &tx[0], &rx[0]), 0);
	ck_assert_int_eq(noise_split(pair.responder, &tx[1], &rx[1]), 0);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(noise_seal(tx[i], (const uint8_t *)"socktopus",
				     9, frame),
		    0);
		ck_assert_int_eq(noise_open(rx[1 - i], frame, sizeof(frame),
				     plain),
		    0);
		ck_assert_mem_eq(plain, "socktopus", 9);
	}
	for (i = 0; i < 2; i++) {
		noise_cipher_free(tx[i]);
		noise_cipher_free(rx[i]);
	}
}

START_TEST(test_whole_handshake)
{
	noise_handshake_set_psk(pair.initiator, psk);
	noise_handshake_set_psk(pair.responder, psk);
	ck_assert_int_eq(noise_pair_write1(), 0);
	ck_assert_int_eq(noise_pair_read1(MESSAGE1_BYTES), 0);
	ck_assert_mem_eq(pair.got, pair.payload, sizeof(pair.payload));
	ck_assert_mem_eq(noise_handshake_remote(pair.responder),
	    noise_identity_public(pair.alice), NOISE_KEY_BYTES);
	ck_assert_int_eq(noise_pair_write2(), 0);
	ck_assert_int_eq(noise_pair_read2(MESSAGE2_BYTES), 0);
	ck_assert_mem_eq(pair.got, pair.payload, sizeof(pair.payload));
	ck_assert_mem_eq(noise_handshake_hash(pair.initiator),
	    noise_handshake_hash(pair.responder), NOISE_HASH_BYTES);
	check_transport();
}
END_TEST

START_TEST(test_empty_payloads)
{
	ck_assert_int_eq(noise_write_message1(pair.initiator, NULL, 0,
			     pair.message1),
	    0);
	ck_assert_int_eq(noise_read_message1(pair.responder, pair.message1,
			     NOISE_MESSAGE1_BYTES(0), pair.got),
	    0);
	ck_assert_int_eq(noise_write_message2(pair.responder, NULL, 0,
			     pair.message2),
	    0);
	ck_assert_int_eq(noise_read_message2(pair.initiator, pair.message2,
			     NOISE_MESSAGE2_BYTES(0), pair.got),
	    0);
	check_transport();
}
END_TEST

START_TEST(test_unset_psk_is_zeros)
{
	noise_handshake_set_psk(pair.responder, zeros);
	noise_pair_until_read2();
	ck_assert_int_eq(noise_pair_read2(MESSAGE2_BYTES), 0);
}
END_TEST

START_TEST(test_ephemerals_differ)
{
	uint8_t first[NOISE_KEY_BYTES];

	noise_pair_until_read2();
	memcpy(first, pair.message1, sizeof(first));
	ck_assert_mem_ne(first, pair.message2, sizeof(first));
	noise_pair_begin();
	ck_assert_int_eq(noise_pair_write1(), 0);
	ck_assert_mem_ne(first, pair.message1, sizeof(first));
}
END_TEST

/* The largest payloads that a Noise message holds, and one byte more. */
START_TEST(test_largest_messages)
{
	static uint8_t big[NOISE_MESSAGE_MAX], message[NOISE_MESSAGE_MAX + 1];
	size_t most1 = NOISE_MESSAGE_MAX - NOISE_MESSAGE1_BYTES(0);
	size_t most2 = NOISE_MESSAGE_MAX - NOISE_MESSAGE2_BYTES(0);

	ck_assert_int_eq(noise_write_message1(pair.initiator, big, most1,
			     message),
	    0);
	ck_assert_int_eq(noise_read_message1(pair.responder, message,
			     NOISE_MESSAGE_MAX, big),
	    0);
	ck_assert_int_eq(noise_write_message2(pair.responder, big, most2,
			     message),
	    0);
	ck_assert_int_eq(noise_read_message2(pair.initiator, message,
			     NOISE_MESSAGE_MAX, big),
	    0);
	noise_pair_begin();
	ck_assert_int_eq(noise_write_message1(pair.initiator, big, most1 + 1,
			     message),
	    -1);
	ck_assert_int_eq(noise_read_message1(pair.responder, message,
			     NOISE_MESSAGE_MAX + 1, big),
	    -1);
}
END_TEST

/* The calls of a handshake, and whose turn each step is: nobody's at last. */
enum call {
	WRITE1,
	READ1,
	WRITE2,
	READ2,
	SPLIT,
	CALLS
};

static const enum call initiators[] = { WRITE1, READ2, SPLIT, CALLS };
static const enum call responders[] = { READ1, WRITE2, SPLIT, CALLS };

static int
make_call(struct noise_handshake *end, enum call call)
{
	struct noise_cipher *tx = NULL, *rx = NULL;
	int result = -1;

	switch (call) {
	case WRITE1:
		return noise_write_message1(end, pair.payload, PAYLOAD_BYTES,
		    pair.message1);
	case READ1:
		return noise_read_message1(end, pair.message1, MESSAGE1_BYTES,
		    pair.got);
	case WRITE2:
		return noise_write_message2(end, pair.payload, PAYLOAD_BYTES,
		    pair.message2);
	case READ2:
		return noise_read_message2(end, pair.message2, MESSAGE2_BYTES,
		    pair.got);
	case SPLIT:
		result = noise_split(end, &tx, &rx);
		ck_assert((result == 0) == (tx != NULL && rx != NULL));
		noise_cipher_free(tx);
		noise_cipher_free(rx);
		break;
	case CALLS:
		break;
	}
	return result;
}

/* One end writes, the other reads. */
static void
both(enum call first, enum call second)
{
	bool forth = first != WRITE2;

	ck_assert_int_eq(make_call(forth ? pair.initiator : pair.responder,
			     first),
	    0);
	ck_assert_int_eq(make_call(forth ? pair.responder : pair.initiator,
			     second),
	    0);
}

/* Both ends stand before step; one of them makes a wrong call, then dies. */
static void
check_wrong_call(bool first, int step, enum call wrong)
{
	enum call right = first ? initiators[step] : responders[step];
	struct noise_handshake *end;

	noise_pair_begin();
	if (step > 0)
		both(WRITE1, READ1);
	if (step > 1)
		both(WRITE2, READ2);
	if (step > 2)
		both(SPLIT, SPLIT);
	end = first ? pair.initiator : pair.responder;
	if (wrong == right)
		return;
	ck_assert_msg(make_call(end, wrong) == -1, "step %d call %d", step,
	    (int)wrong);
	ck_assert_int_eq(make_call(end, right), -1);
}

START_TEST(test_calls_out_of_order)
{
	int step, call;

	for (step = 0; step < 4; step++)
		for (call = WRITE1; call < CALLS; call++)
			check_wrong_call(_i != 0, step, (enum call)call);
}
END_TEST

START_TEST(test_new_wants_remote_of_initiator)
{
	ck_assert_ptr_null(noise_pair_initiator(pair.alice, NULL));
	ck_assert_ptr_null(noise_handshake_new(false, pair.alice,
	    noise_identity_public(pair.bob), true, NULL, 0));
}
END_TEST

/* As under a provider without ChaCha20: said at the start. */
START_TEST(test_init_without_algorithms)
{
	ck_assert(EVP_set_default_properties(NULL, "provider=none"));
	ck_assert_int_eq(noise_init(), -1);
}
END_TEST

static Suite *
noise_suite(void)
{
	Suite *suite = suite_create("noise");
	TCase *tcase = tcase_create("handshake");

	tcase_add_checked_fixture(tcase, noise_pair_set_up,
	    noise_pair_tear_down);
	tcase_add_test(tcase, test_whole_handshake);
	tcase_add_test(tcase, test_empty_payloads);
	tcase_add_test(tcase, test_unset_psk_is_zeros);
	tcase_add_test(tcase, test_ephemerals_differ);
	tcase_add_test(tcase, test_largest_messages);
	tcase_add_loop_test(tcase, test_calls_out_of_order, 0, 2);
	tcase_add_test(tcase, test_new_wants_remote_of_initiator);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("init");
	tcase_add_test(tcase, test_init_without_algorithms);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(noise_suite());
}
