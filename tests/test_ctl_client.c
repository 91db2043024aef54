/*
 * socktopusctl against control sockets of every kind of behaviour, and in
 * folders of every kind of owner.
 */
#include "supervisor/ctl/client.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/ctl/find.h"
#include "tests/suite.h"

#define SHORT_MS 200
#define LONG_MS 20000

static char folder[64], path[128];
static char error[CLIENT_ERROR_MAX], *answer;
static size_t bytes;
static pid_t server;

static void
make_folder(void)
{
	strcpy(folder, "/tmp/test_ctl.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.sock", folder);
}

static int
listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, name);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	ck_assert_int_eq(listen(fd, 0), 0);
	return fd;
}

/* A child that takes one client and does the given to it. */
static void
serve(void (*talk)(int fd))
{
	char line[64];
	int fd, client;

	make_folder();
	fd = listen_at(path);
	server = fork();
	if (server == 0) {
		client = accept(fd, NULL, NULL);
		if (read(client, line, sizeof(line)) == 7 &&
		    memcmp(line, "status\n", 7) == 0)
			talk(client);
		_exit(0);
	}
	close(fd);
}

static void
stop(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(path);
	rmdir(folder);
}

static enum client_result
ask(int timeout_ms)
{
	return client_ask(path, "status", timeout_ms, &answer, &bytes, error);
}

static void
say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) == -1)
		_exit(1);
}

static void
answer_in_pieces(int fd)
{
	static const char whole[] = "tunnel name=a\nend\n";
	size_t i;

	for (i = 0; i < sizeof(whole) - 1; i++) {
		if (send(fd, whole + i, 1, MSG_NOSIGNAL) != 1)
			_exit(1);
		sched_yield();
	}
	/* The end is known by its word. */
	pause();
}

static void
answer_and_close(int fd)
{
	say(fd, "tunnel name=a\n");
}

static void
refuse(int fd)
{
	say(fd, "error no\n");
	pause();
}

static void
say_nothing(int fd)
{
	(void)fd;
	pause();
}

static void
drip(int fd)
{
	struct timespec moment = { 0, 10000000 };

	for (;;) {
		say(fd, "a=");
		nanosleep(&moment, NULL);
	}
}

static void
flood(int fd)
{
	static char line[65536];

	memset(line, 'a', sizeof(line));
	while (send(fd, line, sizeof(line), MSG_NOSIGNAL) > 0)
		continue;
}

START_TEST(test_answer)
{
	serve(answer_in_pieces);
	ck_assert_int_eq(ask(LONG_MS), CLIENT_OK);
	ck_assert_str_eq(answer, "tunnel name=a\nend\n");
	ck_assert_uint_eq(bytes, strlen(answer));
	free(answer);
	stop();
}
END_TEST

START_TEST(test_answer_ends_with_the_connection)
{
	serve(answer_and_close);
	ck_assert_int_eq(ask(LONG_MS), CLIENT_OK);
	ck_assert_str_eq(answer, "tunnel name=a\n");
	free(answer);
	stop();
}
END_TEST

START_TEST(test_refusal)
{
	serve(refuse);
	ck_assert_int_eq(ask(LONG_MS), CLIENT_OK);
	ck_assert_str_eq(answer, "error no\n");
	free(answer);
	stop();
}
END_TEST

START_TEST(test_silence)
{
	serve(say_nothing);
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_FAILED);
	ck_assert_str_eq(error, "no answer in time");
	stop();
}
END_TEST

/* The limit is of the whole answer, not of the next byte. */
START_TEST(test_drip)
{
	serve(drip);
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_FAILED);
	ck_assert_str_eq(error, "no answer in time");
	stop();
}
END_TEST

START_TEST(test_flood)
{
	serve(flood);
	ck_assert_int_eq(ask(LONG_MS), CLIENT_FAILED);
	ck_assert_str_eq(error, "the answer is too long");
	stop();
}
END_TEST

/* What an engine does that has too many clients. */
START_TEST(test_hangs_up)
{
	int fd;

	make_folder();
	fd = listen_at(path);
	server = fork();
	if (server == 0) {
		close(accept(fd, NULL, NULL));
		pause();
	}
	close(fd);
	ck_assert_int_eq(ask(LONG_MS), CLIENT_FAILED);
	ck_assert_str_eq(error,
	    "it hung up: it ended, many ask, or this user may not");
	stop();
}
END_TEST

