#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "tests/proxy_rig.h"
#include "tests/suite.h"

#define OK "HTTP/1.1 200 Connection established\r\n"
#define LITERAL(text) (text), sizeof(text) - 1
#define ANSWER_MAX 16384

static struct proxy_rig rig;
static char answer[ANSWER_MAX];

static void
ask_as(const char *user, const char *password)
{
	proxy_rig_begin(&rig, HOP_HTTP, user, password, "far.example", 443,
	    NULL);
}

static void
expect_sent(const char *text)
{
	ck_assert_int_eq(rig.result, PROXY_MORE);
	ck_assert_uint_eq(rig.sent_bytes, strlen(text));
	ck_assert_mem_eq(rig.sent, text, rig.sent_bytes);
}

/* With the tunnel's first bytes behind it, cut at every byte. */
static void
expect_done(const char *head)
{
	static const char tunnel[] = "\r\n\0HTTP/1.1 403 No\r\n\r\n";
	size_t first, piece, bytes = strlen(head);
	size_t total = bytes + sizeof(tunnel);

	ck_assert_uint_le(total, sizeof(answer));
	memcpy(answer, head, bytes);
	memcpy(answer + bytes, tunnel, sizeof(tunnel));
	for (first = 1; first <= total; first++)
		for (piece = 1; piece <= total; piece += total - 1) {
			ask_as("", "");
			proxy_rig_feed(&rig, answer, total, first, piece);
			ck_assert_int_eq(rig.result, PROXY_DONE);
			ck_assert_uint_eq(proxy_rig_consumed(&rig), bytes);
			ck_assert_mem_eq(rig.proxy.input, answer + bytes,
			    rig.proxy.filled);
		}
}

static void
feed_cut(const char *user, const char *head, size_t bytes, size_t first)
{
	ask_as(user, "");
	proxy_rig_feed(&rig, head, bytes, first, 1);
}

static void
expect_failed_as(const char *user, const char *head, size_t bytes,
    enum event_reason reason, int detail, const char *text)
{
	size_t first;

	for (first = 1; first <= bytes; first++) {
		feed_cut(user, head, bytes, first);
		ck_assert_int_eq(rig.result, PROXY_FAILED);
		ck_assert_int_eq(rig.proxy.reason, reason);
		ck_assert_int_eq(rig.proxy.detail, detail);
		/* What is not HTTP is known by its first bytes. */
		if (strncmp(text, "not an answer", 13) != 0)
			ck_assert_str_eq(rig.proxy.text, text);
	}
	ck_assert_str_eq(rig.proxy.text, text);
}

static void
expect_refused(const char *head, int status, const char *text)
{
	expect_failed_as("", head, strlen(head), REASON_REFUSED, status, text);
}

static void
expect_foreign(const char *line)
{
	char text[MESSAGE_TEXT_MAX];

	snprintf(text, sizeof(text), "not an answer in HTTP/1.1: %.*s",
	    (int)strcspn(line, "\r\n"), line);
	message_make_printable(text);
	expect_failed_as("", line, strlen(line), REASON_PROTOCOL, 0, text);
}

START_TEST(asks_for_a_name)
{
	ask_as("", "");
	expect_sent("CONNECT far.example:443 HTTP/1.1\r\n"
		    "Host: far.example:443\r\n\r\n");
}
END_TEST

START_TEST(asks_for_an_address)
{
	proxy_rig_begin(&rig, HOP_HTTP, "", "", "192.0.2.7", 65535, NULL);
	expect_sent("CONNECT 192.0.2.7:65535 HTTP/1.1\r\n"
		    "Host: 192.0.2.7:65535\r\n\r\n");
	proxy_rig_begin(&rig, HOP_HTTP, "", "", "2001:db8::9", 1, NULL);
	expect_sent("CONNECT [2001:db8::9]:1 HTTP/1.1\r\n"
		    "Host: [2001:db8::9]:1\r\n\r\n");
}
END_TEST

