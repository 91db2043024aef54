#include "supervisor/log_journal.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "supervisor/log.h"
#include "tests/suite.h"

static char folder[64], path[sizeof(((struct sockaddr_un *)0)->sun_path)];
static int journal;

static void
make_journal(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strlcpy(folder, "/tmp/test_log.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	strlcpy(address.sun_path, path, sizeof(address.sun_path));
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ne(journal, -1);
	ck_assert_int_eq(bind(journal, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
}

static void
remove_journal(void)
{
	unlink(path);
	rmdir(folder);
	close(journal);
}

/* What the journal got; static. */
static const char *
received(void)
{
	static char text[8192];
	ssize_t length = recv(journal, text, sizeof(text) - 1, 0);

	text[length < 0 ? 0 : length] = '\0';
	return text;
}

static bool
send_about(int fd, const char *subject)
{
	const struct log_journal_entry entry = {
		.priority = 4,
		.role = "engine",
		.subject = subject,
		.subject_bytes = subject == NULL ? 0 : strlen(subject),
		.message = "engine: down: x and more",
		.message_bytes = strlen("engine: down: x"),
	};

	return log_journal_send(fd, &entry);
}

#define HEAD                                      \
	"PRIORITY=4\nSYSLOG_FACILITY=3\n"         \
	"SYSLOG_IDENTIFIER=socktopus\nSOCKTOPUS_" \
	"ROLE=engine\n"
#define TAIL "MESSAGE=engine: down: x\n"

static const struct {
	const char *subject;
	const char *datagram;
} entries[] = {
	{ NULL, HEAD TAIL },
	{ "logs", HEAD "SOCKTOPUS_TUNNEL=logs\n" TAIL },
	{ "logs/tcp://relay:1",
	    HEAD "SOCKTOPUS_TUNNEL=logs\nSOCKTOPUS_PATH=tcp://relay:1\n" TAIL },
};

START_TEST(fields_are_sent)
{
	int fd = log_journal_open(path);

	ck_assert_int_ne(fd, -1);
	ck_assert(send_about(fd, entries[_i].subject));
	ck_assert_str_eq(received(), entries[_i].datagram);
	close(fd);
}
END_TEST

START_TEST(nobody_there)
{
	char longer[sizeof(path) + 1];

	unlink(path);
	ck_assert_int_eq(log_journal_open(path), -1);
	ck_assert_int_eq(errno, ENOENT);
	memset(longer, '/', sizeof(path));
	longer[sizeof(path)] = '\0';
	ck_assert_int_eq(log_journal_open(longer), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

/* It must not hold up the engine. */
START_TEST(full_journal_does_not_block)
{
	int fd = log_journal_open(path);
	unsigned int sent = 0;

	while (sent < 100000 && send_about(fd, NULL))
		sent++;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_lt(sent, 100000);
	received();
	ck_assert(send_about(fd, NULL));
	close(fd);
}
END_TEST

START_TEST(stream_is_recognized)
{
	struct stat status;
	char text[64];

	ck_assert_int_eq(fstat(journal, &status), 0);
	unsetenv("JOURNAL_STREAM");
	ck_assert(!log_journal_reads(journal));
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev,
	    (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	ck_assert(log_journal_reads(journal));
	ck_assert(!log_journal_reads(STDIN_FILENO));
	strlcat(text, "0", sizeof(text));
	setenv("JOURNAL_STREAM", text, 1);
	ck_assert(!log_journal_reads(journal));
	setenv("JOURNAL_STREAM", "8:", 1);
	ck_assert(!log_journal_reads(journal));
	setenv("JOURNAL_STREAM", "8:x", 1);
	ck_assert(!log_journal_reads(journal));
}
END_TEST

/* Where the journal has no socket that we can get at: "<4>engine: ...". */
START_TEST(priority_stands_in_front)
{
	struct log_settings settings = { .level = LOG_INFO_LEVEL,
		.target = LOG_TO_STDERR };
	struct stat status;
	char text[256];
	ssize_t length;
	int ends[2];

	if (access(LOG_JOURNAL_SOCKET, F_OK) == 0)
		return;
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev,
	    (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	log_role("engine");
	ck_assert_int_eq(log_open(&settings), 0);
	log_warn("logs", "down");
	log_info(NULL, "a\n<0>b");
	length = read(ends[0], text, sizeof(text) - 1);
	ck_assert_int_gt(length, 0);
	text[length] = '\0';
	ck_assert_str_eq(text, "<4>engine: logs: down\n<6>engine: a?<0>b\n");
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("log_journal");
	TCase *sent = tcase_create("journal");

	tcase_add_checked_fixture(sent, make_journal, remove_journal);
	tcase_add_loop_test(sent, fields_are_sent, 0,
	    sizeof(entries) / sizeof(entries[0]));
	tcase_add_test(sent, nobody_there);
	tcase_add_test(sent, full_journal_does_not_block);
	tcase_add_test(sent, stream_is_recognized);
	tcase_add_test(sent, priority_stands_in_front);
	suite_add_tcase(suite, sent);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
