#include <arpa/inet.h>
#include <netinet/in.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/frame.h"
#include "tests/suite.h"

#define POLICY_AT 28 /* in open_bytes */

static uint8_t frame[FRAME_CONTROL_MAX];
static struct frame_open shown = {
	.flags = FRAME_OPEN_BACKUP,
	.policy = { .scheduler = 2,
	    .copies = 3,
	    .resend = true,
	    .max_queue_ms = 50,
	    .max_age_ms = 258,
	    .reorder_ms = 10000 },
	.name = "logs",
};

/* Bytes 1, 2, 3 ... */
static void
count_up(uint8_t *out, size_t bytes, uint8_t first)
{
	while (bytes-- > 0)
		*out++ = first++;
}

static void
set_ipv4(struct sockaddr_storage *address, const char *host, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET, host, &in.sin_addr), 1);
	memset(address, 0, sizeof(*address));
	memcpy(address, &in, sizeof(in));
}

static void
set_ipv6(struct sockaddr_storage *address, const char *host, uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	in6.sin6_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET6, host, &in6.sin6_addr), 1);
	memset(address, 0, sizeof(*address));
	memcpy(address, &in6, sizeof(in6));
}

static const uint8_t hello1_bytes[FRAME_HELLO1_BYTES] = { 1, 0, 0x12, 0x34, 1,
	2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x81, 0x82, 0x83,
	0x84, 0x85, 0x86, 0x87, 0x88, 0x00, 0x00, 0x01, 0x9a, 0xbc, 0xde, 0xf0,
	0x12, 0xff, 0xfe };

START_TEST(test_hello1)
{
	struct frame_hello1 hello = { .path = 0x1234,
		.frame_max = 0xfffe,
		.started_ms = UINT64_C(0x19abcdef012) },
			    got;
	uint8_t out[FRAME_HELLO1_BYTES];

	count_up(hello.session, sizeof(hello.session), 1);
	count_up(hello.instance, sizeof(hello.instance), 0x81);
	memset(out, 0xaa, sizeof(out));
	frame_encode_hello1(&hello, out);
	ck_assert_mem_eq(out, hello1_bytes, sizeof(out));
	ck_assert_int_eq(frame_decode_hello1(out, &got), 0);
	ck_assert_uint_eq(got.path, hello.path);
	ck_assert_mem_eq(got.session, hello.session, FRAME_SESSION_BYTES);
	ck_assert_mem_eq(got.instance, hello.instance, FRAME_INSTANCE_BYTES);
	ck_assert_uint_eq(got.started_ms, hello.started_ms);
	ck_assert_uint_eq(got.frame_max, hello.frame_max);
}
END_TEST

static const uint8_t hello2_bytes[FRAME_HELLO2_BYTES] = { 1, 0, 0x12, 0x34,
	0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x02, 0x10 };

START_TEST(test_hello2)
{
	struct frame_hello2 hello = { .path = 0x1234, .frame_max = 528 }, got;
	uint8_t out[FRAME_HELLO2_BYTES];

	count_up(hello.instance, sizeof(hello.instance), 0x81);
	memset(out, 0xaa, sizeof(out));
	frame_encode_hello2(&hello, out);
	ck_assert_mem_eq(out, hello2_bytes, sizeof(out));
	ck_assert_int_eq(frame_decode_hello2(out, &got), 0);
	ck_assert_uint_eq(got.path, hello.path);
	ck_assert_mem_eq(got.instance, hello.instance, FRAME_INSTANCE_BYTES);
	ck_assert_uint_eq(got.frame_max, 528);
}
END_TEST

/* Version, the reserved byte and every byte of padding. */
START_TEST(test_hello_fixed_bytes)
{
	struct frame_hello1 hello1;
	struct frame_hello2 hello2;
	uint8_t in[64];
	size_t i;

	for (i = 0; i < sizeof(in); i++) {
		memcpy(in, hello1_bytes, sizeof(in));
		in[i] ^= 0x80;
		ck_assert_msg((frame_decode_hello1(in, &hello1) == 0) ==
			(i >= 2 && i < 38),
		    "byte %zu of hello 1", i);
		memcpy(in, hello2_bytes, sizeof(in));
		in[i] ^= 0x80;
		ck_assert_msg((frame_decode_hello2(in, &hello2) == 0) ==
			(i >= 2 && i < 14),
		    "byte %zu of hello 2", i);
	}
}
END_TEST

