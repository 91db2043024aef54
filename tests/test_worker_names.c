/*
 * Names, by the real resolver in the real lock-in, against a name server of
 * our own in namespaces of our own.
 */
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <net/if.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/worker_rig.h"

#define NOBODY 65534
#define MESSAGE_MAX 4096
#define UDP_MAX 512
#define TYPE_A 1
#define TYPE_AAAA 28

static struct rig rig;
static struct job job;
static struct worker_event event;
static pid_t server;

struct answer {
	const char *name; /* first label of the question */
	unsigned int a;	  /* records 127.0.0.1, .2 ... */
	bool aaaa;	  /* ::1 */
	uint8_t code;	  /* RCODE */
	bool silent;
	bool garbage;
};

static const struct answer answers[] = {
	{ .name = "one", .a = 1 },
	{ .name = "six", .aaaa = true },
	{ .name = "both", .a = 1, .aaaa = true },
	{ .name = "many", .a = 80 },
	{ .name = "none", .code = 3 },
	{ .name = "silent", .silent = true },
	{ .name = "garbage", .garbage = true },
};

static const struct answer *
find_answer(const uint8_t *question)
{
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strlen(answers[i].name) == question[0] &&
		    memcmp(answers[i].name, question + 1, question[0]) == 0)
			return &answers[i];
	return &answers[4];
}

static size_t
put_record(uint8_t *out, uint8_t type, const void *address, uint8_t bytes)
{
	const uint8_t head[] = { 0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0,
		bytes };

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), address, bytes);
	return sizeof(head) + bytes;
}

/* The question stays in place; returns the length of the whole message. */
static size_t
write_answer(uint8_t *message, size_t length, const struct answer *answer)
{
	uint8_t type = message[length - 3], address[4] = { 127, 0, 0, 1 };
	unsigned int count = 0;
	size_t at = length;

	if (type == TYPE_A)
		for (; count < answer->a; count++) {
			address[3] = (uint8_t)(1 + count);
			at += put_record(message + at, TYPE_A, address, 4);
		}
	if (type == TYPE_AAAA && answer->aaaa) {
		at += put_record(message + at, TYPE_AAAA, &in6addr_loopback,
		    16);
		count++;
	}
	message[2] = 0x81;
	message[3] = 0x80 | answer->code;
	message[7] = (uint8_t)count;
	message[11] = 0;
	return at;
}

static size_t
answer_query(uint8_t *message, size_t length)
{
	const struct answer *answer;
	size_t i;

	/* The last five bytes must be the root label, type and class. */
	message[11] = 0;
	answer = find_answer(message + 12);
	if (answer->silent)
		return 0;
	length = write_answer(message, length, answer);
	/* Pointers to themselves and lengths that lie. */
	for (i = 40; answer->garbage && i < length + 100; i++)
		message[i] = i % 2 == 0 ? 0xc0 : (uint8_t)i;
	if (answer->garbage) {
		message[7] = 200;
		length += 100;
	}
	return length;
}

/* Without the EDNS record that the resolver may have put behind. */
static size_t
question_bytes(const uint8_t *message)
{
	size_t at = 12;

	while (message[at] != 0)
		at += 1U + message[at];
	return at + 5;
}

static void
serve_udp(int fd)
{
	uint8_t message[MESSAGE_MAX];
	struct sockaddr_storage from;
	socklen_t from_bytes = sizeof(from);
	size_t length;

	if (recvfrom(fd, message, sizeof(message), 0, (struct sockaddr *)&from,
		&from_bytes) < 17)
		return;
	length = answer_query(message, question_bytes(message));
	if (length > UDP_MAX) {
		length = question_bytes(message);
		message[2] |= 0x02;
		message[7] = 0;
	}
	if (length > 0)
		sendto(fd, message, length, 0, (struct sockaddr *)&from,
		    from_bytes);
}

/* One connection may carry several queries. */
static void
serve_tcp(int listener)
{
	uint8_t message[2 + MESSAGE_MAX];
	int fd = accept(listener, NULL, NULL);
	size_t length;

	while (recv(fd, message, 2, MSG_WAITALL) == 2) {
		length = (size_t)message[0] << 8 | message[1];
		if (length > MESSAGE_MAX ||
		    recv(fd, message + 2, length, MSG_WAITALL) !=
			(ssize_t)length)
			break;
		length = answer_query(message + 2, question_bytes(message + 2));
		message[0] = (uint8_t)(length >> 8);
		message[1] = (uint8_t)length;
		send(fd, message, 2 + length, MSG_NOSIGNAL);
	}
	close(fd);
}

static int
bind_dns(int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	return fd;
}

static void
start_server(void)
{
	struct pollfd polls[2] = { { .events = POLLIN }, { .events = POLLIN } };

	polls[0].fd = bind_dns(SOCK_DGRAM);
	polls[1].fd = bind_dns(SOCK_STREAM);
	ck_assert_int_eq(listen(polls[1].fd, 8), 0);
	server = fork();
	while (server == 0 && poll(polls, 2, -1) > 0) {
		if (polls[0].revents != 0)
			serve_udp(polls[0].fd);
		if (polls[1].revents != 0)
			serve_tcp(polls[1].fd);
	}
	close(polls[0].fd);
	close(polls[1].fd);
}

