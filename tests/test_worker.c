/* The real program, from its first descriptor to its exit code. */
#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <bsd/unistd.h>

#include "tests/suite.h"
#include "tests/worker_rig.h"

#define TEXT_BYTES 400000
#define NOBODY 65534

static struct rig rig;
static struct job job;
static struct worker_event event;

/* A worker that is up, and the far end's socket. */
static int
bring_up(uid_t uid)
{
	uint16_t port;
	int listener, fd;

	listener = rig_listen(AF_INET, &port);
	rig_job(&job, "127.0.0.1", port);
	rig_init(&rig, -1);
	rig.uid = uid;
	rig_start(&rig);
	ck_assert_int_eq(message_send_job(rig.channel, &job), MESSAGE_OK);
	fd = rig_accept(listener);
	rig_await(&rig, EVENT_UP, &event);
	close(listener);
	return fd;
}

static void
expect_both_ways(int fd)
{
	char bytes[8];

	rig_send(&rig, "there", 5);
	rig_read(fd, bytes, 5);
	ck_assert_mem_eq(bytes, "there", 5);
	rig_write(fd, "and back", 8);
	rig_receive(&rig, bytes, 8);
	ck_assert_mem_eq(bytes, "and back", 8);
}

static void
expect_end(int fd)
{
	char byte;

	rig_let_go(&rig);
	rig_poll(fd, POLLIN);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_OK);
}

START_TEST(dials_and_pumps)
{
	static const uid_t users[] = { 0, NOBODY };
	size_t i;
	int fd;

	for (i = 0; i < (getuid() == 0 ? 2 : 1); i++) {
		fd = bring_up(users[i]);
		expect_both_ways(fd);
		expect_end(fd);
	}
}
END_TEST

START_TEST(tells_every_step)
{
	uint16_t port;
	int listener;

	listener = rig_listen(AF_INET, &port);
	rig_job(&job, "127.0.0.1", port);
	rig_run(&rig, &job, -1);
	ck_assert(rig_event(&rig, &event));
	ck_assert_int_eq(event.stage, STAGE_START);
	do
		ck_assert(rig_event(&rig, &event));
	while (event.kind == EVENT_NOTE);
	ck_assert_int_eq(event.stage, STAGE_CONNECT);
	ck_assert(rig_event(&rig, &event));
	ck_assert_int_eq(event.kind, EVENT_UP);
	expect_end(rig_accept(listener));
}
END_TEST

START_TEST(serves_an_accepted_connection)
{
	int pair[2];

	rig_tcp_pair(pair);
	rig_job(&job, "", 0);
	job.kind = JOB_SERVE;
	job.hops = 0;
	rig_run(&rig, &job, pair[0]);
	rig_await(&rig, EVENT_UP, &event);
	expect_both_ways(pair[1]);
	expect_end(pair[1]);
}
END_TEST

START_TEST(localhost_is_ipv4_first)
{
	uint16_t port;
	int v4, v6;

	v4 = rig_listen(AF_INET, &port);
	rig_job(&job, "localhost", port);
	rig_run(&rig, &job, -1);
	expect_end(rig_accept(v4));
	v6 = rig_listen(AF_INET6, &port);
	rig_job(&job, "localhost", port);
	rig_run(&rig, &job, -1);
	expect_end(rig_accept(v6));
}
END_TEST

START_TEST(sends_what_was_there_before_it_was_up)
{
	char bytes[6];
	uint16_t port;
	int listener, fd;

	listener = rig_listen(AF_INET, &port);
	rig_job(&job, "127.0.0.1", port);
	rig_init(&rig, -1);
	rig_send(&rig, "early", 6);
	rig_start(&rig);
	ck_assert_int_eq(message_send_job(rig.channel, &job), MESSAGE_OK);
	fd = rig_accept(listener);
	rig_read(fd, bytes, 6);
	ck_assert_str_eq(bytes, "early");
	expect_end(fd);
}
END_TEST

static void
expect_child(void)
{
	int status;

	ck_assert_int_ne(wait(&status), -1);
	ck_assert_int_eq(status, 0);
}

/* More than the ring, so that both sides wait for each other. */
START_TEST(carries_much_both_ways)
{
	static uint8_t out[TEXT_BYTES], in[TEXT_BYTES];
	int fd = bring_up(0);

	arc4random_buf(out, sizeof(out));
	if (fork() == 0) {
		rig_write(fd, out, sizeof(out));
		_exit(0);
	}
	rig_receive(&rig, in, sizeof(in));
	ck_assert_mem_eq(in, out, sizeof(in));
	memset(in, 0, sizeof(in));
	if (fork() == 0) {
		rig_read(fd, in, sizeof(in));
		_exit(memcmp(in, out, sizeof(in)) == 0 ? 0 : 1);
	}
	rig_send(&rig, out, sizeof(out));
	expect_child();
	expect_child();
	expect_end(fd);
}
END_TEST

START_TEST(reports_a_refusal)
{
	uint16_t port;

	close(rig_listen(AF_INET, &port));
	rig_job(&job, "127.0.0.1", port);
	rig_run(&rig, &job, -1);
	rig_expect_failure(&rig, STAGE_CONNECT, REASON_ERRNO, ECONNREFUSED,
	    WORKER_EXIT_DIAL);
}
END_TEST

START_TEST(reports_a_wish_that_cannot_be_met)
{
	rig_job(&job, "127.0.0.1", 1);
	strlcpy(job.interface, "none0", sizeof(job.interface));
	rig_run(&rig, &job, -1);
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_str_eq(event.text, "interface none0: No such device");
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_DIAL);
}
END_TEST

