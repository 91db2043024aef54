#include <sys/socket.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/proxy_rig.h"
#include "tests/suite.h"

#define GREETED "\5\0"
#define CONNECTED "\5\0\0\1\1\2\3\4\0\x50"
#define LITERAL(text) (text), sizeof(text) - 1

/* Whom to ask for what; each test fills in what it is about. */
struct question {
	enum hop_kind kind;
	const char *user;
	const char *password;
	const char *host;
	const char *address;
};

static const struct question plain5 = { HOP_SOCKS5H, "", "", "far.example",
	NULL };
static const struct question user5 = { HOP_SOCKS5H, "joe", "secret",
	"far.example", NULL };
static const struct question plain4 = { HOP_SOCKS4A, "", "", "far.example",
	NULL };

static struct proxy_rig rig;

static void
ask(const struct question *question)
{
	proxy_rig_begin(&rig, question->kind, question->user,
	    question->password, question->host, 0x1234, question->address);
}

static void
expect_sent(const char *bytes, size_t count)
{
	ck_assert_uint_eq(rig.sent_bytes, count);
	ck_assert_mem_eq(rig.sent, bytes, count);
}

/* Whole, cut in two at every byte, and byte by byte. */
static void
expect_done(const struct question *question, const char *answer, size_t bytes,
    const char *sent, size_t sent_bytes)
{
	static const char tunnel[] = "\5\0HTTP/1.1 200\r\n\r\n";
	char glued[512];
	size_t first, piece, total = bytes + sizeof(tunnel);

	ck_assert_uint_le(total, sizeof(glued));
	memcpy(glued, answer, bytes);
	memcpy(glued + bytes, tunnel, sizeof(tunnel));
	for (first = 1; first <= total; first++)
		for (piece = 1; piece <= total; piece += total - 1) {
			ask(question);
			proxy_rig_feed(&rig, glued, total, first, piece);
			ck_assert_int_eq(rig.result, PROXY_DONE);
			ck_assert_uint_eq(proxy_rig_consumed(&rig), bytes);
			ck_assert_mem_eq(rig.proxy.input, glued + bytes,
			    rig.proxy.filled);
			if (sent != NULL)
				expect_sent(sent, sent_bytes);
		}
}

static void
expect_failed(const struct question *question, const char *answer, size_t bytes,
    enum event_reason reason, int detail, const char *text)
{
	size_t first;

	for (first = 1; first <= bytes + 1; first++) {
		ask(question);
		proxy_rig_feed(&rig, answer, bytes, first, 1);
		ck_assert_int_eq(rig.result, PROXY_FAILED);
		ck_assert_int_eq(rig.proxy.reason, reason);
		ck_assert_int_eq(rig.proxy.detail, detail);
		if (strncmp(text, "not an answer", 13) != 0)
			ck_assert_str_eq(rig.proxy.text, text);
	}
	ck_assert_str_eq(rig.proxy.text, text);
}

static void
expect_refused(const struct question *question, enum event_reason reason,
    const char *text)
{
	expect_failed(question, "", 0, reason, 0, text);
}

static void
expect_more(const struct question *question, const char *answer, size_t bytes)
{
	ask(question);
	proxy_rig_feed(&rig, answer, bytes, bytes, bytes);
	ck_assert_int_eq(rig.result, PROXY_MORE);
}

START_TEST(socks5_asks_by_name)
{
	expect_done(&plain5, LITERAL(GREETED CONNECTED),
	    LITERAL("\5\1\0"
		    "\5\1\0\3\13far.example\x12\x34"));
}
END_TEST

START_TEST(socks5_asks_by_address)
{
	struct question question = plain5;

	question.host = "192.0.2.7";
	expect_done(&question, LITERAL(GREETED CONNECTED),
	    LITERAL("\5\1\0"
		    "\5\1\0\1\xc0\0\2\7\x12\x34"));
	question.host = "2001:db8::9";
	expect_done(&question, LITERAL(GREETED CONNECTED),
	    LITERAL("\5\1\0"
		    "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\11\x12\x34"));
}
END_TEST

START_TEST(socks5_asks_by_what_was_resolved_here)
{
	struct question question = plain5;

	question.kind = HOP_SOCKS5;
	question.address = "192.0.2.7";
	expect_done(&question, LITERAL(GREETED CONNECTED),
	    LITERAL("\5\1\0"
		    "\5\1\0\1\xc0\0\2\7\x12\x34"));
	question.address = "2001:db8::9";
	expect_done(&question, LITERAL(GREETED CONNECTED),
	    LITERAL("\5\1\0"
		    "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\11\x12\x34"));
	/* Never the name instead. */
	question.address = NULL;
	expect_refused(&question, REASON_PROTOCOL,
	    "the next hop's name was not resolved");
	question.address = "no address";
	expect_refused(&question, REASON_PROTOCOL,
	    "the next hop's name was not resolved");
}
END_TEST

