#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "tests/suite.h"
#include "tests/worker_rig.h"
#include "worker/report.h"
#include "worker/resolve.h"
#include "worker/socket.h"

static struct job job;
static struct rig rig;
static struct report report;
static struct worker_event event;
static struct rlimit descriptors; /* of who is refused */

static void
setup(void)
{
	int pair[2];

	rig_job(&job, "127.0.0.1", 1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	rig.channel = pair[0];
	report = (struct report){ .channel = pair[1], .stage = STAGE_START };
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
}

static int
option(int fd, int level, int name)
{
	socklen_t length = sizeof(int);
	int value = -1;

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &length), 0);
	return value;
}

static void
expect_tuned(int fd)
{
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 10000);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 16384);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 20);
}

START_TEST(is_tuned)
{
	expect_tuned(socket_open(AF_INET, &job, &report));
	expect_tuned(socket_open(AF_INET6, &job, &report));
}
END_TEST

static void
expect_text(int fd, int level, int name, const char *expected)
{
	char text[16] = "";
	socklen_t length = sizeof(text);

	ck_assert_int_eq(getsockopt(fd, level, name, text, &length), 0);
	ck_assert_str_eq(text, expected);
}

START_TEST(is_what_the_operator_asks_for)
{
	int fd;

	strlcpy(job.congestion, "reno", sizeof(job.congestion));
	strlcpy(job.interface, "lo", sizeof(job.interface));
	job.rate_limit_bytes = 125000;
	fd = socket_open(AF_INET, &job, &report);
	expect_text(fd, IPPROTO_TCP, TCP_CONGESTION, "reno");
	expect_text(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo");
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_MAX_PACING_RATE), 125000);
}
END_TEST

START_TEST(comes_from_the_source)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	socklen_t length = sizeof(from);
	char text[INET_ADDRSTRLEN];
	int fd;

	strlcpy(job.source, "127.0.0.5", sizeof(job.source));
	ck_assert_int_eq(socket_family(&job, &report), AF_INET);
	fd = socket_open(AF_INET, &job, &report);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&from, &length), 0);
	inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text));
	ck_assert_str_eq(text, "127.0.0.5");
	strlcpy(job.source, "::1", sizeof(job.source));
	ck_assert_int_eq(socket_family(&job, &report), AF_INET6);
	ck_assert_int_ne(socket_open(AF_INET6, &job, &report), -1);
}
END_TEST

START_TEST(tunes_an_accepted_connection)
{
	int pair[2];

	strlcpy(job.congestion, "reno", sizeof(job.congestion));
	rig_tcp_pair(pair);
	socket_adopt(pair[0], &job, &report);
	expect_tuned(pair[0]);
	expect_text(pair[0], IPPROTO_TCP, TCP_CONGESTION, "reno");
}
END_TEST

static void
expect_refusal(const char *text)
{
	rig.pid = fork();
	if (rig.pid == 0) {
		setrlimit(RLIMIT_NOFILE, &descriptors);
		socket_family(&job, &report);
		socket_open(AF_INET, &job, &report);
		_exit(0);
	}
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_DIAL);
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_str_eq(event.text, text);
}

START_TEST(names_a_wish_that_cannot_be_met)
{
	strlcpy(job.congestion, "none", sizeof(job.congestion));
	expect_refusal("congestion none: No such file or directory");
	strlcpy(job.interface, "none0", sizeof(job.interface));
	expect_refusal("interface none0: No such device");
	job.interface[0] = '\0';
	strlcpy(job.source, "192.0.2.77", sizeof(job.source));
	expect_refusal("source 192.0.2.77: Cannot assign requested address");
	strlcpy(job.source, "nowhere", sizeof(job.source));
	expect_refusal("source is not an address");
}
END_TEST

START_TEST(names_what_there_is_no_descriptor_for)
{
	descriptors.rlim_cur = 0;
	expect_refusal("socket: Too many open files");
}
END_TEST

static bool
kernel_has_mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	return fd != -1 && close(fd) == 0;
}

/* What is said of a connection to a listener of this protocol. */
static const char *
words_of(int protocol)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(to);
	int fd, listener = socket(AF_INET, SOCK_STREAM, protocol);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&to, length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&to, &length);
	fd = socket_open(AF_INET, &job, &report);
	ck_assert(connect(fd, (struct sockaddr *)&to, length) == 0 ||
	    errno == EINPROGRESS);
	rig_accept(listener);
	return socket_mptcp_words(fd);
}

START_TEST(uses_mptcp_where_it_can)
{
	ck_assert_str_eq(words_of(IPPROTO_TCP),
	    "plain TCP: MPTCP is not possible here");
	if (!kernel_has_mptcp())
		return;
	job.mptcp = 1;
	ck_assert_str_eq(words_of(IPPROTO_TCP),
	    "plain TCP: the other end has no MPTCP");
	ck_assert_str_eq(words_of(IPPROTO_MPTCP), "connected with MPTCP");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("socket");
	TCase *t = tcase_create("socket");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, is_tuned);
	tcase_add_test(t, is_what_the_operator_asks_for);
	tcase_add_test(t, comes_from_the_source);
	tcase_add_test(t, tunes_an_accepted_connection);
	tcase_add_test(t, names_a_wish_that_cannot_be_met);
	tcase_add_test(t, names_what_there_is_no_descriptor_for);
	tcase_add_test(t, uses_mptcp_where_it_can);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