START_TEST(reports_that_the_far_end_closed)
{
	int fd = bring_up(0);
	char bytes[4];

	rig_write(fd, "last", 4);
	close(fd);
	rig_expect_failure(&rig, STAGE_PUMP, REASON_CLOSED, 0,
	    WORKER_EXIT_PEER);
	rig_receive(&rig, bytes, 4);
	ck_assert_mem_eq(bytes, "last", 4);
}
END_TEST

START_TEST(reports_a_reset)
{
	const struct linger at_once = { .l_onoff = 1 };
	int fd = bring_up(0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	rig_expect_failure(&rig, STAGE_PUMP, REASON_ERRNO, ECONNRESET,
	    WORKER_EXIT_PEER);
}
END_TEST

START_TEST(reports_a_broken_ring)
{
	struct layout_engine *words;
	int fd = bring_up(0);

	words = rig.engine.control;
	atomic_store(&words->tx_head, RIG_RING_BYTES + 1);
	rig_write(fd, "x", 1);
	rig_expect_failure(&rig, STAGE_PUMP, REASON_RING, 0, WORKER_EXIT_RING);
}
END_TEST

START_TEST(refuses_what_is_no_job)
{
	rig_job(&job, "127.0.0.1", 1);
	job.hops = MESSAGE_HOPS_MAX + 1;
	rig_run(&rig, &job, -1);
	rig_expect_failure(&rig, STAGE_START, REASON_PROTOCOL, 0,
	    WORKER_EXIT_JOB);
}
END_TEST

START_TEST(refuses_a_region_of_another_size)
{
	rig_job(&job, "127.0.0.1", 1);
	job.tx_bytes *= 2;
	rig_run(&rig, &job, -1);
	rig_expect_failure(&rig, STAGE_START, REASON_ERRNO, EPROTO,
	    WORKER_EXIT_REGION);
}
END_TEST

START_TEST(refuses_a_region_of_another_version)
{
	rig_job(&job, "127.0.0.1", 1);
	rig_init(&rig, -1);
	((struct layout_engine *)rig.engine.control)->version++;
	rig_start(&rig);
	ck_assert_int_eq(message_send_job(rig.channel, &job), MESSAGE_OK);
	rig_expect_failure(&rig, STAGE_START, REASON_PROTOCOL, 0,
	    WORKER_EXIT_REGION);
}
END_TEST

START_TEST(ends_when_there_will_be_no_job)
{
	rig_init(&rig, -1);
	rig_start(&rig);
	rig_let_go(&rig);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_OK);
}
END_TEST

START_TEST(says_in_its_title_what_it_does)
{
	char path[64], title[512] = "";
	int fd = bring_up(0), cmdline;
	char byte;

	/* The title is set after the event, before the first byte goes out. */
	rig_send(&rig, "x", 1);
	rig_read(fd, &byte, 1);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", rig.pid);
	cmdline = open(path, O_RDONLY);
	ck_assert_int_gt(read(cmdline, title, sizeof(title) - 1), 0);
	ck_assert_str_eq(title, "socktopus-worker: test via tcp://relay, up");
	close(cmdline);
	expect_end(fd);
}
END_TEST

/* The terminal's signals are the engine's business. */
START_TEST(outlives_the_terminals_signals)
{
	int fd = bring_up(0);

	kill(rig.pid, SIGINT);
	kill(rig.pid, SIGHUP);
	kill(rig.pid, SIGQUIT);
	expect_both_ways(fd);
	expect_end(fd);
}
END_TEST

static int
run_by_hand(const char *option, char *out, size_t size)
{
	char path[4096];
	const char *folder = getenv("top_builddir");
	int ends[2], status;
	ssize_t got;

	snprintf(path, sizeof(path), "%s/socktopus-worker",
	    folder != NULL ? folder : ".");
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	if (fork() == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		closefrom(STDERR_FILENO + 1);
		execl(path, path, option, NULL);
		_exit(127);
	}
	close(ends[1]);
	ck_assert_int_ne(wait(&status), -1);
	got = read(ends[0], out, size - 1);
	ck_assert_int_gt(got, 0);
	out[got] = '\0';
	close(ends[0]);
	return WEXITSTATUS(status);
}

START_TEST(explains_itself_when_started_by_hand)
{
	char out[256];

	ck_assert_int_eq(run_by_hand(NULL, out, sizeof(out)),
	    WORKER_EXIT_USAGE);
	ck_assert_ptr_eq(strchr(out, '\n'), out + strlen(out) - 1);
	ck_assert_int_eq(run_by_hand("-V", out, sizeof(out)), 0);
	ck_assert_ptr_ne(strstr(out, "socktopus-worker "), NULL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("worker");

	tcase_set_timeout(t, 20);
	tcase_add_test(t, dials_and_pumps);
	tcase_add_test(t, tells_every_step);
	tcase_add_test(t, serves_an_accepted_connection);
	tcase_add_test(t, localhost_is_ipv4_first);
	tcase_add_test(t, sends_what_was_there_before_it_was_up);
	tcase_add_test(t, carries_much_both_ways);
	tcase_add_test(t, reports_a_refusal);
	tcase_add_test(t, reports_a_wish_that_cannot_be_met);
	tcase_add_test(t, reports_that_the_far_end_closed);
	tcase_add_test(t, reports_a_reset);
	tcase_add_test(t, reports_a_broken_ring);
	tcase_add_test(t, refuses_what_is_no_job);
	tcase_add_test(t, refuses_a_region_of_another_size);
	tcase_add_test(t, refuses_a_region_of_another_version);
	tcase_add_test(t, ends_when_there_will_be_no_job);
	tcase_add_test(t, says_in_its_title_what_it_does);
	tcase_add_test(t, outlives_the_terminals_signals);
	tcase_add_test(t, explains_itself_when_started_by_hand);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
