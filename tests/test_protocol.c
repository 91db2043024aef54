/*
 * The beginning of a connection, byte for byte: both handshake messages, OPEN,
 * ACCEPT and one DATA frame, for keys that are known. The answers are another
 * implementation's, and the example of socktopus-protocol(7), which is
 * compared here where its source is at hand.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <bsd/sys/endian.h>

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/noise_ephemeral.h"
#include "tests/suite.h"

#define MESSAGE1_BYTES NOISE_MESSAGE1_BYTES(FRAME_HELLO1_BYTES)
#define MESSAGE2_BYTES NOISE_MESSAGE2_BYTES(FRAME_HELLO2_BYTES)
#define WIRE_MAX 256

static const char message1_hex[] =
    "00a079a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85"
    "a51af0225eb421886af8f54fb31289d49dcd82b0f6f3279d40d7cff913fece0c"
    "64ad62a1dcf389eb4681486683a3ed2945f139a74e921b6dd98b8bf1eac6a0f9"
    "01d25d622806391d5827f429031c575f3d49812f39c8d7187958cbf4c6f8504d"
    "1616a1aee87c1ef46e7e4796445ef2c0ee6490e7518f63f06a62582e853627dd"
    "967c";
static const char message2_hex[] =
    "0070675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371e"
    "a52f793896990a3e4bf21e5ac4a2f15596cac6eb0b1390ed1348ee9a42823f25"
    "6e47739453fca3cff8b8e7d9338a2eabf3a223235696e04beb0666ac04f79b41"
    "302243a1628cd73d058ffe2073839ed9ce6f";
static const char hash_hex[] =
    "cce7e77aba02142b6398f8af02ba90a9c0b1a4cc14c591056ac1b6d32169eb1d";
static const char open_hex[] =
    "002ead8e13bc4a83bf2c6015bea78fae3ee3827fb341f25c34535d71e4465506"
    "72592589d0bde3e9e47d752d0c5cf016";
static const char accept_hex[] = "0011e04b0239fb6a640a69241927a01ea3dd2e";
static const char data_hex[] =
    "0021acb9010509b933b2da626bcc27498800577fa2f624e29e27561bbd74f4ab"
    "0463aa";

static struct noise_identity *connector_key, *listener_key;
static struct noise_handshake *connector, *listener;
static struct noise_cipher *connector_tx, *connector_rx;
static struct noise_cipher *listener_tx, *listener_rx;
static uint8_t next_ephemeral;

/* In the place of the real one: bytes that count up from next_ephemeral. */
bool
noise_ephemeral(uint8_t private_key[NOISE_KEY_BYTES])
{
	uint8_t i;

	for (i = 0; i < NOISE_KEY_BYTES; i++)
		private_key[i] = next_ephemeral + i;
	return true;
}

static struct noise_identity *
identity(uint8_t first)
{
	uint8_t key[NOISE_KEY_BYTES];

	next_ephemeral = first;
	noise_ephemeral(key);
	return noise_identity_new(key);
}