static void
stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void
dial_name(const char *name, uint16_t port, uid_t uid)
{
	rig_job(&job, name, port);
	rig_init(&rig, -1);
	rig.uid = uid;
	rig_start(&rig);
	ck_assert_int_eq(message_send_job(rig.channel, &job), MESSAGE_OK);
}

static void
expect_connection(const char *name, int family, uid_t uid)
{
	uint16_t port;
	int listener, fd;
	char byte;

	listener = rig_listen(family, &port);
	dial_name(name, port, uid);
	rig_await(&rig, EVENT_UP, &event);
	fd = rig_accept(listener);
	rig_send(&rig, "x", 1);
	rig_read(fd, &byte, 1);
	close(fd);
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_int_eq(event.reason, REASON_CLOSED);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_PEER);
	close(listener);
}

START_TEST(finds_one_address)
{
	expect_connection("one.test", AF_INET, 0);
	expect_connection("six.test", AF_INET6, 0);
	expect_connection("fromhosts.test", AF_INET, 0);
}
END_TEST

START_TEST(finds_it_as_another_user)
{
	expect_connection("one.test", AF_INET, NOBODY);
	expect_connection("many.test", AF_INET, NOBODY);
	expect_connection("127.0.0.1", AF_INET, NOBODY);
}
END_TEST

START_TEST(takes_the_family_that_answers)
{
	expect_connection("both.test", AF_INET, 0);
	expect_connection("both.test", AF_INET6, 0);
}
END_TEST

/* Truncated over UDP, so over TCP. */
START_TEST(reads_a_long_answer)
{
	expect_connection("many.test", AF_INET, 0);
}
END_TEST

START_TEST(says_that_there_is_no_such_name)
{
	dial_name("none.test", 1, 0);
	rig_expect_failure(&rig, STAGE_RESOLVE, REASON_RESOLVE, EAI_NONAME,
	    WORKER_EXIT_DIAL);
}
END_TEST

START_TEST(gives_up_on_a_silent_server)
{
	rig_job(&job, "silent.test", 1);
	job.dial_timeout_ms = 300;
	rig_run(&rig, &job, -1);
	rig_expect_failure(&rig, STAGE_RESOLVE, REASON_TIMEOUT, 300,
	    WORKER_EXIT_DIAL);
}
END_TEST

START_TEST(survives_a_lying_server)
{
	rig_job(&job, "garbage.test", 1);
	job.dial_timeout_ms = 300;
	rig_run(&rig, &job, -1);
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_int_eq(event.stage, STAGE_RESOLVE);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_DIAL);
}
END_TEST

START_TEST(names_the_address_that_refused)
{
	uint16_t port;

	close(rig_listen(AF_INET, &port));
	dial_name("one.test", port, 0);
	rig_await(&rig, EVENT_FAILED, &event);
	ck_assert_str_eq(event.text, "127.0.0.1: Connection refused");
	ck_assert_int_eq(event.detail, ECONNREFUSED);
	ck_assert_int_eq(rig_exit_code(&rig), WORKER_EXIT_DIAL);
}
END_TEST

static bool
cover(const char *path, const char *text)
{
	char name[] = "/tmp/test_worker_names.XXXXXX";
	int fd = mkstemp(name);
	bool done;

	done = fd != -1 && fchmod(fd, 0644) == 0 &&
	    write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	    mount(name, path, NULL, MS_BIND, NULL) == 0;
	unlink(name);
	close(fd);
	return done;
}

/*
 * A network of our own, with the loopback up, and files of our own. Of the
 * modules, hesiod has to be loaded and none is not there.
 */
static bool
enter_namespaces(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    !cover("/etc/resolv.conf",
		"nameserver 127.0.0.1\n"
		"options timeout:5 attempts:1\n") ||
	    !cover("/etc/hosts", "127.0.0.1 fromhosts.test\n") ||
	    !cover("/etc/nsswitch.conf", "hosts: hesiod none files dns\n"))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request) == -1)
		return false;
	close(fd);
	return true;
}

static Suite *
suite(void)
{
	Suite *s = suite_create("worker_names");
	TCase *t = tcase_create("names");

	tcase_set_timeout(t, 20);
	tcase_add_checked_fixture(t, start_server, stop_server);
	tcase_add_test(t, finds_one_address);
	tcase_add_test(t, finds_it_as_another_user);
	tcase_add_test(t, takes_the_family_that_answers);
	tcase_add_test(t, reads_a_long_answer);
	tcase_add_test(t, says_that_there_is_no_such_name);
	tcase_add_test(t, gives_up_on_a_silent_server);
	tcase_add_test(t, survives_a_lying_server);
	tcase_add_test(t, names_the_address_that_refused);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	if (!enter_namespaces()) {
		fprintf(stderr, "SKIPPED: no namespaces here: %s\n",
		    strerror(errno));
		return 77;
	}
	return suite_run(suite());
}
