/*
 * The real worker in its lock-in, and a proxy of the test's: what is asked,
 * and that not a byte after the last answer is lost or taken for a part of it.
 */
#include <check.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "tests/suite.h"
#include "tests/worker_rig.h"

#define CONNECT_FAR "CONNECT far:7 HTTP/1.1\r\nHost: far:7"

static struct rig rig;
static struct job job;
static struct worker_event event;
static int listener, fd;

/* Hop 0 is the test, which plays all the others as well. */
static void
begin(enum hop_kind kind)
{
	uint16_t port;

	listener = rig_listen(AF_INET, &port);
	rig_job(&job, "127.0.0.1", port);
	job.hop[0].kind = kind;
	strlcpy(job.destination_host, "far", sizeof(job.destination_host));
	job.destination_port = 7;
}

static void
add_hop(enum hop_kind kind, const char *host, uint32_t port)
{
	struct job_hop *hop = &job.hop[job.hops++];

	hop->kind = kind;
	hop->port = port;
	strlcpy(hop->host, host, sizeof(hop->host));
}

static void
run(void)
{
	rig_run(&rig, &job, -1);
	fd = rig_accept(listener);
}

static void
expect(const void *bytes, size_t count)
{
	char got[512];

	ck_assert_uint_le(count, sizeof(got));
	rig_read(fd, got, count);
	ck_assert_mem_eq(got, bytes, count);
}

/* Up to the blank line; it must begin with text. */
static void
expect_head(const char *text)
{
	char last[4] = "";

	expect(text, strlen(text));
	while (memcmp(last, "\r\n\r\n", 4) != 0) {
		memmove(last, last + 1, 3);
		rig_read(fd, &last[3], 1);
	}
}

static void
say(const char *text)
{
	rig_write(fd, text, strlen(text));
}

static void
expect_tunnel(const char *early)
{
	char bytes[64];

	rig_await(&rig, EVENT_UP, &event);
	rig_receive(&rig, bytes, strlen(early));
	ck_assert_mem_eq(bytes, early, strlen(early));
	rig_write(fd, "down", 4);
	rig_receive(&rig, bytes, 4);
	ck_assert_mem_eq(bytes, "down", 4);
	rig_send(&rig, "up", 2);
	expect("up", 2);
	rig_let_go(&rig);
	close(fd);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_OK);
}

static void
expect_words(uint32_t hop, enum event_reason reason, const char *words)
{
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_int_eq(event.stage, STAGE_PROXY);
	ck_assert_uint_eq(event.hop, hop);
	ck_assert_int_eq(event.reason, reason);
	ck_assert_str_eq(event.text, words);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_DIAL);
}

START_TEST(goes_through_an_http_proxy)
{
	begin(HOP_HTTP);
	run();
	expect_head(CONNECT_FAR);
	say("HTTP/1.1 200 OK\r\n\r\n");
	expect_tunnel("");
}
END_TEST

START_TEST(keeps_what_comes_with_the_answer)
{
	begin(HOP_HTTP);
	run();
	expect_head(CONNECT_FAR);
	say("HTTP/1.1 200 OK\r\nA: b\r\n\r\nearly");
	expect_tunnel("early");
}
END_TEST

START_TEST(takes_an_answer_byte_by_byte)
{
	static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\n"
				     "HTTP/1.0 204 -\r\n\r\nearly";
	size_t i;

	begin(HOP_HTTP);
	run();
	expect_head(CONNECT_FAR);
	for (i = 0; i < sizeof(answer) - 1; i++) {
		rig_write(fd, &answer[i], 1);
		usleep(500); /* or they arrive as one */
	}
	expect_tunnel("early");
}
END_TEST