/* These bytes are the hex digits. */
static void
check_hex(const uint8_t *bytes, size_t count, const char *hex)
{
	char text[2 * WIRE_MAX + 1];
	size_t i;

	ck_assert_uint_le(count, WIRE_MAX);
	for (i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	ck_assert_str_eq(text, hex);
}

/* A Noise message behind its length, as it goes over the wire. */
static void
check_wire(const uint8_t *message, size_t bytes, const char *hex)
{
	uint8_t wire[WIRE_MAX];

	ck_assert_uint_le(bytes + FRAME_LENGTH_BYTES, sizeof(wire));
	be16enc(wire, (uint16_t)bytes);
	memcpy(wire + FRAME_LENGTH_BYTES, message, bytes);
	check_hex(wire, FRAME_LENGTH_BYTES + bytes, hex);
}

static void
set_up(void)
{
	ck_assert_int_eq(noise_init(), 0);
	connector_key = identity(0);
	listener_key = identity(32);
	connector = noise_handshake_new(true, connector_key,
	    noise_identity_public(listener_key), true,
	    (const uint8_t *)FRAME_PROLOGUE, FRAME_PROLOGUE_BYTES);
	listener = noise_handshake_new(false, listener_key, NULL, true,
	    (const uint8_t *)FRAME_PROLOGUE, FRAME_PROLOGUE_BYTES);
}

static void
tear_down(void)
{
	noise_handshake_free(connector);
	noise_handshake_free(listener);
	noise_identity_free(connector_key);
	noise_identity_free(listener_key);
	noise_cipher_free(connector_tx);
	noise_cipher_free(connector_rx);
	noise_cipher_free(listener_tx);
	noise_cipher_free(listener_rx);
}

static void
say_message1(void)
{
	struct frame_hello1 hello = { .path = 1,
		.started_ms = UINT64_C(1700000000000),
		.frame_max = 65535 };
	uint8_t payload[FRAME_HELLO1_BYTES], message[MESSAGE1_BYTES];
	uint8_t i;

	for (i = 0; i < FRAME_SESSION_BYTES; i++)
		hello.session[i] = i;
	memset(hello.instance, 0xa1, sizeof(hello.instance));
	frame_encode_hello1(&hello, payload);
	next_ephemeral = 64;
	ck_assert_int_eq(noise_write_message1(connector, payload,
			     sizeof(payload), message),
	    0);
	check_wire(message, sizeof(message), message1_hex);
	ck_assert_int_eq(noise_read_message1(listener, message, sizeof(message),
			     payload),
	    0);
	ck_assert_int_eq(frame_decode_hello1(payload, &hello), 0);
}

static void
say_message2(void)
{
	struct frame_hello2 hello = { .path = 1, .frame_max = 65535 };
	uint8_t payload[FRAME_HELLO2_BYTES], message[MESSAGE2_BYTES];

	memset(hello.instance, 0xb2, sizeof(hello.instance));
	frame_encode_hello2(&hello, payload);
	next_ephemeral = 96;
	ck_assert_int_eq(noise_write_message2(listener, payload,
			     sizeof(payload), message),
	    0);
	check_wire(message, sizeof(message), message2_hex);
	ck_assert_int_eq(noise_read_message2(connector, message,
			     sizeof(message), payload),
	    0);
	ck_assert_int_eq(frame_decode_hello2(payload, &hello), 0);
	check_hex(noise_handshake_hash(connector), NOISE_HASH_BYTES, hash_hex);
}

static void
say_frame(struct noise_cipher *tx, struct noise_cipher *rx,
    const uint8_t *plain, size_t bytes, const char *hex)
{
	uint8_t sealed[WIRE_MAX], opened[WIRE_MAX];

	ck_assert_int_eq(noise_seal(tx, plain, bytes, sealed), 0);
	check_wire(sealed, bytes + NOISE_TAG_BYTES, hex);
	ck_assert_int_eq(noise_open(rx, sealed, bytes + NOISE_TAG_BYTES,
			     opened),
	    0);
	ck_assert_mem_eq(opened, plain, bytes);
}

static void
set_loopback(struct sockaddr_storage *address, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_port = htons(port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(address, &in, sizeof(in));
}

static void
say_frames(void)
{
	struct frame_open open = {
		.policy = { .copies = 2, .resend = true, .max_queue_ms = 50 },
		.name = "logs",
	};
	struct frame_writer writer;
	uint8_t plain[FRAME_CONTROL_MAX];

	set_loopback(&open.end.local, 1235);
	set_loopback(&open.end.remote, 1236);
	say_frame(connector_tx, listener_rx, plain,
	    frame_encode_open(&open, plain), open_hex);
	say_frame(listener_tx, connector_rx, plain, frame_encode_accept(plain),
	    accept_hex);
	frame_writer_init(&writer, plain, sizeof(plain), 0);
	ck_assert(frame_writer_add(&writer, (const uint8_t *)"hello", 5));
	say_frame(connector_tx, listener_rx, plain,
	    frame_writer_finish(&writer), data_hex);
}

START_TEST(test_conversation)
{
	say_message1();
	say_message2();
	ck_assert_int_eq(noise_split(connector, &connector_tx, &connector_rx),
	    0);
	ck_assert_int_eq(noise_split(listener, &listener_tx, &listener_rx), 0);
	say_frames();
}
END_TEST

/* The page without its white space. */
static char *
read_page(void)
{
	const char *folder = getenv("srcdir");
	char name[4096];
	FILE *file;
	char *page;
	size_t used = 0;
	int c;

	snprintf(name, sizeof(name), "%s/supervisor/socktopus-protocol.7",
	    folder != NULL ? folder : ".");
	file = fopen(name, "r");
	if (file == NULL)
		return NULL;
	page = calloc(1, 1 << 20);
	ck_assert_ptr_nonnull(page);
	while ((c = getc(file)) != EOF && used < (1 << 20) - 1)
		if (!isspace(c))
			page[used++] = (char)c;
	fclose(file);
	return page;
}

START_TEST(test_page)
{
	static const char *const hex[] = { message1_hex, message2_hex, hash_hex,
		open_hex, accept_hex, data_hex };
	char *page = read_page();
	size_t i;

	if (page == NULL)
		return;
	for (i = 0; i < sizeof(hex) / sizeof(hex[0]); i++)
		ck_assert_msg(strstr(page, hex[i]) != NULL, "%s", hex[i]);
	free(page);
}
END_TEST

static Suite *
protocol_suite(void)
{
	Suite *suite = suite_create("protocol");
	TCase *tcase = tcase_create("example");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, test_conversation);
	tcase_add_test(tcase, test_page);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(protocol_suite());
}
