#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "supervisor/engine/noise_cipher.h"
#include "tests/suite.h"

#define PLAIN_MAX (NOISE_MESSAGE_MAX - NOISE_TAG_BYTES)
#define WORD "socktopus"
#define WORD_BYTES 9
#define SEALED_BYTES (WORD_BYTES + NOISE_TAG_BYTES)

/*
 * Known answers: WORD sealed with no associated data, under the key 00..1f,
 * its Rekey() and the Rekey() of that, computed with another implementation
 * of the Noise cipher functions.
 */
static const struct {
	uint64_t counter;
	const char *sealed;
} answers[] = {
	{ 65535, "6c1d7f7e92112691c347f373dc91459b2deaba71fc33967812" },
	{ 65536, "119c4f361734812c74d4819e3efb173b8c29b5e527aaaad480" },
	{ 131072, "2e113226710c7fc94f2172de906810a462445cfadb788069a6" },
};

static struct noise_cipher *tx, *rx;
static unsigned long allocations;

static void *
count_malloc(size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return malloc(bytes);
}

static void *
count_realloc(void *old, size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return realloc(old, bytes);
}

static void
plain_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

static void
set_up(void)
{
	uint8_t key[NOISE_KEY_BYTES];
	size_t i;

	ck_assert(noise_cipher_init());
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	tx = noise_cipher_new();
	rx = noise_cipher_new();
	ck_assert(noise_cipher_set_key(tx, key));
	ck_assert(noise_cipher_set_key(rx, key));
}

static void
tear_down(void)
{
	noise_cipher_free(tx);
	noise_cipher_free(rx);
}

static int
seal_word(uint8_t sealed[SEALED_BYTES])
{
	return noise_seal(tx, (const uint8_t *)WORD, WORD_BYTES, sealed);
}

static int
open_word(const uint8_t sealed[SEALED_BYTES])
{
	uint8_t plain[WORD_BYTES];
	int result;

	result = noise_open(rx, sealed, SEALED_BYTES, plain);
	if (result == 0)
		ck_assert_mem_eq(plain, WORD, WORD_BYTES);
	return result;
}

static void
from_hex(const char *hex, uint8_t *out, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		ck_assert_int_eq(sscanf(hex + 2 * i, "%2hhx", &out[i]), 1);
}

START_TEST(test_rekey_boundary)
{
	uint8_t sealed[SEALED_BYTES], expected[SEALED_BYTES];
	size_t next = 0;
	uint64_t i;

	for (i = 0; i <= answers[2].counter; i++) {
		ck_assert_int_eq(seal_word(sealed), 0);
		ck_assert_msg(open_word(sealed) == 0, "frame %lu",
		    (unsigned long)i);
		if (i != answers[next].counter)
			continue;
		from_hex(answers[next++].sealed, expected, sizeof(expected));
		ck_assert_mem_eq(sealed, expected, sizeof(sealed));
	}
	ck_assert_uint_eq(next, 3);
}
END_TEST

/* A receiver that forgot to Rekey() is lost, and so is a sender. */
START_TEST(test_rekey_on_one_side_only)
{
	uint8_t sealed[SEALED_BYTES];

	if (_i == 0)
		ck_assert(noise_cipher_rekey(tx));
	else
		ck_assert(noise_cipher_rekey(rx));
	ck_assert_int_eq(seal_word(sealed), 0);
	ck_assert_int_eq(open_word(sealed), -1);
}
END_TEST

START_TEST(test_nonce_limit_of_seal)
{
	uint8_t sealed[SEALED_BYTES];

	tx->counter = rx->counter = NOISE_NONCE_LIMIT - 1;
	ck_assert_int_eq(seal_word(sealed), 0);
	ck_assert_int_eq(open_word(sealed), 0);
	ck_assert_int_eq(seal_word(sealed), -1);
	ck_assert_int_eq(seal_word(sealed), -1);
	tx->counter = UINT64_MAX;
	ck_assert_int_eq(seal_word(sealed), -1);
}
END_TEST

