/*
 * Dialling in a process of its own, outside of the lock-in. Addresses are set
 * by hand, so that no name server decides what is tried.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "tests/suite.h"
#include "tests/worker_rig.h"
#include "worker/clock.h"
#include "worker/dial.h"
#include "worker/report.h"

#define DELAY_MS 250 /* RFC 8305 */

static struct rig rig;
static struct job job;
static struct resolve_list addresses;
static struct worker_event event;
static int64_t begin_ms;

static void
setup(void)
{
	rig_job(&job, "name.invalid", 1);
	addresses.count = 0;
}

static void
add_address(const char *host, uint16_t port)
{
	struct resolve_list one;

	ck_assert(resolve_literal(host, port, &one));
	addresses.item[addresses.count++] = one.item[0];
}

static int
count_tcp_sockets(void)
{
	socklen_t length = sizeof(int);
	int fd, protocol, count = 0;

	for (fd = 0; fd < 256; fd++)
		count += getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol,
			     &length) == 0 &&
		    protocol == IPPROTO_TCP;
	return count;
}

/* Writes one byte, the number of TCP sockets that it has gained. */
static _Noreturn void
run_dial(int channel)
{
	struct report report = { .channel = channel, .stage = STAGE_START };
	struct dial dial;
	int before = count_tcp_sockets(), fd;
	char gained;

	dial_prepare(&dial, &job, &report);
	dial.names = false;
	dial.addresses = addresses;
	fd = dial_connect(&dial);
	dial_proxies(&dial, fd);
	gained = (char)(count_tcp_sockets() - before);
	_exit(write(fd, &gained, 1) == 1 ? 0 : 1);
}

static void
start_dial(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	begin_ms = clock_now_ms();
	rig.channel = pair[0];
	rig.pid = fork();
	ck_assert_int_ne(rig.pid, -1);
	if (rig.pid == 0) {
		close(pair[0]);
		run_dial(pair[1]);
	}
	close(pair[1]);
}

/* The milliseconds that it took. */
static int64_t
expect_connection(int listener)
{
	int fd = rig_accept(listener);
	int64_t took_ms = clock_now_ms() - begin_ms;
	char gained;

	rig_read(fd, &gained, 1);
	ck_assert_int_eq(gained, 1);
	close(fd);
	ck_assert_int_eq(rig_exit_code(&rig), 0);
	return took_ms;
}

/*
 * A port that says nothing: its queue is full, so the kernel drops what else
 * comes.
 */
static uint16_t
silent_port(int family)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	uint16_t port;
	int i, fd, listener = rig_listen(family, &port);

	ck_assert_int_eq(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&address, &length);
	for (i = 0; i < 3; i++) {
		fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fd, (struct sockaddr *)&address, length);
	}
	return port;
}

static uint16_t
closed_port(int family)
{
	uint16_t port;

	close(rig_listen(family, &port));
	return port;
}

START_TEST(takes_the_first_that_answers)
{
	uint16_t first, second;
	int listener = rig_listen(AF_INET6, &first);

	rig_listen(AF_INET, &second);
	add_address("::1", first);
	add_address("127.0.0.1", second);
	start_dial();
	expect_connection(listener);
}
END_TEST

START_TEST(tries_the_next_at_once_after_a_refusal)
{
	uint16_t port;
	int i, tries = 1, listener = rig_listen(AF_INET, &port);

	for (i = 0; i < 6; i++) {
		add_address("::1", closed_port(AF_INET6));
		add_address("127.0.0.1", closed_port(AF_INET));
	}
	add_address("127.0.0.1", port);
	start_dial();
	/* A busy machine may spoil it now and then. */
	while (expect_connection(listener) >= 12 * DELAY_MS) {
		ck_assert_int_lt(tries++, 3);
		start_dial();
	}
}
END_TEST

START_TEST(tries_the_next_after_a_while_of_silence)
{
	uint16_t port;
	int64_t took_ms;
	int listener = rig_listen(AF_INET, &port);

	add_address("::1", silent_port(AF_INET6));
	add_address("127.0.0.1", silent_port(AF_INET));
	add_address("127.0.0.1", port);
	start_dial();
	took_ms = expect_connection(listener);
	ck_assert_int_ge(took_ms, 2 * DELAY_MS - 10);
	ck_assert_int_lt(took_ms, RIG_WAIT_MS);
}
END_TEST

START_TEST(has_a_deadline)
{
	int64_t took_ms;

	job.dial_timeout_ms = 300;
	add_address("127.0.0.1", silent_port(AF_INET));
	start_dial();
	rig_expect_failure(&rig, STAGE_CONNECT, REASON_TIMEOUT, 300,
	    WORKER_EXIT_DIAL);
	took_ms = clock_now_ms() - begin_ms;
	ck_assert_int_ge(took_ms, 290);
	ck_assert_int_lt(took_ms, RIG_WAIT_MS);
}
END_TEST

START_TEST(says_what_the_network_said)
{
	strlcpy(job.source, "127.0.0.1", sizeof(job.source));
	add_address("::1", closed_port(AF_INET6));
	add_address("127.0.0.1", closed_port(AF_INET));
	add_address("::1", closed_port(AF_INET6));
	start_dial();
	rig_expect_failure(&rig, STAGE_CONNECT, REASON_ERRNO, ECONNREFUSED,
	    WORKER_EXIT_DIAL);
}
END_TEST

START_TEST(leaves_with_the_engine)
{
	add_address("127.0.0.1", silent_port(AF_INET));
	start_dial();
	ck_assert(rig_event(&rig, &event));
	ck_assert_int_eq(event.stage, STAGE_CONNECT);
	rig_let_go(&rig);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_OK);
	ck_assert_int_lt(clock_now_ms() - begin_ms, RIG_WAIT_MS);
}
END_TEST

START_TEST(tells_what_became_of_mptcp)
{
	uint16_t port;
	int listener = rig_listen(AF_INET, &port);

	job.mptcp = 1;
	add_address("127.0.0.1", port);
	start_dial();
	rig_await(&rig, EVENT_NOTE, &event);
	ck_assert_int_eq(strncmp(event.text, "plain TCP: ", 11), 0);
	close(rig_accept(listener));
}
END_TEST

/* The raw relay in front is not asked; the proxy behind it hangs up. */
START_TEST(asks_the_proxies)
{
	uint16_t port;
	char request[8];
	int fd;
	int listener = rig_listen(AF_INET, &port);

	job.hops = 2;
	job.hop[1].kind = HOP_HTTP;
	strlcpy(job.destination_host, "far", sizeof(job.destination_host));
	add_address("127.0.0.1", port);
	start_dial();
	fd = rig_accept(listener);
	rig_read(fd, request, sizeof(request));
	ck_assert_mem_eq(request, "CONNECT ", sizeof(request));
	shutdown(fd, SHUT_WR);
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_int_eq(event.stage, STAGE_PROXY);
	ck_assert_int_eq(event.hop, 1);
	ck_assert_int_eq(event.reason, REASON_CLOSED);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_DIAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("dial");
	TCase *t = tcase_create("dial");

	tcase_set_timeout(t, 20);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, takes_the_first_that_answers);
	tcase_add_test(t, tries_the_next_at_once_after_a_refusal);
	tcase_add_test(t, tries_the_next_after_a_while_of_silence);
	tcase_add_test(t, has_a_deadline);
	tcase_add_test(t, says_what_the_network_said);
	tcase_add_test(t, leaves_with_the_engine);
	tcase_add_test(t, tells_what_became_of_mptcp);
	tcase_add_test(t, asks_the_proxies);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
