/*
 * The kernel says of every mapping what it is marked with.
 */
#include <bsd/stdlib.h>
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "supervisor/engine/noise.h"
#include "supervisor/engine/noise_cipher.h"
#include "supervisor/engine/noise_identity.h"
#include "supervisor/engine/secret.h"
#include "tests/suite.h"

#define PEER_BYTES 72
#define IDENTITIES 1024

/* True if the mapping that holds the address has the flag, as "lo". */
static bool
has_flag(const void *address, const char *flag)
{
	unsigned long start, end, wanted = (unsigned long)(uintptr_t)address;
	char line[512];
	bool here = false, found = false;
	FILE *maps = fopen("/proc/self/smaps", "r");

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = wanted >= start && wanted < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	fclose(maps);
	return found;
}

START_TEST(it_is_locked_and_not_dumped)
{
	enum secret_result result = secret_init(PEER_BYTES);
	uint8_t *secret;

	ck_assert_int_ne(result, SECRET_FAILED);
	secret = secret_new(PEER_BYTES);
	ck_assert_ptr_nonnull(secret);
	for (size_t i = 0; i < PEER_BYTES; i++)
		ck_assert_uint_eq(secret[i], 0);
	ck_assert(has_flag(secret, " lo") == (result == SECRET_LOCKED));
	ck_assert(has_flag(secret, " dd"));
	secret_free(secret, PEER_BYTES);
	secret_free(NULL, 0);
}
END_TEST

START_TEST(it_is_wiped)
{
	uint8_t *secret, *again;

	ck_assert_int_ne(secret_init(PEER_BYTES), SECRET_FAILED);
	secret = secret_new(PEER_BYTES);
	memset(secret, 0x5a, PEER_BYTES);
	secret_free(secret, PEER_BYTES);
	again = OPENSSL_secure_malloc(PEER_BYTES);
	ck_assert_ptr_eq(again, secret);
	/* Beyond what the allocator's own list takes. */
	for (size_t i = 2 * sizeof(void *); i < PEER_BYTES; i++)
		ck_assert_uint_ne(again[i], 0x5a);
}
END_TEST

/* Ours, beside a thousand of libcrypto's. */
START_TEST(there_is_room)
{
	static const size_t sizes[] = { 1, PEER_BYTES, 100 * 1024, 300 * 1024 };
	static const uint8_t key[NOISE_KEY_BYTES] = { 8 };
	struct noise_identity *identities[IDENTITIES];
	void *secret;

	ck_assert_int_ne(secret_init(sizes[_i]), SECRET_FAILED);
	secret = secret_new(sizes[_i]);
	ck_assert_ptr_nonnull(secret);
	for (int i = 0; i < IDENTITIES; i++) {
		identities[i] = noise_identity_new(key);
		ck_assert_ptr_nonnull(identities[i]);
	}
	for (int i = 0; i < IDENTITIES; i++)
		noise_identity_free(identities[i]);
	secret_free(secret, sizes[_i]);
}
END_TEST

START_TEST(too_much_is_refused)
{
	ck_assert_int_eq(secret_init(SIZE_MAX), SECRET_FAILED);
}
END_TEST

#ifndef SANDBOX_RELAXED
/* Where the key stands, mask applied so that the needle is no hit; or NULL. */
static const uint8_t *
find_key(const uint8_t *from, const uint8_t *to,
    const uint8_t masked[NOISE_KEY_BYTES])
{
	for (; to - from >= NOISE_KEY_BYTES; from += 4) {
		int i = 0;

		while (
		    i < NOISE_KEY_BYTES && (from[i] ^ masked[i]) == UINT8_MAX)
			i++;
		if (i == NOISE_KEY_BYTES)
			return from;
	}
	return NULL;
}

/* Copies of the key in memory that may be swapped or dumped. */
static int
count_loose(const uint8_t masked[NOISE_KEY_BYTES], int *copies)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512], access[8];
	int loose = 0;

	*copies = 0;
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		const uint8_t *at;

		if (sscanf(line, "%lx-%lx %7s", &start, &end, access) != 3 ||
		    strncmp(access, "rw", 2) != 0 || end - start > 1 << 30)
			continue;
		at = (const uint8_t *)start;
		while (
		    (at = find_key(at, (const uint8_t *)end, masked)) != NULL) {
			(*copies)++;
			loose += !has_flag(at, " dd");
			at += 4;
		}
	}
	fclose(maps);
	return loose;
}

/* libcrypto's cipher holds it as long as the path lives. */
START_TEST(a_session_key_is_there_too)
{
	uint8_t masked[NOISE_KEY_BYTES], key[NOISE_KEY_BYTES];
	struct noise_cipher *cipher;
	int copies;

	ck_assert_int_ne(secret_init(PEER_BYTES), SECRET_FAILED);
	ck_assert_int_eq(noise_init(), 0);
	cipher = noise_cipher_new();
	ck_assert_ptr_nonnull(cipher);
	arc4random_buf(masked, sizeof(masked));
	for (int i = 0; i < NOISE_KEY_BYTES; i++)
		key[i] = masked[i] ^ UINT8_MAX;
	ck_assert(noise_cipher_set_key(cipher, key));
	OPENSSL_cleanse(key, sizeof(key));
	ck_assert_int_eq(count_loose(masked, &copies), 0);
	ck_assert_int_ge(copies, 1);
	noise_cipher_free(cipher);
	ck_assert_int_eq(count_loose(masked, &copies), 0);
	ck_assert_int_eq(copies, 0);
}
END_TEST
#endif

static Suite *
suite(void)
{
	Suite *all = suite_create("secret");
	TCase *t = tcase_create("secret");

	tcase_add_test(t, it_is_locked_and_not_dumped);
	tcase_add_test(t, it_is_wiped);
#ifndef SANDBOX_RELAXED
	/* A sanitizer's shadow is not to be read. */
	tcase_add_test(t, a_session_key_is_there_too);
#endif
	tcase_add_loop_test(t, there_is_room, 0, 4);
	tcase_add_test(t, too_much_is_refused);
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
	return suite_run(suite());
}