START_TEST(test_nonce_limit_of_open)
{
	uint8_t sealed[SEALED_BYTES], plain[WORD_BYTES], ad = 0;

	/* What a peer without a limit would send as that frame. */
	tx->counter = 0;
	ck_assert(noise_cipher_seal(tx, &ad, 0, (const uint8_t *)WORD,
	    WORD_BYTES, sealed));
	rx->counter = NOISE_NONCE_LIMIT;
	ck_assert_int_eq(noise_open(rx, sealed, SEALED_BYTES, plain), -1);
	rx->counter = 0;
	ck_assert_int_eq(noise_open(rx, sealed, SEALED_BYTES, plain), 0);
}
END_TEST

START_TEST(test_replayed)
{
	uint8_t sealed[SEALED_BYTES];

	ck_assert_int_eq(seal_word(sealed), 0);
	ck_assert_int_eq(open_word(sealed), 0);
	ck_assert_int_eq(open_word(sealed), -1);
}
END_TEST

START_TEST(test_reordered)
{
	uint8_t first[SEALED_BYTES], second[SEALED_BYTES];

	ck_assert_int_eq(seal_word(first), 0);
	ck_assert_int_eq(seal_word(second), 0);
	ck_assert_int_eq(open_word(second), -1);
	ck_assert_int_eq(open_word(first), -1);
}
END_TEST

START_TEST(test_dropped)
{
	uint8_t sealed[SEALED_BYTES];

	ck_assert_int_eq(seal_word(sealed), 0);
	ck_assert_int_eq(seal_word(sealed), 0);
	ck_assert_int_eq(open_word(sealed), -1);
}
END_TEST

/* Every bit of a frame; the plaintext is gone, and the cipher with it. */
START_TEST(test_flipped)
{
	uint8_t sealed[SEALED_BYTES], forged[SEALED_BYTES];
	uint8_t plain[WORD_BYTES];
	size_t bit;

	ck_assert_int_eq(seal_word(sealed), 0);
	for (bit = 0; bit < sizeof(sealed) * 8; bit++) {
		memcpy(forged, sealed, sizeof(forged));
		forged[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memset(plain, 0xaa, sizeof(plain));
		rx->counter = 0;
		ck_assert_int_eq(noise_open(rx, forged, sizeof(forged), plain),
		    -1);
		ck_assert_mem_eq(plain, "\0\0\0\0\0\0\0\0\0", sizeof(plain));
		ck_assert_int_eq(noise_open(rx, sealed, sizeof(sealed), plain),
		    -1);
	}
	rx->counter = 0;
	ck_assert_int_eq(open_word(sealed), 0);
}
END_TEST

START_TEST(test_associated_data)
{
	uint8_t sealed[SEALED_BYTES], plain[WORD_BYTES], ad[2] = { 1, 2 };

	ck_assert(noise_cipher_seal(tx, ad, 2, (const uint8_t *)WORD,
	    WORD_BYTES, sealed));
	ck_assert(noise_cipher_open(rx, ad, 2, sealed, SEALED_BYTES, plain));
	rx->counter = 0;
	ad[1] = 3;
	ck_assert(!noise_cipher_open(rx, ad, 2, sealed, SEALED_BYTES, plain));
	rx->counter = 0;
	ck_assert(!noise_cipher_open(rx, ad, 0, sealed, SEALED_BYTES, plain));
}
END_TEST

START_TEST(test_sizes_in_place)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 64, 1400,
		PLAIN_MAX - 1, PLAIN_MAX };
	static uint8_t plain[PLAIN_MAX], sealed[NOISE_MESSAGE_MAX];
	size_t i, bytes;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bytes = sizes[i];
		memset(plain, (int)i + 1, bytes);
		ck_assert_int_eq(noise_seal(tx, plain, bytes, sealed), 0);
		ck_assert_int_eq(noise_open(rx, sealed, bytes + NOISE_TAG_BYTES,
				     sealed),
		    0);
		if (bytes != 0)
			ck_assert_mem_eq(sealed, plain, bytes);
	}
}
END_TEST