START_TEST(test_hello_frame_max)
{
	struct frame_hello2 hello;
	uint8_t in[FRAME_HELLO2_BYTES];

	memcpy(in, hello2_bytes, sizeof(in));
	in[13] = 0x0f;
	ck_assert_int_eq(frame_decode_hello2(in, &hello), -1);
	in[12] = 0xff;
	in[13] = 0xff;
	ck_assert_int_eq(frame_decode_hello2(in, &hello), 0);
}
END_TEST

static const uint8_t open_bytes[] = { 1, 1, 4, 0x04, 0xd3, 127, 0, 0, 1, 6,
	0x04, 0xd4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 2,
	3, 1, 0, 50, 1, 2, 0x27, 0x10, 4, 'l', 'o', 'g', 's' };

START_TEST(test_open)
{
	struct frame_open got;

	set_ipv4(&shown.end.local, "127.0.0.1", 1235);
	set_ipv6(&shown.end.remote, "2001:db8::9", 1236);
	ck_assert_uint_eq(frame_encode_open(&shown, frame), sizeof(open_bytes));
	ck_assert_mem_eq(frame, open_bytes, sizeof(open_bytes));
	memset(&got, 0xaa, sizeof(got));
	ck_assert_int_eq(frame_decode_open(frame, sizeof(open_bytes), &got), 0);
	ck_assert_uint_eq(got.flags, FRAME_OPEN_BACKUP);
	ck_assert_mem_eq(&got.end.local, &shown.end.local,
	    sizeof(got.end.local));
	ck_assert_mem_eq(&got.end.remote, &shown.end.remote,
	    sizeof(got.end.remote));
	ck_assert_str_eq(got.name, "logs");
	ck_assert_uint_eq(got.policy.scheduler, 2);
	ck_assert_uint_eq(got.policy.copies, 3);
	ck_assert(got.policy.resend);
	ck_assert_uint_eq(got.policy.max_queue_ms, 50);
	ck_assert_uint_eq(got.policy.max_age_ms, 258);
	ck_assert_uint_eq(got.policy.reorder_ms, 10000);
	ck_assert_uint_eq(got.clients, 0);
}
END_TEST

START_TEST(test_open_learned)
{
	struct frame_open open = shown, got;
	size_t bytes;

	memset(&open.end, 0, sizeof(open.end));
	open.end.kind = ADDRESS_LEARN;
	set_ipv4(&open.end.local, "127.0.0.1", 1235);
	bytes = frame_encode_open(&open, frame);
	ck_assert_uint_eq(frame[9], 0);
	ck_assert_int_eq(frame_decode_open(frame, bytes, &got), 0);
	ck_assert_int_eq(got.end.kind, ADDRESS_LEARN);
	ck_assert_int_eq(got.end.remote.ss_family, AF_UNSPEC);
	ck_assert_mem_eq(&got.end, &open.end, sizeof(got.end));
}
END_TEST

START_TEST(test_open_named)
{
	static const struct {
		enum address_kind kind;
		const char *path, *rpath;
	} ends[] = { { ADDRESS_UNIX, "/run/x", "" },
		{ ADDRESS_UNIX, "/run/x", "/y" },
		{ ADDRESS_SEQPACKET, "/run/x", "" } };
	struct frame_open device = shown;
	struct frame_open open = shown, got;
	size_t bytes;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		memset(&open.end, 0, sizeof(open.end));
		address_name_pair(ends[i].kind, ends[i].path, ends[i].rpath,
		    &open.end);
		bytes = frame_encode_open(&open, frame);
		ck_assert_int_eq(frame_decode_open(frame, bytes, &got), 0);
		ck_assert_mem_eq(&got.end, &open.end, sizeof(got.end));
		/* No zero in it, no blank, and from the root. */
		frame[6] = 0;
		ck_assert_int_eq(frame_decode_open(frame, bytes, &got), -1);
		frame[6] = ' ';
		ck_assert_int_eq(frame_decode_open(frame, bytes, &got), -1);
		frame[6] = 'n';
		frame[4] = 'x';
		ck_assert_int_eq(frame_decode_open(frame, bytes, &got), -1);
		frame[4] = '/';
		frame[3] = 200;
		ck_assert_int_eq(frame_decode_open(frame, bytes, &got), -1);
	}
	memset(&device.end, 0, sizeof(device.end));
	address_name_pair(ADDRESS_TUN, "tun0", "", &device.end);
	bytes = frame_encode_open(&device, frame);
	ck_assert_int_eq(frame_decode_open(frame, bytes, &got), 0);
	ck_assert_mem_eq(&got.end, &device.end, sizeof(got.end));
	frame[5] = '/';
	ck_assert_int_eq(frame_decode_open(frame, bytes, &got), -1);
}
END_TEST

