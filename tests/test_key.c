#include <check.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "supervisor/engine/key.h"
#include "tests/suite.h"

static uint8_t key[KEY_BYTES], other[KEY_BYTES];

/* Bytes 00..1f, and what X25519 makes of them. */
static const char private_text[] =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char public_text[] =
    "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=";

START_TEST(test_text_known)
{
	char text[KEY_TEXT_MAX];
	size_t i;

	ck_assert_int_eq(key_from_text(private_text, key), 0);
	for (i = 0; i < KEY_BYTES; i++)
		ck_assert_uint_eq(key[i], i);
	key_to_text(key, text);
	ck_assert_str_eq(text, private_text);
}
END_TEST

START_TEST(test_text_as_libcrypto)
{
	char text[KEY_TEXT_MAX];
	unsigned char expected[KEY_TEXT_MAX];
	int i;

	for (i = 0; i < 1000; i++) {
		ck_assert_int_eq(key_generate_psk(key), 0);
		key_to_text(key, text);
		EVP_EncodeBlock(expected, key, KEY_BYTES);
		ck_assert_str_eq(text, (const char *)expected);
		ck_assert_int_eq(key_from_text(text, other), 0);
		ck_assert_mem_eq(key, other, KEY_BYTES);
	}
}
END_TEST

/* Each of 256 characters in each of 44 places. */
START_TEST(test_text_characters)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[KEY_TEXT_MAX];
	bool good;
	int place, c;

	for (place = 0; place < KEY_TEXT_MAX - 1; place++)
		for (c = 0; c < 256; c++) {
			strcpy(text, private_text);
			text[place] = (char)c;
			good = c != '\0' && strchr(alphabet, c) != NULL;
			if (place == 42)
				good = good &&
				    (strchr(alphabet, c) - alphabet) % 4 == 0;
			if (place == 43)
				good = c == '=';
			ck_assert_msg((key_from_text(text, key) == 0) == good,
			    "character %d in place %d", c, place);
		}
}
END_TEST

static const char *const bad_text[] = {
	"",
	"=",
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8==",
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
	" AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AAA==",
};

#define BAD_TEXT_COUNT (int)(sizeof(bad_text) / sizeof(bad_text[0]))

START_TEST(test_text_bad)
{
	ck_assert_int_eq(key_from_text(bad_text[_i], key), -1);
}
END_TEST

START_TEST(test_public)
{
	char text[KEY_TEXT_MAX];

	ck_assert_int_eq(key_from_text(private_text, key), 0);
	ck_assert_int_eq(key_public(key, other), 0);
	key_to_text(other, text);
	ck_assert_str_eq(text, public_text);
}
END_TEST

START_TEST(test_generate)
{
	ck_assert_int_eq(key_generate_private(key), 0);
	ck_assert_int_eq(key_generate_private(other), 0);
	ck_assert_mem_ne(key, other, KEY_BYTES);
	ck_assert_uint_eq(key[0] & 7, 0);
	ck_assert_uint_eq(key[31] & 0xc0, 0x40);
	key_wipe(key, sizeof(key));
	memset(other, 0, sizeof(other));
	ck_assert_mem_eq(key, other, KEY_BYTES);
}
END_TEST

static Suite *
key_suite(void)
{
	Suite *suite = suite_create("key");
	TCase *tcase = tcase_create("text");

	tcase_add_test(tcase, test_text_known);
	tcase_add_test(tcase, test_text_as_libcrypto);
	tcase_add_test(tcase, test_text_characters);
	tcase_add_loop_test(tcase, test_text_bad, 0, BAD_TEXT_COUNT);
	tcase_add_test(tcase, test_public);
	tcase_add_test(tcase, test_generate);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(key_suite());
}
