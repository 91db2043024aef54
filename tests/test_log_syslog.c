#include "supervisor/log_syslog.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <check.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <bsd/string.h>

#include "tests/suite.h"

static char folder[64], path[sizeof(((struct sockaddr_un *)0)->sun_path)];
static int daemon_fd = -1;

static void
start_daemon(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strlcpy(address.sun_path, path, sizeof(address.sun_path));
	daemon_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ne(daemon_fd, -1);
	ck_assert_int_eq(bind(daemon_fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
}

static void
end_daemon(void)
{
	close(daemon_fd);
	unlink(path);
}

static void
make_folder(void)
{
	strlcpy(folder, "/tmp/test_log.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	start_daemon();
}

static void
remove_folder(void)
{
	end_daemon();
	rmdir(folder);
}

static bool
say(int fd, const char *text)
{
	return log_syslog_send(fd, path, LOG_WARNING, text, strlen(text));
}

static void
assert_hears(const char *line)
{
	char text[4096], pattern[256];
	ssize_t length = recv(daemon_fd, text, sizeof(text) - 1, 0);
	regex_t regex;

	ck_assert_int_gt(length, 0);
	text[length] = '\0';
	snprintf(pattern, sizeof(pattern),
	    "^<28>[A-Z][a-z]{2} [ 0-3][0-9] [0-9]{2}(:[0-9]{2}){2} "
	    "socktopus\\[%d\\]: %s$",
	    (int)getpid(), line);
	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0, "'%s'", text);
	regfree(&regex);
}

START_TEST(line_has_its_form)
{
	int fd = log_syslog_open(path);

	ck_assert(say(fd, "warn engine: logs: down"));
	assert_hears("warn engine: logs: down");
	close(fd);
}
END_TEST

START_TEST(daemon_starts_again)
{
	int fd = log_syslog_open(path);

	ck_assert(say(fd, "one"));
	assert_hears("one");
	end_daemon();
	ck_assert(!say(fd, "lost"));
	start_daemon();
	ck_assert(say(fd, "two"));
	assert_hears("two");
	close(fd);
}
END_TEST

START_TEST(daemon_comes_late)
{
	int fd;

	end_daemon();
	fd = log_syslog_open(path);
	ck_assert_int_ne(fd, -1);
	ck_assert(!say(fd, "lost"));
	ck_assert_int_eq(errno, ENOENT);
	start_daemon();
	ck_assert(say(fd, "heard"));
	assert_hears("heard");
	close(fd);
}
END_TEST

START_TEST(daemon_that_hangs)
{
	int fd = log_syslog_open(path);
	unsigned int sent = 0;

	while (sent < 100000 && say(fd, "line"))
		sent++;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_lt(sent, 100000);
	assert_hears("line");
	ck_assert(say(fd, "line"));
	close(fd);
}
END_TEST

START_TEST(endless_line)
{
	static char text[65536];
	int fd = log_syslog_open(path);

	memset(text, 'x', sizeof(text) - 1);
	ck_assert(!say(fd, text));
	ck_assert_int_eq(errno, EMSGSIZE);
	close(fd);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("log_syslog");
	TCase *sent = tcase_create("syslog");

	tcase_add_checked_fixture(sent, make_folder, remove_folder);
	tcase_add_test(sent, line_has_its_form);
	tcase_add_test(sent, daemon_starts_again);
	tcase_add_test(sent, daemon_comes_late);
	tcase_add_test(sent, daemon_that_hangs);
	tcase_add_test(sent, endless_line);
	suite_add_tcase(suite, sent);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