START_TEST(test_open_clients)
{
	struct frame_open open = shown, got;
	size_t bytes;

	set_ipv4(&open.end.local, "127.0.0.1", 0);
	set_ipv4(&open.end.remote, "127.0.0.1", 1);
	open.clients = 8;
	open.idle_s = 300;
	bytes = frame_encode_open(&open, frame);
	ck_assert_mem_eq(frame + bytes - 4, "\0\x08\x01\x2c", 4);
	ck_assert_int_eq(frame_decode_open(frame, bytes, &got), 0);
	ck_assert_uint_eq(got.clients, 8);
	ck_assert_uint_eq(got.idle_s, 300);
	ck_assert_int_eq(frame_decode_open(frame, bytes - 1, &got), -1);
	ck_assert_int_eq(frame_decode_open(frame, bytes + 1, &got), -1);
	frame[bytes - 3] = 0;
	ck_assert_int_eq(frame_decode_open(frame, bytes, &got), -1);
	address_name_pair(ADDRESS_UNIX, "/a", "", &open.end);
	bytes = frame_encode_open(&open, frame);
	ck_assert_int_eq(frame_decode_open(frame, bytes, &got), -1);
}
END_TEST

START_TEST(test_hold)
{
	struct frame_hold hold = { .pause_ms = 0x1234 }, got;

	ck_assert_uint_eq(frame_encode_hold(&hold, frame), 3);
	ck_assert_mem_eq(frame, "\x0b\x12\x34", 3);
	ck_assert_int_eq(frame_decode_hold(frame, 3, &got), 0);
	ck_assert_uint_eq(got.pause_ms, 0x1234);
	ck_assert_int_eq(frame_decode_hold(frame, 2, &got), -1);
	ck_assert_int_eq(frame_decode_hold(frame, 4, &got), -1);
}
END_TEST

START_TEST(test_open_policy)
{
	/* Byte of the policy, a value that it cannot have. */
	static const uint8_t bad[][2] = { { 0, 3 }, { 1, 0 }, { 1, 9 },
		{ 2, 2 }, { 3, 0x28 }, { 5, 0x28 }, { 7, 0x28 } };
	uint8_t in[sizeof(open_bytes)];
	struct frame_open got;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(in, open_bytes, sizeof(in));
		in[POLICY_AT + bad[i][0]] = bad[i][1];
		ck_assert_msg(frame_decode_open(in, sizeof(in), &got) == -1,
		    "%zu", i);
	}
	memcpy(in, open_bytes, sizeof(in));
	in[POLICY_AT + 4] = 0;
	ck_assert_int_eq(frame_decode_open(in, sizeof(in), &got), -1);
}
END_TEST

START_TEST(test_open_lengths)
{
	struct frame_open got;
	uint8_t *exact, longer[sizeof(open_bytes) + 1] = { 0 };
	size_t bytes;

	for (bytes = 0; bytes < sizeof(open_bytes); bytes++) {
		/* On the heap, so that a sanitizer sees its end. */
		exact = malloc(bytes + 1);
		memcpy(exact + 1, open_bytes, bytes);
		ck_assert_msg(frame_decode_open(exact + 1, bytes, &got) == -1,
		    "%zu bytes", bytes);
		free(exact);
	}
	memcpy(longer, open_bytes, sizeof(open_bytes));
	ck_assert_int_eq(frame_decode_open(longer, sizeof(longer), &got), -1);
}
END_TEST