/* The second proxy's answer is there before the second is asked. */
START_TEST(goes_through_a_chain)
{
	begin(HOP_SOCKS5H);
	add_hop(HOP_HTTP, "second", 3128);
	strlcpy(job.hop[0].user, "u", sizeof(job.hop[0].user));
	strlcpy(job.hop[0].password, "p", sizeof(job.hop[0].password));
	run();
	expect("\5\2\2\0", 4);
	rig_write(fd, "\5\2", 2);
	expect("\1\1u\1p", 5);
	rig_write(fd, "\1\0", 2);
	expect("\5\1\0\3\6second\14\70", 13);
	rig_write(fd, "\5\0\0\1\0\0\0\0\0\0HTTP/1.1 200 OK\r\n\r\nearly", 34);
	expect_head(CONNECT_FAR);
	expect_tunnel("early");
}
END_TEST

START_TEST(says_which_hop_refused)
{
	begin(HOP_HTTP);
	add_hop(HOP_HTTP, "second", 3128);
	run();
	expect_head("CONNECT second:3128 HTTP/1.1");
	say("HTTP/1.1 200 OK\r\n\r\n");
	expect_head(CONNECT_FAR);
	say("HTTP/1.1 403 Not\ryou\r\n\r\n");
	expect_words(1, REASON_REFUSED, "403 Not?you");
}
END_TEST

START_TEST(says_that_the_password_is_wrong)
{
	begin(HOP_SOCKS5H);
	strlcpy(job.hop[0].user, "u", sizeof(job.hop[0].user));
	strlcpy(job.hop[0].password, "p", sizeof(job.hop[0].password));
	run();
	expect("\5\2\2\0", 4);
	rig_write(fd, "\5\2", 2);
	expect("\1\1u\1p", 5);
	rig_write(fd, "\1\1", 2);
	expect_words(0, REASON_AUTH, "authentication rejected");
}
END_TEST

START_TEST(has_a_deadline)
{
	begin(HOP_HTTP);
	/* It has to come so far in this time. */
	job.dial_timeout_ms = 2000;
	run();
	expect_head(CONNECT_FAR);
	say("HTTP/1.1 100 Continue\r\n\r\n");
	rig_expect_failure(&rig, STAGE_PROXY, REASON_TIMEOUT, 2000,
	    WORKER_EXIT_DIAL);
}
END_TEST

START_TEST(tells_of_a_proxy_that_hangs_up)
{
	begin(HOP_HTTP);
	run();
	expect_head(CONNECT_FAR);
	say("HTTP/1.1 200 OK\r\n");
	close(fd);
	rig_expect_failure(&rig, STAGE_PROXY, REASON_CLOSED, 0,
	    WORKER_EXIT_DIAL);
}
END_TEST

/* localhost needs no resolver; ::1 would be no address for SOCKS4. */
START_TEST(resolves_for_a_proxy_that_cannot)
{
	begin(HOP_SOCKS4);
	strlcpy(job.destination_host, "localhost", 10);
	run();
	expect("\4\1\0\7\177\0\0\1\0", 9);
	rig_write(fd, "\0\132\0\0\0\0\0\0early", 13);
	expect_tunnel("early");
}
END_TEST

START_TEST(says_that_there_is_no_such_name)
{
	begin(HOP_SOCKS5);
	strlcpy(job.destination_host, "name.invalid", 13);
	rig_run(&rig, &job, -1);
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_int_eq(event.stage, STAGE_PROXY);
	ck_assert_int_eq(event.reason, REASON_RESOLVE);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_DIAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("worker and proxies");
	TCase *t = tcase_create("proxies");

	tcase_set_timeout(t, 20);
	tcase_add_test(t, goes_through_an_http_proxy);
	tcase_add_test(t, keeps_what_comes_with_the_answer);
	tcase_add_test(t, takes_an_answer_byte_by_byte);
	tcase_add_test(t, goes_through_a_chain);
	tcase_add_test(t, says_which_hop_refused);
	tcase_add_test(t, says_that_the_password_is_wrong);
	tcase_add_test(t, has_a_deadline);
	tcase_add_test(t, tells_of_a_proxy_that_hangs_up);
	tcase_add_test(t, resolves_for_a_proxy_that_cannot);
	tcase_add_test(t, says_that_there_is_no_such_name);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