/* As libcrypto seals it at one stroke, under the first nonce. */
static void
seal_at_once(const uint8_t *plain, size_t bytes, uint8_t *sealed)
{
	static const uint8_t nonce[12];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done;

	ck_assert(EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), NULL,
		      tx->key, nonce) == 1 &&
	    EVP_EncryptUpdate(context, sealed, &done, plain, (int)bytes) == 1 &&
	    EVP_EncryptFinal_ex(context, sealed + bytes, &done) == 1 &&
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, NOISE_TAG_BYTES,
		sealed + bytes) == 1);
	EVP_CIPHER_CTX_free(context);
}

/* Those that leave any number of blocks, and bytes, over. */
START_TEST(test_long_sizes)
{
	static uint8_t plain[PLAIN_MAX], sealed[NOISE_MESSAGE_MAX];
	static uint8_t expected[NOISE_MESSAGE_MAX];
	size_t bytes, i;

	for (i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 7 + i / 256);
	for (bytes = PLAIN_MAX; bytes > PLAIN_MAX - 200; bytes--) {
		seal_at_once(plain, bytes, expected);
		tx->counter = rx->counter = 0;
		ck_assert_int_eq(noise_seal(tx, plain, bytes, sealed), 0);
		ck_assert_mem_eq(sealed, expected, bytes + NOISE_TAG_BYTES);
		ck_assert_int_eq(noise_open(rx, sealed, bytes + NOISE_TAG_BYTES,
				     sealed),
		    0);
		ck_assert_mem_eq(sealed, plain, bytes);
	}
}
END_TEST

START_TEST(test_impossible_sizes)
{
	static uint8_t plain[NOISE_MESSAGE_MAX + 1];
	static uint8_t sealed[NOISE_MESSAGE_MAX + 2];

	ck_assert_int_eq(noise_seal(tx, plain, PLAIN_MAX + 1, sealed), -1);
	ck_assert_int_eq(noise_seal(tx, plain, 1, sealed), -1);
	ck_assert_int_eq(noise_open(rx, sealed, NOISE_TAG_BYTES - 1, plain),
	    -1);
	rx->counter = 0;
	ck_assert_int_eq(noise_open(rx, sealed, 0, plain), -1);
	rx->counter = 0;
	ck_assert_int_eq(noise_open(rx, sealed, NOISE_MESSAGE_MAX + 1, plain),
	    -1);
}
END_TEST

START_TEST(test_without_key)
{
	uint8_t sealed[SEALED_BYTES];

	noise_cipher_free(tx);
	tx = noise_cipher_new();
	ck_assert_int_eq(seal_word(sealed), -1);
	noise_cipher_free(NULL);
}
END_TEST

/* Not one call of malloc in libcrypto, Rekey() included. */
START_TEST(test_no_allocation)
{
	uint8_t sealed[SEALED_BYTES];
	unsigned long before = allocations;
	uint64_t i;

	ck_assert_uint_gt(before, 0);
	for (i = 0; i < NOISE_REKEY_FRAMES + 2; i++) {
		ck_assert_int_eq(seal_word(sealed), 0);
		ck_assert_int_eq(open_word(sealed), 0);
	}
	ck_assert_uint_eq(allocations, before);
}
END_TEST

static Suite *
cipher_suite(void)
{
	Suite *suite = suite_create("noise_cipher");
	TCase *tcase = tcase_create("cipher");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_rekey_boundary);
	tcase_add_loop_test(tcase, test_rekey_on_one_side_only, 0, 2);
	tcase_add_test(tcase, test_nonce_limit_of_seal);
	tcase_add_test(tcase, test_nonce_limit_of_open);
	tcase_add_test(tcase, test_replayed);
	tcase_add_test(tcase, test_reordered);
	tcase_add_test(tcase, test_dropped);
	tcase_add_test(tcase, test_flipped);
	tcase_add_test(tcase, test_associated_data);
	tcase_add_test(tcase, test_sizes_in_place);
	tcase_add_test(tcase, test_long_sizes);
	tcase_add_test(tcase, test_impossible_sizes);
	tcase_add_test(tcase, test_without_key);
	tcase_add_test(tcase, test_no_allocation);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	/* Only before libcrypto's first allocation. */
	if (!CRYPTO_set_mem_functions(count_malloc, count_realloc, plain_free))
		return 99;
	return suite_run(cipher_suite());
}