START_TEST(socks5h_never_tells_what_was_resolved_here)
{
	struct question question = plain5;

	question.address = "192.0.2.7";
	expect_done(&question, LITERAL(GREETED CONNECTED),
	    LITERAL("\5\1\0"
		    "\5\1\0\3\13far.example\x12\x34"));
}
END_TEST

START_TEST(socks5_sends_a_name_of_255)
{
	char host[MESSAGE_HOST_MAX], sent[3 + 5 + 255 + 2] = "\5\1\0\5\1\0\3";
	struct question question = plain5;

	memset(host, 'x', sizeof(host));
	host[255] = '\0';
	question.host = host;
	sent[7] = (char)255;
	memset(sent + 8, 'x', 255);
	sent[263] = 0x12;
	sent[264] = 0x34;
	expect_done(&question, LITERAL(GREETED CONNECTED), sent, sizeof(sent));
}
END_TEST

START_TEST(socks5_logs_in)
{
	expect_done(&user5, LITERAL("\5\2\1\0" CONNECTED),
	    LITERAL("\5\2\2\0"
		    "\1\3joe\6secret"
		    "\5\1\0\3\13far.example\x12\x34"));
	/* With the wrong version in the verdict. */
	expect_done(&user5, LITERAL("\5\2\5\0" CONNECTED), NULL, 0);
	/* It may want no password after all. */
	expect_done(&user5, LITERAL(GREETED CONNECTED),
	    LITERAL("\5\2\2\0"
		    "\5\1\0\3\13far.example\x12\x34"));
}
END_TEST

START_TEST(socks5_logs_in_with_255_bytes)
{
	char user[MESSAGE_SECRET_MAX], password[MESSAGE_SECRET_MAX];
	struct question question = user5;

	memset(user, 'u', sizeof(user));
	memset(password, 'p', sizeof(password));
	user[255] = password[255] = '\0';
	question.user = user;
	question.password = password;
	expect_done(&question, LITERAL("\5\2\1\0" CONNECTED), NULL, 0);
	ck_assert_uint_eq(rig.sent_bytes, 4 + 3 + 255 + 255 + 18);
	ck_assert_uint_eq(rig.sent[5], 255);
	ck_assert_uint_eq(rig.sent[5 + 256], 255);
}
END_TEST

START_TEST(socks5_login_fails)
{
	struct question question = user5;

	expect_failed(&user5, LITERAL("\5\2\1\1"), REASON_AUTH, 1,
	    "authentication rejected");
	expect_failed(&user5, LITERAL("\5\2\1\xff"), REASON_AUTH, 255,
	    "authentication rejected");
	expect_failed(&user5, LITERAL("\5\2\2\0"), REASON_PROTOCOL, 0,
	    "not an answer in SOCKS5: ??");
	expect_failed(&user5, LITERAL("\5\xff"), REASON_AUTH, 255,
	    "authentication rejected: no method in common");
	expect_failed(&plain5, LITERAL("\5\xff"), REASON_AUTH, 255,
	    "authentication wanted, and no user is set");
	question.password = "";
	expect_refused(&question, REASON_AUTH,
	    "SOCKS5 takes a user and a password, or neither");
}
END_TEST

START_TEST(socks5_method_was_not_offered)
{
	expect_failed(&plain5, LITERAL("\5\2"), REASON_PROTOCOL, 2,
	    "SOCKS: chose method 2, which was not offered");
	expect_failed(&user5, LITERAL("\5\1"), REASON_PROTOCOL, 1,
	    "SOCKS: chose method 1, which was not offered");
	expect_failed(&user5, LITERAL("\5\xfe"), REASON_PROTOCOL, 254,
	    "SOCKS: chose method 254, which was not offered");
}
END_TEST

START_TEST(socks5_codes_have_words)
{
	static const char *const words[] = { "SOCKS: general failure",
		"SOCKS: not allowed by ruleset", "SOCKS: network unreachable",
		"SOCKS: host unreachable", "SOCKS: connection refused",
		"SOCKS: TTL expired", "SOCKS: command not supported",
		"SOCKS: address type not supported", "SOCKS: error 9" };
	char answer[] = GREETED "\5\0";
	int code;

	for (code = 1; code <= 9; code++) {
		/* Some servers send no more of the reply. */
		answer[3] = (char)code;
		expect_failed(&plain5, answer, 4, REASON_REFUSED, code,
		    words[code - 1]);
	}
	answer[3] = (char)255;
	expect_failed(&plain5, answer, 4, REASON_REFUSED, 255,
	    "SOCKS: error 255");
}
END_TEST