START_TEST(never_tells_what_was_resolved_here)
{
	proxy_rig_begin(&rig, HOP_HTTP, "", "", "far.example", 443,
	    "192.0.2.7");
	expect_sent("CONNECT far.example:443 HTTP/1.1\r\n"
		    "Host: far.example:443\r\n\r\n");
}
END_TEST

static void
expect_basic(const char *user, const char *password, const char *base64)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "CONNECT far.example:443 HTTP/1.1\r\n"
	    "Host: far.example:443\r\n"
	    "Proxy-Authorization: Basic %s\r\n\r\n",
	    base64);
	ask_as(user, password);
	expect_sent(text);
}

START_TEST(sends_credentials)
{
	/* RFC 7617 sections 2 and 2.1, then every length of the last group. */
	expect_basic("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	expect_basic("test", "123\xc2\xa3", "dGVzdDoxMjPCow==");
	expect_basic("a", "", "YTo=");
	expect_basic("a", "b", "YTpi");
	expect_basic("a", ">", "YTo+");
	expect_basic("a", "bc", "YTpiYw==");
	expect_basic("a", ":\xff\xfe", "YTo6//4=");
	expect_basic("a", "\xfb\xef\xbe", "YTr7774=");
}
END_TEST

START_TEST(sends_credentials_of_255_bytes)
{
	char user[MESSAGE_SECRET_MAX], password[MESSAGE_SECRET_MAX];

	memset(user, 'u', sizeof(user));
	memset(password, 'p', sizeof(password));
	user[255] = password[255] = '\0';
	ask_as(user, password);
	ck_assert_int_eq(rig.result, PROXY_MORE);
	/* 511 bytes are 684 digits. */
	ck_assert_uint_eq(rig.sent_bytes, 57 + 27 + 684 + 4);
	ck_assert_mem_eq(rig.sent + rig.sent_bytes - 8, "cA==\r\n\r\n", 8);
}
END_TEST

START_TEST(user_has_no_colon)
{
	ask_as("a:b", "c");
	ck_assert_int_eq(rig.result, PROXY_FAILED);
	ck_assert_int_eq(rig.proxy.reason, REASON_AUTH);
	ck_assert_uint_eq(rig.proxy.output_bytes, 0);
}
END_TEST

START_TEST(takes_any_success)
{
	expect_done(OK "\r\n");
	expect_done("HTTP/1.0 200 OK\r\n\r\n");
	expect_done("HTTP/1.1 200\r\n\r\n");
	expect_done("HTTP/1.1 200 \r\n\r\n");
	expect_done("HTTP/1.1 204 No Content\r\n\r\n");
	expect_done("HTTP/1.1 299  two spaces\r\n\r\n");
	expect_done("HTTP/1.1 200 OK\n\n");
	expect_done("HTTP/1.1 200 OK\r\n\n");
	expect_done("HTTP/1.1 200 OK\n\r\n");
}
END_TEST

START_TEST(passes_over_headers)
{
	expect_done(OK "Content-Length: 0\r\n"
		       "Transfer-Encoding: chunked\r\n\r\n");
	expect_done(OK "Via: a\r\n folded\r\n\tagain\r\n\r\n");
	/* curl's #23068: a header that looks like a status line. */
	expect_done(OK "HTTP/1.1 407 No\r\n\r\n");
	expect_done(OK "a lone \r in a line\r\r\n no colon\r\n\r\n");
}
END_TEST

START_TEST(passes_over_interim_answers)
{
	static const char more[] = "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n";
	char head[512] = "";
	int i;

	for (i = 0; i < 8; i++)
		strlcat(head, more, sizeof(head));
	strlcat(head, OK "\r\n", sizeof(head));
	expect_done(head);
	expect_refused("HTTP/1.1 103 Early Hints\r\n\r\n"
		       "HTTP/1.1 502 Bad Gateway\r\n",
	    502, "502 Bad Gateway");
	head[0] = '\0';
	for (i = 0; i < 9; i++)
		strlcat(head, more, sizeof(head));
	expect_failed_as("", head, strlen(head), REASON_PROTOCOL, 100,
	    "more than 8 interim answers");
	expect_refused("HTTP/1.1 101 Switching Protocols\r\n", 101,
	    "101 Switching Protocols");
}
END_TEST

START_TEST(refusals_are_in_its_own_words)
{
	/* With the line, before headers and body. */
	expect_refused("HTTP/1.1 403 Forbidden\r\n", 403, "403 Forbidden");
	expect_refused("HTTP/1.0 503\r\n", 503, "503");
	expect_refused("HTTP/1.0 503 \n", 503, "503");
	expect_refused("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", 302,
	    "302 Found");
	expect_refused("HTTP/1.1 500 a\x1b[2Jb\x80\r\r\n", 500, "500 a?[2Jb??");
	expect_refused("HTTP/1.1 405 Method %s%n\r\n", 405, "405 Method %s%n");
	/* curl's #23068 the other way round. */
	expect_refused("HTTP/1.1 403 Forbidden\r\nHTTP/1.1 200 OK\r\n\r\n", 403,
	    "403 Forbidden");
}
END_TEST

START_TEST(long_words_are_cut)
{
	char head[600] = "HTTP/1.1 403 ";

	memset(head + 13, 'x', sizeof(head) - 13);
	head[sizeof(head) - 1] = '\n';
	feed_cut("", head, sizeof(head), sizeof(head));
	ck_assert_int_eq(rig.proxy.detail, 403);
	ck_assert_uint_eq(strlen(rig.proxy.text), MESSAGE_TEXT_MAX - 1);
}
END_TEST

START_TEST(wants_credentials)
{
	static const char head[] = "HTTP/1.1 407 Proxy Authentication "
				   "Required\r\n";

	expect_failed_as("", LITERAL(head), REASON_AUTH, 407,
	    "authentication wanted, and no user is set: "
	    "407 Proxy Authentication Required");
	expect_failed_as("joe", LITERAL(head), REASON_AUTH, 407,
	    "authentication rejected: 407 Proxy Authentication Required");
	expect_failed_as("joe", LITERAL("HTTP/1.1 401 Unauthorized\r\n"),
	    REASON_AUTH, 401, "authentication rejected: 401 Unauthorized");
}
END_TEST

START_TEST(status_line_is_exact)
{
	expect_foreign("HTTP/1.1 2000\r\n");
	expect_foreign("HTTP/1.1 200OK\r\n");
	expect_foreign("HTTP/1.1 20\r\n");
	expect_foreign("HTTP/1.1 20 OK\r\n");
	expect_foreign("HTTP/1.1 -20 OK\r\n");
	expect_foreign("HTTP/1.1  200 OK\r\n");
	expect_foreign("HTTP/1.1\t200 OK\r\n");
	expect_foreign("HTTP/1.1 200\tOK\r\n");
	expect_foreign("HTTP/1.1 099 OK\r\n");
	expect_foreign("HTTP/1.1 600 OK\r\n");
	expect_foreign("HTTP/1.2 200 OK\r\n");
	expect_foreign("HTTP/2 200 OK\r\n");
	expect_foreign("HTTP/1.1\r\n");
	expect_foreign("http/1.1 200 OK\r\n");
	expect_foreign(" HTTP/1.1 200 OK\r\n");
	expect_foreign("\r\nHTTP/1.1 200 OK\r\n\r\n");
	expect_foreign("SSH-2.0-OpenSSH_9.2p1\r\n");
}
END_TEST

START_TEST(other_protocols_are_known_without_a_line)
{
	expect_failed_as("", LITERAL("\5\xff"), REASON_PROTOCOL, 0,
	    "not an answer in HTTP/1.1: ??");
	feed_cut("", LITERAL("HTTP/1."), 3);
	ck_assert_int_eq(rig.result, PROXY_MORE);
}
END_TEST

START_TEST(nul_ends_it)
{
	expect_failed_as("", LITERAL("HTTP/1.1 200 O\0K\r\n"), REASON_PROTOCOL,
	    0, "a NUL in the answer");
	expect_failed_as("", LITERAL(OK "A: \0\r\n\r\n"), REASON_PROTOCOL, 0,
	    "a NUL in the answer");
}
END_TEST

/* A head of that many bytes in all, the last line a long one. */
static size_t
make_head(size_t bytes)
{
	size_t used = sizeof(OK) - 1;

	memcpy(answer, OK, used);
	memset(answer + used, 'h', bytes - used);
	memcpy(answer + bytes - 4, "\r\n\r\n", 4);
	return bytes;
}

START_TEST(bytes_are_limited)
{
	static const size_t firsts[] = { 1, 100, PROXY_INPUT_MAX - 1,
		PROXY_INPUT_MAX };
	size_t i, bytes;

	for (i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		bytes = make_head(PROXY_INPUT_MAX);
		answer[bytes] = '!';
		feed_cut("", answer, bytes + 1, firsts[i]);
		ck_assert_int_eq(rig.result, PROXY_DONE);
		ck_assert_uint_eq(proxy_rig_consumed(&rig), bytes);
		bytes = make_head(PROXY_INPUT_MAX + 1);
		feed_cut("", answer, bytes, firsts[i]);
		ck_assert_int_eq(rig.result, PROXY_FAILED);
		ck_assert_str_eq(rig.proxy.text,
		    "an answer of more than 8192 bytes or 100 lines");
	}
	/* The long line comes whole, the short one before it is taken. */
	ask_as("", "");
	proxy_rig_feed(&rig, answer, bytes, sizeof(OK), bytes);
	ck_assert_int_eq(rig.result, PROXY_FAILED);
}
END_TEST

START_TEST(lines_are_limited)
{
	char head[512] = OK;
	int i;

	for (i = 0; i < 98; i++)
		strlcat(head, "a\n", sizeof(head));
	strlcat(head, "\n", sizeof(head));
	expect_done(head);
	head[strlen(head) - 1] = '\0';
	strlcat(head, "a\n\n", sizeof(head));
	expect_failed_as("", head, strlen(head), REASON_PROTOCOL, 0,
	    "an answer of more than 8192 bytes or 100 lines");
}
END_TEST

START_TEST(never_ending_answers_end)
{
	memset(answer, 'x', sizeof(answer));
	memcpy(answer, OK, sizeof(OK) - 1);
	feed_cut("", answer, sizeof(answer), 1);
	ck_assert_int_eq(rig.result, PROXY_FAILED);
	ck_assert_uint_eq(rig.fed_bytes, PROXY_INPUT_MAX);
	memcpy(answer, "HTTP/1.1 100 ", 13);
	memset(answer + 13, ' ', sizeof(answer) - 13);
	feed_cut("", answer, sizeof(answer), sizeof(answer));
	ck_assert_int_eq(rig.result, PROXY_FAILED);
	ck_assert_uint_eq(rig.fed_bytes, PROXY_INPUT_MAX);
}
END_TEST

static void
add_requests(Suite *s)
{
	TCase *t = tcase_create("request");

	tcase_add_test(t, asks_for_a_name);
	tcase_add_test(t, asks_for_an_address);
	tcase_add_test(t, never_tells_what_was_resolved_here);
	tcase_add_test(t, sends_credentials);
	tcase_add_test(t, sends_credentials_of_255_bytes);
	tcase_add_test(t, user_has_no_colon);
	suite_add_tcase(s, t);
}

static void
add_answers(Suite *s)
{
	TCase *t = tcase_create("answer");

	tcase_add_test(t, takes_any_success);
	tcase_add_test(t, passes_over_headers);
	tcase_add_test(t, passes_over_interim_answers);
	tcase_add_test(t, refusals_are_in_its_own_words);
	tcase_add_test(t, long_words_are_cut);
	tcase_add_test(t, wants_credentials);
	tcase_add_test(t, status_line_is_exact);
	tcase_add_test(t, other_protocols_are_known_without_a_line);
	tcase_add_test(t, nul_ends_it);
	tcase_add_test(t, bytes_are_limited);
	tcase_add_test(t, lines_are_limited);
	tcase_add_test(t, never_ending_answers_end);
	suite_add_tcase(s, t);
}

int
main(void)
{
	Suite *s = suite_create("http");

	add_requests(s);
	add_answers(s);
	return suite_run(s);
}
