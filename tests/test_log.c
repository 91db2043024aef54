#include "supervisor/log.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "tests/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STAMP                                                   \
	"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}" \
	"\\.[0-9]{3}Z "

static char folder[64];

/* Once for all tests, and outside of them: also a failed one is cleared. */
static void
make_folder(void)
{
	strlcpy(folder, "/tmp/test_log.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

static void
clear_folder(void)
{
	unlink("old");
	if (unlink("log") == -1)
		rmdir("log");
}

static void
remove_folder(void)
{
	clear_folder();
	ck_assert_int_eq(rmdir(folder), 0);
}

static void
open_log(const char *file, enum log_level level)
{
	struct log_settings settings = { .level = level,
		.target = LOG_TO_FILE };

	strlcpy(settings.file, file, sizeof(settings.file));
	ck_assert_int_eq(log_open(&settings), 0);
	log_role("test");
}

/* Returns where it can be read: a pipe, which no limit or disk fills. */
static int
catch_stderr(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

/* What can be read, up to its end; static. */
static const char *
drain(int fd)
{
	static char text[65536];
	ssize_t length = read(fd, text, sizeof(text) - 1);

	ck_assert_int_ge(length, 0);
	text[length] = '\0';
	return text;
}

static const char *
content(const char *file)
{
	int fd = open(file, O_RDONLY);
	const char *text;

	ck_assert_int_ne(fd, -1);
	text = drain(fd);
	close(fd);
	return text;
}

static void
assert_matches(const char *text, const char *pattern)
{
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0,
	    "'%s' does not match '%s'", text, pattern);
	regfree(&regex);
}

START_TEST(line_has_its_form)
{
	open_log("log", LOG_INFO_LEVEL);
	log_info("logs/tcp://relay1:23461", "up after %d ms", 12);
	log_warn(NULL, "alone");
	assert_matches(content("log"),
	    "^" STAMP
	    "info test: logs/tcp://relay1:23461: up after 12 ms\n" STAMP
	    "warn test: alone\n$");
}
END_TEST

START_TEST(level_filters)
{
	open_log("log", LOG_WARN);
	log_debug(NULL, "debug");
	log_info(NULL, "info");
	log_notice(NULL, "notice");
	ck_assert_str_eq(content("log"), "");
	ck_assert(log_wants(LOG_WARN));
	ck_assert(!log_wants(LOG_NOTICE_LEVEL));
	log_error(NULL, "error");
	ck_assert_ptr_nonnull(strstr(content("log"), "error test: error\n"));
	log_set_level(LOG_DEBUG_LEVEL);
	ck_assert_int_eq(log_get_level(), LOG_DEBUG_LEVEL);
	log_debug(NULL, "seen");
	ck_assert_ptr_nonnull(strstr(content("log"), "debug test: seen\n"));
}
END_TEST

START_TEST(text_is_made_printable)
{
	open_log("log", LOG_INFO_LEVEL);
	log_info("a\nb", "c\td\x1b[1m%s\x7f", "\xff\r\n");
	assert_matches(content("log"),
	    "info test: a\\?b: "
	    "c\\?d\\?\\[1m\\?\\?\\?\\?\n$");
}
END_TEST

START_TEST(long_line_is_cut)
{
	char text[5000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	open_log("log", LOG_INFO_LEVEL);
	log_info("subject", "%s", text);
	log_info(text, "%s", text);
	log_info(NULL, "next");
	line = content("log");
	assert_matches(line,
	    "^" STAMP "info test: subject: x+\\.\\.\\.\n" STAMP
	    "info test: x+\\.\\.\\.\n" STAMP "info test: next\n$");
	ck_assert_uint_le(strcspn(line, "\n"), 1023);
}
END_TEST

START_TEST(errno_is_kept)
{
	catch_stderr();
	open_log("/dev/full", LOG_INFO_LEVEL);
	errno = EXDEV;
	log_info(NULL, "x");
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(fatal_ends_with_1)
{
	open_log("/dev/null", LOG_FATAL_LEVEL);
	log_fatal("socket", "%s", "gone");
}
END_TEST

START_TEST(full_disk_is_said_once)
{
	int i, output = catch_stderr();

	open_log("/dev/full", LOG_INFO_LEVEL);
	for (i = 0; i < 5; i++)
		log_info(NULL, "line %d", i);
	assert_matches(drain(output),
	    "^" STAMP "error test: /dev/full: "
	    "No space left on device[^\n]*\n$");
}
END_TEST

static void
limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The limit lies within line 1: a part of it is written, then nothing. */
START_TEST(log_resumes_and_counts)
{
	int output = catch_stderr();

	signal(SIGXFSZ, SIG_IGN);
	open_log("log", LOG_INFO_LEVEL);
	log_info(NULL, "line 0");
	limit_file_size(60);
	log_info(NULL, "line 1");
	log_info(NULL, "line 2");
	log_info(NULL, "line 3");
	limit_file_size(0);
	log_info(NULL, "line 4");
	log_info(NULL, "line 5");
	assert_matches(content("log"),
	    "^" STAMP "info test: line 0\n"
	    "[^\n]*\n" STAMP "warn test: 3 log lines were lost here\n" STAMP
	    "info test: line 4\n" STAMP "info test: line 5\n$");
	assert_matches(drain(output),
	    "^" STAMP "error test: log: "
	    "[^\n]*\n$");
}
END_TEST

START_TEST(storm_is_limited_and_told)
{
	unsigned int lines = 0;
	const char *text;

	open_log("log", LOG_DEBUG_LEVEL);
	for (int i = 0; i < 300; i++) {
		log_info("logs", "storm %d", i);
		log_error(NULL, "error");
		log_debug(NULL, "debug");
	}
	text = content("log");
	ck_assert_ptr_nonnull(strstr(text, "storm 199\n"));
	ck_assert_ptr_null(strstr(text, "storm 299\n"));
	for (; *text != '\0'; text++)
		lines += *text == '\n';
	ck_assert_uint_ge(lines, 800);
	ck_assert_uint_lt(lines, 810);
	sleep(1);
	log_info("logs", "storm %d", 300);
	text = content("log");
	assert_matches(text + strlen(text) - 140,
	    "warn test: (9[0-9]|100) more lines were left out: storm %d\n" STAMP
	    "info test: logs: storm 300\n$");
}
END_TEST

START_TEST(reopen_follows_rotation)
{
	open_log("log", LOG_INFO_LEVEL);
	log_info(NULL, "first");
	ck_assert_int_eq(rename("log", "old"), 0);
	log_info(NULL, "second");
	open_log("log", LOG_INFO_LEVEL);
	log_info(NULL, "third");
	assert_matches(content("old"), "first\n[^\n]*second\n$");
	assert_matches(content("log"), "^" STAMP "info test: third\n$");
}
END_TEST

START_TEST(failed_reopen_keeps_the_old)
{
	struct log_settings settings = { .target = LOG_TO_FILE, .file = "log" };

	open_log("log", LOG_INFO_LEVEL);
	ck_assert_int_eq(rename("log", "old"), 0);
	ck_assert_int_eq(mkdir("log", 0700), 0);
	ck_assert_int_eq(log_open(&settings), -1);
	ck_assert_int_eq(errno, EISDIR);
	log_info(NULL, "still");
	assert_matches(content("old"), "still\n$");
}
END_TEST

START_TEST(another_process_may_open_it)
{
	struct log_settings settings = { .level = LOG_INFO_LEVEL,
		.target = LOG_TO_FILE,
		.file = "old" };
	int fd;

	open_log("log", LOG_INFO_LEVEL);
	log_info(NULL, "first");
	fd = log_open_target(&settings);
	ck_assert_int_ne(fd, -1);
	settings.file[0] = '\0';
	log_adopt(&settings, fd);
	ck_assert_int_eq(log_descriptor(), fd);
	log_info(NULL, "second");
	settings.target = LOG_TO_STDERR;
	errno = EBADF;
	ck_assert_int_eq(log_open_target(&settings), -1);
	ck_assert_int_eq(errno, 0);
	log_adopt(&settings, -1);
	ck_assert_int_eq(log_descriptor(), -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	assert_matches(content("log"), "first\n$");
	assert_matches(content("old"), "^" STAMP "info test: second\n$");
}
END_TEST

START_TEST(bad_file_is_an_error)
{
	struct log_settings settings = { .target = LOG_TO_FILE,
		.file = "/nonexistent/log" };

	ck_assert_int_eq(log_open(&settings), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(new_file_is_not_for_all)
{
	struct stat status;

	umask(0);
	open_log("log", LOG_INFO_LEVEL);
	ck_assert_int_eq(stat("log", &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0640);
}
END_TEST

START_TEST(level_names_go_both_ways)
{
	static const char *const names[] = { "fatal", "error", "warn", "notice",
		"info", "debug", "trace" };
	enum log_level level;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		ck_assert_int_eq(log_level_parse(names[i], &level), 0);
		ck_assert_uint_eq(level, i);
		ck_assert_str_eq(log_level_name(level), names[i]);
	}
	ck_assert_int_eq(log_level_parse("", &level), -1);
	ck_assert_int_eq(log_level_parse("Info", &level), -1);
	ck_assert_int_eq(log_level_parse("warning", &level), -1);
}
END_TEST

static const struct {
	const char *text;
	enum log_level level;
	enum log_target target;
	const char *file;
	const char *unused;
} ae_logs[] = { { "", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "" },
	{ " : ", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "" },
	{ "debug", LOG_DEBUG_LEVEL, LOG_TO_STDERR, "", "" },
	{ "warning", LOG_WARN, LOG_TO_STDERR, "", "" },
	{ "9", LOG_TRACE, LOG_TO_STDERR, "", "" },
	{ "5", LOG_WARN, LOG_TO_STDERR, "", "" },
	{ "crit", LOG_FATAL_LEVEL, LOG_TO_STDERR, "", "" },
	{ "off", LOG_FATAL_LEVEL, LOG_TO_STDERR, "", "" },
	{ "all", LOG_TRACE, LOG_TO_STDERR, "", "" },
	{ "filter=warn", LOG_WARN, LOG_TO_STDERR, "", "" },
	{ "filter=note", LOG_NOTICE_LEVEL, LOG_TO_STDERR, "", "" },
	{ "filter=level,err", LOG_ERROR, LOG_TO_STDERR, "", "" },
	{ "log", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "" },
	{ "log=file:/tmp/x", LOG_INFO_LEVEL, LOG_TO_FILE, "/tmp/x", "" },
	{ "log=file=/tmp/x", LOG_INFO_LEVEL, LOG_TO_FILE, "/tmp/x", "" },
	{ "log=path=/tmp/x,trace", LOG_TRACE, LOG_TO_FILE, "/tmp/x", "" },
	{ "log=file:/tmp/x:filter=debug", LOG_DEBUG_LEVEL, LOG_TO_FILE,
	    "/tmp/x", "" },
	{ "log=file=/some\\ \\:file\\ with\\,\\ \\\\-escapes", LOG_INFO_LEVEL,
	    LOG_TO_FILE, "/some :file with, \\-escapes", "" },
	{ "log=syslog", LOG_INFO_LEVEL, LOG_TO_SYSLOG, "", "" },
	{ "log=syslog,stderr", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "" },
	{ "main=+log", LOG_TRACE, LOG_TO_STDERR, "", "" },
	{ "main=+log,info", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "" },
	{ "main=warn,+log", LOG_WARN, LOG_TO_STDERR, "", "" },
	{ "main=+log:filter=warn", LOG_TRACE, LOG_TO_STDERR, "", "" },
	{ "filter=warn main=+log", LOG_TRACE, LOG_TO_STDERR, "", "" },
	{ "AnyEvent::Util=debug", LOG_DEBUG_LEVEL, LOG_TO_STDERR, "", "" },
	{ "\n filter=warn\n log=file:y\n", LOG_WARN, LOG_TO_FILE, "y", "" },
	{ "filter=loud", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "loud" },
	{ "main=+log,only,nolog", LOG_TRACE, LOG_TO_STDERR, "", "only,nolog" },
	{ "log=file:", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "file:" },
	{ "filter=10", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "10" },
	{ "log=+%f:%f=file=/tmp/x", LOG_INFO_LEVEL, LOG_TO_STDERR, "",
	    "+%f,file=/tmp/x" },
	{ "=,,=:,", LOG_INFO_LEVEL, LOG_TO_STDERR, "", "=" } };

START_TEST(ae_log_is_understood)
{
	struct log_settings settings = { .level = LOG_INFO_LEVEL,
		.target = LOG_TO_STDERR };
	char unused[256];

	log_parse_ae_log(ae_logs[_i].text, &settings, unused, sizeof(unused));
	ck_assert_msg(settings.level == ae_logs[_i].level, "%s: %s",
	    ae_logs[_i].text, log_level_name(settings.level));
	ck_assert_int_eq(settings.target, ae_logs[_i].target);
	ck_assert_str_eq(settings.file, ae_logs[_i].file);
	ck_assert_str_eq(unused, ae_logs[_i].unused);
}
END_TEST

START_TEST(ae_log_is_bounded)
{
	struct log_settings settings = { .level = LOG_INFO_LEVEL,
		.target = LOG_TO_STDERR };
	char text[2 * LOG_PATH_MAX], unused[16];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_parse_ae_log(text, &settings, unused, sizeof(unused));
	ck_assert_str_eq(unused, "xxxxxxxxxxxxxxx");
	memcpy(text, "log=file:", 9);
	log_parse_ae_log(text, &settings, unused, sizeof(unused));
	ck_assert_int_eq(settings.target, LOG_TO_STDERR);
	ck_assert_str_eq(unused, "file:xxxxxxxxxx");
	log_parse_ae_log("nonsense", &settings, unused, 0);
	ck_assert_str_eq(unused, "file:xxxxxxxxxx");
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *lines = tcase_create("lines"), *words = tcase_create("words");

	tcase_add_unchecked_fixture(lines, make_folder, remove_folder);
	tcase_add_checked_fixture(lines, clear_folder, NULL);
	tcase_add_test(lines, line_has_its_form);
	tcase_add_test(lines, level_filters);
	tcase_add_test(lines, text_is_made_printable);
	tcase_add_test(lines, long_line_is_cut);
	tcase_add_test(lines, errno_is_kept);
	tcase_add_test(lines, full_disk_is_said_once);
	tcase_add_test(lines, log_resumes_and_counts);
	tcase_add_test(lines, storm_is_limited_and_told);
	tcase_add_test(lines, reopen_follows_rotation);
	tcase_add_test(lines, failed_reopen_keeps_the_old);
	tcase_add_test(lines, another_process_may_open_it);
	tcase_add_test(lines, bad_file_is_an_error);
	tcase_add_test(lines, new_file_is_not_for_all);
	suite_add_tcase(suite, lines);
	tcase_add_exit_test(words, fatal_ends_with_1, 1);
	tcase_add_test(words, level_names_go_both_ways);
	tcase_add_loop_test(words, ae_log_is_understood, 0, COUNT(ae_logs));
	tcase_add_test(words, ae_log_is_bounded);
	suite_add_tcase(suite, words);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