START_TEST(socks5_reply_has_its_own_length)
{
	char answer[7 + 255 + 2] = GREETED "\5\0\0\3\xff";

	expect_done(&plain5,
	    LITERAL(GREETED "\5\0\0\4"
			    "0123456789abcdef\0\0"),
	    NULL, 0);
	expect_done(&plain5, LITERAL(GREETED "\5\0\0\3\0\0\0"), NULL, 0);
	expect_done(&plain5, LITERAL(GREETED "\5\0\0\3\1x\0\0"), NULL, 0);
	expect_done(&plain5, LITERAL(GREETED "\5\0\0\3\2xy\0\0"), NULL, 0);
	expect_done(&plain5, answer, sizeof(answer), NULL, 0);
	/* The reserved byte is not looked at. */
	expect_done(&plain5, LITERAL(GREETED "\5\0\xff\3\0\0\0"), NULL, 0);
}
END_TEST

START_TEST(socks5_waits_for_the_last_byte)
{
	expect_more(&plain5, LITERAL("\5"));
	expect_more(&plain5, LITERAL(GREETED));
	expect_more(&plain5, LITERAL(GREETED "\5\0\0"));
	expect_more(&plain5, LITERAL(GREETED "\5\0\0\3"));
	expect_more(&plain5, LITERAL(GREETED "\5\0\0\3\0\0"));
	expect_more(&plain5, LITERAL(GREETED "\5\0\0\1\1\2\3\4\0"));
	expect_more(&user5, LITERAL("\5\2\1"));
	expect_more(&user5, LITERAL("\5\2\1\0"));
}
END_TEST

START_TEST(socks5_answer_in_another_protocol)
{
	expect_failed(&plain5, LITERAL("HTTP/1.1 400 Bad Request\r\nDate"),
	    REASON_PROTOCOL, 0,
	    "not an answer in SOCKS5: HTTP/1.1 400 Bad Request");
	expect_failed(&plain5, LITERAL("\0\x5b\x7f\x80"), REASON_PROTOCOL, 0,
	    "not an answer in SOCKS5: ?[??");
	expect_failed(&plain5, LITERAL(GREETED "\4\0\0\1"), REASON_PROTOCOL, 0,
	    "not an answer in SOCKS5: ????");
	expect_failed(&plain5, LITERAL(GREETED "\5\0\0\2"), REASON_PROTOCOL, 0,
	    "SOCKS: an address of unknown type 2 in the reply");
}
END_TEST

START_TEST(socks4_asks_by_name)
{
	struct question question = plain4;

	expect_done(&question,
	    LITERAL("\0\x5a"
		    "abcdef"),
	    LITERAL("\4\1\x12\x34\0\0\0\1\0far.example\0"));
	question.user = "joe";
	expect_done(&question,
	    LITERAL("\0\x5a"
		    "abcdef"),
	    LITERAL("\4\1\x12\x34\0\0\0\1joe\0far.example\0"));
}
END_TEST

START_TEST(socks4_asks_by_address)
{
	struct question question = plain4;

	question.host = "192.0.2.7";
	expect_done(&question,
	    LITERAL("\0\x5a"
		    "abcdef"),
	    LITERAL("\4\1\x12\x34\xc0\0\2\7\0"));
	question.kind = HOP_SOCKS4;
	question.host = "far.example";
	question.address = "192.0.2.7";
	question.user = "joe";
	expect_done(&question,
	    LITERAL("\0\x5a"
		    "abcdef"),
	    LITERAL("\4\1\x12\x34\xc0\0\2\7joe\0"));
	question.address = NULL;
	expect_refused(&question, REASON_PROTOCOL,
	    "the next hop's name was not resolved");
}
END_TEST

START_TEST(socks4_cannot_be_asked_for_everything)
{
	struct question question = plain4;

	question.host = "2001:db8::9";
	expect_refused(&question, REASON_PROTOCOL,
	    "SOCKS4 cannot be asked for an IPv6 address");
	question.host = "0.0.0.9";
	expect_refused(&question, REASON_PROTOCOL,
	    "SOCKS4 cannot be asked for 0.0.0.9");
	question.host = "far.example";
	question.user = "joe";
	question.password = "secret";
	expect_refused(&question, REASON_AUTH, "SOCKS4 has no password");
	question.kind = HOP_SOCKS4;
	question.password = "";
	question.address = "2001:db8::9";
	expect_refused(&question, REASON_PROTOCOL,
	    "SOCKS4 cannot be asked for an IPv6 address");
}
END_TEST