START_TEST(test_open_family)
{
	struct frame_open got;
	uint8_t in[sizeof(open_bytes)];
	int family;

	for (family = 0; family < 256; family++) {
		memcpy(in, open_bytes, sizeof(in));
		in[9] = (uint8_t)family;
		ck_assert_msg((frame_decode_open(in, sizeof(in), &got) == 0) ==
			(family == 6),
		    "family %d", family);
	}
	/* One that would do if family 5 had an address without bytes. */
	memcpy(in, "\1\0\5\4\0\1\177\0\0\1\0\1\1\0\1\0\0\0\0\0", 20);
	ck_assert_int_eq(frame_decode_open(in, 20, &got), -1);
}
END_TEST

START_TEST(test_open_name)
{
	struct frame_open open = shown, got;
	uint8_t in[FRAME_CONTROL_MAX];
	size_t bytes;

	set_ipv4(&open.end.local, "127.0.0.1", 0);
	set_ipv4(&open.end.remote, "127.0.0.1", 1);
	memset(open.name, 'x', sizeof(open.name));
	bytes = frame_encode_open(&open, in);
	ck_assert_int_eq(frame_decode_open(in, bytes, &got), 0);
	ck_assert_uint_eq(strlen(got.name), FRAME_NAME_MAX - 1);
	in[25] = FRAME_NAME_MAX;
	in[bytes] = 'x';
	ck_assert_int_eq(frame_decode_open(in, bytes + 1, &got), -1);
	memcpy(open.name, "\x1b[1m\x7f\xc3 ", 8);
	bytes = frame_encode_open(&open, in);
	in[26 + 6] = '\0';
	ck_assert_int_eq(frame_decode_open(in, bytes, &got), 0);
	ck_assert_str_eq(got.name, "?[1m???");
	open.name[0] = '\0';
	bytes = frame_encode_open(&open, in);
	ck_assert_uint_eq(bytes, 26);
	ck_assert_int_eq(frame_decode_open(in, bytes, &got), 0);
	ck_assert_str_eq(got.name, "");
}
END_TEST

