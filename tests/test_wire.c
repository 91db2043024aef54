/*
 * Frames on a channel whose worker is this test: it reads the transmit ring
 * and writes the receive ring by hand.
 */
#include "supervisor/engine/wire.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/channel.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"
#include "tests/suite.h"

#define RING_BYTES ((size_t)65536 * 4)

static struct layout_engine engine_words;
static struct layout_worker worker_words;
static uint8_t tx_data[RING_BYTES * 2];
static uint8_t rx_data[RING_BYTES * 2];
static uint8_t buffer[FRAME_SEALED_MAX];

static void
open_channel(struct channel *channel)
{
	memset(channel, 0, sizeof(*channel));
	ring_producer_init(&channel->tx, tx_data, RING_BYTES,
	    &engine_words.tx_head, &worker_words.tx_tail, 0);
	ring_consumer_init(&channel->rx, rx_data, RING_BYTES,
	    &worker_words.rx_head, &engine_words.rx_tail, 0);
}

/* What a worker's read(2) would have put into the receive ring. */
static void
arrive(const void *bytes, size_t length)
{
	uint64_t head = atomic_load(&worker_words.rx_head);

	memcpy(rx_data + head, bytes, length);
	atomic_store(&worker_words.rx_head, head + length);
}

START_TEST(message_is_put_with_its_length)
{
	struct channel channel;

	open_channel(&channel);
	ck_assert_int_eq(wire_put(&channel, (const uint8_t *)"hello", 5),
	    WIRE_OK);
	ck_assert_uint_eq(atomic_load(&engine_words.tx_head), 7);
	ck_assert_mem_eq(tx_data, "\0\5hello", 7);
	ck_assert_uint_eq(wire_room(&channel), RING_BYTES - 7);
}
END_TEST

START_TEST(frame_is_taken_only_when_whole)
{
	struct channel channel;
	size_t length = 0;

	open_channel(&channel);
	ck_assert_int_eq(wire_take(&channel, buffer, 1, 99, &length),
	    WIRE_EMPTY);
	arrive("\0", 1);
	ck_assert_int_eq(wire_take(&channel, buffer, 1, 99, &length),
	    WIRE_EMPTY);
	arrive("\5hell", 5);
	ck_assert_int_eq(wire_take(&channel, buffer, 1, 99, &length),
	    WIRE_EMPTY);
	ck_assert_uint_eq(atomic_load(&engine_words.rx_tail), 0);
	arrive("o\0\1", 3);
	ck_assert_int_eq(wire_take(&channel, buffer, 1, 99, &length), WIRE_OK);
	ck_assert_uint_eq(length, 5);
	ck_assert_mem_eq(buffer, "hello", 5);
	ck_assert_uint_eq(atomic_load(&engine_words.rx_tail), 7);
	ck_assert_int_eq(wire_take(&channel, buffer, 1, 99, &length),
	    WIRE_EMPTY);
}
END_TEST

START_TEST(impossible_lengths_end_it)
{
	struct channel channel;
	size_t length = 0;

	open_channel(&channel);
	arrive("\0\20", 2);
	ck_assert_int_eq(wire_take(&channel, buffer, FRAME_SEALED_MIN,
			     FRAME_SEALED_MAX, &length),
	    WIRE_BROKEN_LENGTH);
	/* Before message 2 nothing but its own length will do. */
	ck_assert_int_eq(wire_take(&channel, buffer, 17, 17, &length),
	    WIRE_BROKEN_LENGTH);
}
END_TEST

START_TEST(forged_index_is_broken)
{
	struct channel channel;
	size_t length = 0;

	open_channel(&channel);
	atomic_store(&worker_words.rx_head, RING_BYTES + 1);
	ck_assert_int_eq(wire_take(&channel, buffer, 1, 99, &length),
	    WIRE_BROKEN_RING);
	atomic_store(&worker_words.tx_tail, 1);
	ck_assert_uint_eq(wire_room(&channel), 0);
}
END_TEST

static void
make_ciphers(struct noise_cipher **tx, struct noise_cipher **rx)
{
	static const uint8_t key[NOISE_KEY_BYTES] = { 8 };
	struct noise_identity *self = noise_identity_new(key);
	struct noise_handshake *i, *r;
	struct noise_cipher *unused[2];
	uint8_t one[NOISE_MESSAGE1_BYTES(0)], two[NOISE_MESSAGE2_BYTES(0)];

	i = noise_handshake_new(true, self, noise_identity_public(self), true,
	    NULL, 0);
	r = noise_handshake_new(false, self, NULL, true, NULL, 0);
	ck_assert_int_eq(noise_write_message1(i, NULL, 0, one), 0);
	ck_assert_int_eq(noise_read_message1(r, one, sizeof(one), NULL), 0);
	ck_assert_int_eq(noise_write_message2(r, NULL, 0, two), 0);
	ck_assert_int_eq(noise_read_message2(i, two, sizeof(two), NULL), 0);
	ck_assert_int_eq(noise_split(i, tx, &unused[0]), 0);
	ck_assert_int_eq(noise_split(r, &unused[1], rx), 0);
	noise_cipher_free(unused[0]);
	noise_cipher_free(unused[1]);
	noise_handshake_free(i);
	noise_handshake_free(r);
	noise_identity_free(self);
}

START_TEST(sealed_frames_cross_and_fill_the_ring)
{
	static const uint8_t plain[FRAME_PLAIN_MAX] = { 4, 2 };
	struct noise_cipher *tx, *rx;
	struct channel channel;
	size_t wire_bytes, length;

	ck_assert_int_eq(noise_init(), 0);
	make_ciphers(&tx, &rx);
	open_channel(&channel);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(wire_seal(&channel, tx, plain, sizeof(plain),
				     &wire_bytes),
		    WIRE_OK);
		ck_assert_uint_eq(wire_bytes, 65537);
	}
	/* A full ring uses no counter: the next seal still opens. */
	ck_assert_int_eq(wire_seal(&channel, tx, plain, sizeof(plain),
			     &wire_bytes),
	    WIRE_FULL);
	ck_assert_int_eq(wire_seal(&channel, tx, plain, 2, &wire_bytes),
	    WIRE_OK);
	arrive(tx_data, 3 * 65537 + 20);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(wire_take(&channel, buffer, FRAME_SEALED_MIN,
				     FRAME_SEALED_MAX, &length),
		    WIRE_OK);
		ck_assert_int_eq(noise_open(rx, buffer, length, buffer), 0);
		ck_assert_mem_eq(buffer, plain, length - FRAME_TAG_BYTES);
	}
	noise_cipher_free(tx);
	noise_cipher_free(rx);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wire");
	TCase *tests = tcase_create("wire");

	tcase_add_test(tests, message_is_put_with_its_length);
	tcase_add_test(tests, frame_is_taken_only_when_whole);
	tcase_add_test(tests, impossible_lengths_end_it);
	tcase_add_test(tests, forged_index_is_broken);
	tcase_add_test(tests, sealed_frames_cross_and_fill_the_ring);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