START_TEST(socks4_codes_have_words)
{
	expect_failed(&plain4, LITERAL("\0\x5b"), REASON_REFUSED, 91,
	    "SOCKS: rejected or failed");
	expect_failed(&plain4, LITERAL("\0\x5c"), REASON_AUTH, 92,
	    "SOCKS: found no identd to ask for the user");
	expect_failed(&plain4, LITERAL("\0\x5d"), REASON_AUTH, 93,
	    "SOCKS: identd names another user");
	expect_failed(&plain4, LITERAL("\0\0"), REASON_REFUSED, 0,
	    "SOCKS: error 0");
	expect_failed(&plain4, LITERAL("\4\x5a"), REASON_PROTOCOL, 0,
	    "not an answer in SOCKS4: ?Z");
	expect_more(&plain4,
	    LITERAL("\0\x5a"
		    "abcde"));
}
END_TEST

START_TEST(hosts_that_cannot_be_asked_for)
{
	static const char *const hosts[] = { "", "a b", "a\r\nb", "\x7f",
		"na\xc3\xafve" };
	struct question question = plain5;
	size_t i;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		question.host = hosts[i];
		expect_refused(&question, REASON_PROTOCOL,
		    "the next hop has no proper name");
	}
	question.host = "fe80::1%eth0";
	expect_refused(&question, REASON_PROTOCOL,
	    "an address with a scope means nothing to a proxy");
	question = plain5;
	question.kind = HOP_TCP;
	expect_refused(&question, REASON_PROTOCOL,
	    "a tcp relay cannot be asked");
}
END_TEST

static void
expect_wants(enum hop_kind kind, const char *host, bool wants, int family)
{
	struct job_hop via = { .kind = kind };
	int got;

	ck_assert_int_eq(proxy_wants_address(&via, host, &got), wants);
	if (wants)
		ck_assert_int_eq(got, family);
}

START_TEST(tells_what_to_resolve)
{
	expect_wants(HOP_SOCKS5, "far.example", true, AF_UNSPEC);
	expect_wants(HOP_SOCKS4, "far.example", true, AF_INET);
	expect_wants(HOP_SOCKS4, "localhost", true, AF_INET);
	expect_wants(HOP_SOCKS5, "192.0.2.7", false, 0);
	expect_wants(HOP_SOCKS5, "2001:db8::9", false, 0);
	expect_wants(HOP_SOCKS4, "192.0.2.7", false, 0);
	expect_wants(HOP_SOCKS5H, "far.example", false, 0);
	expect_wants(HOP_SOCKS4A, "far.example", false, 0);
	expect_wants(HOP_HTTP, "far.example", false, 0);
	expect_wants(HOP_TCP, "far.example", false, 0);
}
END_TEST

/* Two hops over one connection: what is left belongs to the second. */
START_TEST(next_hop_takes_over_the_rest)
{
	static const char answers[] = GREETED CONNECTED "\0\x5a"
							"abcdef!";
	size_t left;

	ask(&plain5);
	proxy_rig_feed(&rig, LITERAL(answers), sizeof(answers), 1);
	ck_assert_int_eq(rig.result, PROXY_DONE);
	left = rig.proxy.filled;
	ck_assert_uint_eq(left, 9);
	rig.via.kind = HOP_SOCKS4A;
	rig.result = proxy_begin(&rig.proxy, &rig.via, "farther.example", 80,
	    NULL);
	ck_assert_int_eq(rig.result, PROXY_SEND);
	ck_assert_int_eq(proxy_step(&rig.proxy), PROXY_DONE);
	ck_assert_uint_eq(rig.proxy.filled, 1);
	ck_assert_uint_eq(rig.proxy.input[0], '!');
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("socks");
	TCase *t = tcase_create("socks");

	tcase_add_test(t, socks5_asks_by_name);
	tcase_add_test(t, socks5_asks_by_address);
	tcase_add_test(t, socks5_asks_by_what_was_resolved_here);
	tcase_add_test(t, socks5h_never_tells_what_was_resolved_here);
	tcase_add_test(t, socks5_sends_a_name_of_255);
	tcase_add_test(t, socks5_logs_in);
	tcase_add_test(t, socks5_logs_in_with_255_bytes);
	tcase_add_test(t, socks5_login_fails);
	tcase_add_test(t, socks5_method_was_not_offered);
	tcase_add_test(t, socks5_codes_have_words);
	tcase_add_test(t, socks5_reply_has_its_own_length);
	tcase_add_test(t, socks5_waits_for_the_last_byte);
	tcase_add_test(t, socks5_answer_in_another_protocol);
	tcase_add_test(t, socks4_asks_by_name);
	tcase_add_test(t, socks4_asks_by_address);
	tcase_add_test(t, socks4_cannot_be_asked_for_everything);
	tcase_add_test(t, socks4_codes_have_words);
	tcase_add_test(t, hosts_that_cannot_be_asked_for);
	tcase_add_test(t, tells_what_to_resolve);
	tcase_add_test(t, next_hop_takes_over_the_rest);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
