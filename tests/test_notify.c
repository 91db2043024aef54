#include "supervisor/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <check.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "tests/suite.h"

#define NAME_MAX_BYTES 64

/* The manager's end: bound to a name; a leading '@' means abstract. */
static int
listen_as(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un,
					     sun_path) +
				 length)),
	    0);
	return fd;
}

static void
name_it(char name[NAME_MAX_BYTES], const char *start)
{
	snprintf(name, NAME_MAX_BYTES, "%stest_notify.%d", start,
	    (int)getpid());
}

static void
expect(int manager, const char *text)
{
	char got[1024];
	ssize_t length = recv(manager, got, sizeof(got) - 1, 0);

	ck_assert_int_ge(length, 0);
	got[length] = '\0';
	ck_assert_str_eq(got, text);
}

static void
expect_nothing(int manager)
{
	char byte;

	ck_assert_int_eq(recv(manager, &byte, 1, 0), -1);
}

static void
open_with(struct notify *notify, const char *name, const char *usec,
    const char *pid)
{
	if (name != NULL)
		setenv("NOTIFY_SOCKET", name, 1);
	if (usec != NULL)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	notify_open(notify);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
	ck_assert_ptr_null(getenv("WATCHDOG_PID"));
}

START_TEST(without_a_manager_nothing_is_sent)
{
	struct notify notify;

	open_with(&notify, NULL, "1000000", NULL);
	ck_assert_int_eq(notify.fd, -1);
	ck_assert_uint_eq(notify_alive_us(&notify), 0);
	notify_send(&notify, "READY=1");
	notify_send(NULL, "READY=1");
	notify_close(&notify);
}
END_TEST

START_TEST(a_socket_in_the_file_system_hears)
{
	char name[NAME_MAX_BYTES];
	struct notify notify;
	int manager;

	name_it(name, "/tmp/");
	unlink(name);
	manager = listen_as(name);
	open_with(&notify, name, NULL, NULL);
	unlink(name);
	notify_send(&notify, "READY=1\nSTATUS=%d of %s", 3, "four");
	notify_send(&notify, "STOPPING=1");
	expect(manager, "READY=1\nSTATUS=3 of four");
	expect(manager, "STOPPING=1");
	ck_assert_int_eq(fcntl(notify.fd, F_GETFD), FD_CLOEXEC);
	notify_close(&notify);
	ck_assert_int_eq(notify.fd, -1);
	close(manager);
}
END_TEST

START_TEST(an_abstract_socket_hears)
{
	char name[NAME_MAX_BYTES];
	struct notify notify;
	int manager;

	name_it(name, "@");
	manager = listen_as(name);
	open_with(&notify, name, NULL, NULL);
	notify_send(&notify, "READY=1");
	expect(manager, "READY=1");
	notify_close(&notify);
	close(manager);
}
END_TEST

START_TEST(what_is_no_name_is_refused)
{
	static const char *const names[] = { "", "/", "@", "run/notify",
		"vsock:2:1", "/nonexistent/notify", "@nobody listens here" };
	struct notify notify;
	char longest[200];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		open_with(&notify, names[i], "1000000", NULL);
		ck_assert_int_eq(notify.fd, -1);
		ck_assert_uint_eq(notify.watchdog_us, 0);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	open_with(&notify, longest, NULL, NULL);
	ck_assert_int_eq(notify.fd, -1);
}
END_TEST

START_TEST(the_watchdog_is_ours_or_nobodys)
{
	static const struct {
		const char *usec, *pid;
		uint64_t watchdog_us;
	} cases[] = { { NULL, NULL, 0 }, { "30000000", NULL, 30000000 },
		{ "30000000", "1", 0 }, { "30000000", "", 0 }, { "", NULL, 0 },
		{ "-1", NULL, 0 }, { "1s", NULL, 0 },
		{ "99999999999999999999999", NULL, 0 } };
	char name[NAME_MAX_BYTES], own[16];
	struct notify notify;
	int manager;

	name_it(name, "@");
	manager = listen_as(name);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_with(&notify, name, cases[i].usec, cases[i].pid);
		ck_assert_int_ne(notify.fd, -1);
		ck_assert_uint_eq(notify.watchdog_us, cases[i].watchdog_us);
		notify_close(&notify);
	}
	snprintf(own, sizeof(own), "%d", (int)getpid());
	open_with(&notify, name, "8000000", own);
	ck_assert_uint_eq(notify.watchdog_us, 8000000);
	ck_assert_uint_eq(notify_alive_us(&notify), 2000000);
	notify_close(&notify);
	close(manager);
}
END_TEST

/* A manager that does not read must not stop us. */
START_TEST(a_full_queue_is_not_waited_for)
{
	char name[NAME_MAX_BYTES];
	struct notify notify;
	int manager;

	name_it(name, "@");
	manager = listen_as(name);
	open_with(&notify, name, NULL, NULL);
	for (int i = 0; i < 10000; i++)
		notify_send(&notify, "WATCHDOG=1");
	expect(manager, "WATCHDOG=1");
	notify_close(&notify);
	close(manager);
}
END_TEST

START_TEST(a_manager_that_is_gone_is_no_fault)
{
	char name[NAME_MAX_BYTES];
	struct notify notify;
	int manager;

	name_it(name, "@");
	manager = listen_as(name);
	open_with(&notify, name, NULL, NULL);
	close(manager);
	notify_send(&notify, "WATCHDOG=1");
	notify_close(&notify);
}
END_TEST

/* Half of a line could mean something else. */
START_TEST(nothing_is_cut_off)
{
	char name[NAME_MAX_BYTES], text[1024];
	struct notify notify;
	int manager;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	name_it(name, "@");
	manager = listen_as(name);
	open_with(&notify, name, NULL, NULL);
	notify_send(&notify, "STATUS=%s", text);
	expect_nothing(manager);
	notify_close(&notify);
	close(manager);
}
END_TEST

static Suite *
notify_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *tcase = tcase_create("core");

	tcase_add_test(tcase, without_a_manager_nothing_is_sent);
	tcase_add_test(tcase, a_socket_in_the_file_system_hears);
	tcase_add_test(tcase, an_abstract_socket_hears);
	tcase_add_test(tcase, what_is_no_name_is_refused);
	tcase_add_test(tcase, the_watchdog_is_ours_or_nobodys);
	tcase_add_test(tcase, a_full_queue_is_not_waited_for);
	tcase_add_test(tcase, a_manager_that_is_gone_is_no_fault);
	tcase_add_test(tcase, nothing_is_cut_off);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	log_set_level(LOG_FATAL_LEVEL);
	return suite_run(notify_suite());
}