/* A stopped process whose backlog is full. */
START_TEST(test_nobody_accepts)
{
	int fd;

	make_folder();
	fd = listen_at(path);
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_FAILED);
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_FAILED);
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_FAILED);
	ck_assert_str_eq(error, "no answer in time");
	close(fd);
	unlink(path);
	rmdir(folder);
}
END_TEST

START_TEST(test_stale)
{
	make_folder();
	close(listen_at(path));
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_STALE);
	unlink(path);
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_STALE);
	rmdir(folder);
}
END_TEST

START_TEST(test_name_too_long)
{
	memset(path, 'a', 108);
	path[108] = '\0';
	ck_assert_int_eq(ask(SHORT_MS), CLIENT_FAILED);
	ck_assert_str_eq(error, "the name is too long for a socket");
}
END_TEST

static void
make_sockets(void)
{
	char name[128];

	make_folder();
	close(listen_at(path));
	snprintf(name, sizeof(name), "%s/0.sock", folder);
	close(listen_at(name));
	snprintf(name, sizeof(name), "%s/other", folder);
	close(listen_at(name));
	snprintf(name, sizeof(name), "%s/file.sock", folder);
	close(open(name, O_CREAT | O_WRONLY, 0600));
	snprintf(name, sizeof(name), "%s/link.sock", folder);
	ck_assert_int_eq(symlink(path, name), 0);
}

static void
remove_sockets(void)
{
	static const char *const names[] = { "a.sock", "0.sock", "other",
		"file.sock", "link.sock" };
	char name[128];
	size_t i;

	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		unlink(name);
	}
	ck_assert_int_eq(rmdir(folder), 0);
}

static size_t
count_found(const char *name, bool owned)
{
	struct find_list list = { .count = 0 };
	size_t count;

	find_in_folder(&list, name, owned);
	count = list.count;
	find_free(&list);
	return count;
}

START_TEST(test_find)
{
	struct find_list list = { .count = 0 };

	make_sockets();
	find_in_folder(&list, folder, true);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(strrchr(list.path[0], '/'), "/0.sock");
	ck_assert_str_eq(list.path[1], path);
	find_free(&list);
	ck_assert_uint_eq(count_found("/tmp/there-is-no-such-folder", true), 0);
	remove_sockets();
}
END_TEST

START_TEST(test_find_in_a_folder_of_others)
{
	char name[128];

	make_sockets();
	snprintf(name, sizeof(name), "%s.link", folder);
	ck_assert_int_eq(symlink(folder, name), 0);
	ck_assert_uint_eq(count_found(name, true), 0);
	unlink(name);
	ck_assert_int_eq(chmod(folder, 0703), 0);
	ck_assert_uint_eq(count_found(folder, true), 0);
	ck_assert_uint_eq(count_found(folder, false), 0);
	ck_assert_int_eq(chmod(folder, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(folder, 12345, 12345), 0);
		ck_assert_uint_eq(count_found(folder, true), 0);
		ck_assert_uint_eq(count_found(folder, false), 2);
	}
	remove_sockets();
}
END_TEST

START_TEST(test_find_where_it_is_denied)
{
	struct find_list list = { .count = 0 };

	make_sockets();
	ck_assert_int_eq(chmod(folder, 0), 0);
	if (geteuid() != 0 || setresuid(12345, 12345, 0) == 0) {
		find_in_folder(&list, folder, true);
		ck_assert_uint_eq(list.count, 0);
		ck_assert_str_eq(list.denied, folder);
		find_free(&list);
	}
	if (geteuid() == 12345)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(folder, 0700), 0);
	remove_sockets();
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("ctl_client");
	TCase *tests = tcase_create("sockets");

	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, test_answer);
	tcase_add_test(tests, test_answer_ends_with_the_connection);
	tcase_add_test(tests, test_refusal);
	tcase_add_test(tests, test_silence);
	tcase_add_test(tests, test_drip);
	tcase_add_test(tests, test_flood);
	tcase_add_test(tests, test_nobody_accepts);
	tcase_add_test(tests, test_hangs_up);
	tcase_add_test(tests, test_stale);
	tcase_add_test(tests, test_name_too_long);
	tcase_add_test(tests, test_find);
	tcase_add_test(tests, test_find_in_a_folder_of_others);
	tcase_add_test(tests, test_find_where_it_is_denied);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