START_TEST(test_words)
{
	char words[2 * FRAME_REASON_MAX], got[FRAME_REASON_MAX];
	uint8_t longer[FRAME_REASON_MAX + 1] = { FRAME_CLOSE };

	ck_assert_uint_eq(frame_encode_words(FRAME_REFUSE, "no", frame), 3);
	ck_assert_mem_eq(frame, "\3no", 3);
	ck_assert_int_eq(frame_decode_words(frame, 3, got), 0);
	ck_assert_str_eq(got, "no");
	ck_assert_uint_eq(frame_encode_words(FRAME_CLOSE, "", frame), 1);
	ck_assert_int_eq(frame_decode_words(frame, 1, got), 0);
	ck_assert_str_eq(got, "");
	ck_assert_int_eq(frame_decode_words(frame, 0, got), -1);
	memset(words, 'w', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	ck_assert_uint_eq(frame_encode_words(FRAME_CLOSE, words, frame),
	    FRAME_REASON_MAX);
	ck_assert_int_eq(frame_decode_words(frame, FRAME_REASON_MAX, got), 0);
	ck_assert_uint_eq(strlen(got), FRAME_REASON_MAX - 1);
	ck_assert_int_eq(frame_decode_words(longer, sizeof(longer), got), -1);
	ck_assert_int_eq(frame_decode_words((const uint8_t *)"\7a\n\0b\xff", 6,
			     got),
	    0);
	ck_assert_str_eq(got, "a??b?");
}
END_TEST

START_TEST(test_accept)
{
	ck_assert_uint_eq(frame_encode_accept(frame), 1);
	ck_assert_uint_eq(frame[0], 2);
}
END_TEST

START_TEST(test_ping)
{
	struct frame_ping ping = { UINT64_C(0x0102030405060708) }, got;

	ck_assert_uint_eq(frame_encode_ping(&ping, frame), 9);
	ck_assert_mem_eq(frame, "\5\1\2\3\4\5\6\7\10", 9);
	ck_assert_int_eq(frame_decode_ping(frame, 9, &got), 0);
	ck_assert_uint_eq(got.time_us, ping.time_us);
	ck_assert_int_eq(frame_decode_ping(frame, 8, &got), -1);
	ck_assert_int_eq(frame_decode_ping(frame, 10, &got), -1);
}
END_TEST

START_TEST(test_pong)
{
	static const uint8_t expected[] = { 6, 1, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0,
		0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0, 6 };
	struct frame_pong pong = { UINT64_C(0x0100000000000002),
		UINT64_C(0x0300000000000004), UINT64_C(0x0500000000000006) },
			  got;

	ck_assert_uint_eq(frame_encode_pong(&pong, frame), sizeof(expected));
	ck_assert_mem_eq(frame, expected, sizeof(expected));
	ck_assert_int_eq(frame_decode_pong(frame, 25, &got), 0);
	ck_assert_uint_eq(got.time_us, pong.time_us);
	ck_assert_uint_eq(got.frames, pong.frames);
	ck_assert_uint_eq(got.bytes, pong.bytes);
	ck_assert_int_eq(frame_decode_pong(frame, 24, &got), -1);
	ck_assert_int_eq(frame_decode_pong(frame, 40, &got), 0);
}
END_TEST

START_TEST(test_lost)
{
	static const uint8_t expected[] = { 9, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 16,
		0 };
	static const uint8_t none[13] = { 9 };
	struct frame_lost lost = { UINT64_C(0x0100000000000002), 4096 }, got;

	ck_assert_uint_eq(frame_encode_lost(&lost, frame), sizeof(expected));
	ck_assert_mem_eq(frame, expected, sizeof(expected));
	ck_assert_int_eq(frame_decode_lost(frame, 13, &got), 0);
	ck_assert_uint_eq(got.sequence, lost.sequence);
	ck_assert_uint_eq(got.count, lost.count);
	ck_assert_int_eq(frame_decode_lost(frame, 12, &got), -1);
	ck_assert_int_eq(frame_decode_lost(frame, 14, &got), -1);
	ck_assert_int_eq(frame_decode_lost(none, 13, &got), -1);
	frame[12] = 1;
	ck_assert_int_eq(frame_decode_lost(frame, 13, &got), -1);
	/* Past the last number there is. */
	memset(frame + 1, 0xff, 8);
	frame[11] = 0;
	ck_assert_int_eq(frame_decode_lost(frame, 13, &got), -1);
}
END_TEST

START_TEST(test_totals)
{
	struct frame_totals totals = { 1, 2, 3, 4, 5, { 0 } }, got;
	int i;

	for (i = 0; i < FRAME_TOTALS_COUNT; i++)
		totals.counts[i] = UINT64_MAX - (uint64_t)i;
	ck_assert_uint_eq(frame_encode_totals(&totals, frame), 209);
	ck_assert_uint_eq(frame[0], FRAME_TOTALS);
	ck_assert_uint_eq(frame[8], 1);
	ck_assert_uint_eq(frame[40], 5);
	ck_assert_uint_eq(frame[56], 0xfe);
	ck_assert_int_eq(frame_decode_totals(frame, 209, &got), 0);
	ck_assert_mem_eq(&got, &totals, sizeof(got));
	ck_assert_int_eq(frame_decode_totals(frame, 208, &got), -1);
	ck_assert_int_eq(frame_decode_totals(frame, 400, &got), 0);
}
END_TEST

static Suite *
frame_suite(void)
{
	Suite *suite = suite_create("frame");
	TCase *tcase = tcase_create("control");

	tcase_add_test(tcase, test_hello1);
	tcase_add_test(tcase, test_hello2);
	tcase_add_test(tcase, test_hello_fixed_bytes);
	tcase_add_test(tcase, test_hello_frame_max);
	tcase_add_test(tcase, test_open);
	tcase_add_test(tcase, test_open_learned);
	tcase_add_test(tcase, test_open_named);
	tcase_add_test(tcase, test_open_clients);
	tcase_add_test(tcase, test_hold);
	tcase_add_test(tcase, test_open_policy);
	tcase_add_test(tcase, test_open_lengths);
	tcase_add_test(tcase, test_open_family);
	tcase_add_test(tcase, test_open_name);
	tcase_add_test(tcase, test_words);
	tcase_add_test(tcase, test_accept);
	tcase_add_test(tcase, test_ping);
	tcase_add_test(tcase, test_pong);
	tcase_add_test(tcase, test_lost);
	tcase_add_test(tcase, test_totals);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(frame_suite());
}
