/*
 * One line is one write(2) of a buffer on the stack. A target that fails is
 * tried again by every line, and said once; what was lost is counted, and told
 * where it would have stood as soon as the target takes lines again. Standard
 * error that leads to systemd's journal is left for the journal's own socket,
 * which takes fields, or, if there is none, gets lines with a priority.
 */
#include "supervisor/log.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/log_journal.h"
#include "supervisor/log_limit.h"
#include "supervisor/log_line.h"
#include "supervisor/log_syslog.h"

#define LOG_FILE_MODE 0640
#define PREFIX_BYTES 3 /* "<6>" */

enum form {
	FORM_PLAIN,
	FORM_PREFIX,
	FORM_FIELDS,
	FORM_SYSLOG
};

static struct {
	struct log_settings settings;
	const char *role;
	const char *account;
	int fd;
	enum form form;
	bool looked; /* for the journal */
	enum form stderr_form;
	int journal;   /* for FORM_FIELDS */
	uint64_t lost; /* lines, since the target failed */
	bool torn;     /* the target ends in a part of a line */
	struct log_limit limit;
} state = { .settings = { .level = LOG_INFO_LEVEL, .target = LOG_TO_STDERR },
	.role = "supervisor",
	.account = "",
	.fd = STDERR_FILENO };

static int
open_file(const char *file)
{
	return open(file,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    LOG_FILE_MODE);
}

/* Once and early: a lock-in forbids it later, whatever the target was. */
static void
look_around(void)
{
	if (state.looked)
		return;
	state.looked = true;
	/* The time zone's file; gmtime_r(3) wants it as well. */
	tzset();
	if (!log_journal_reads(STDERR_FILENO))
		return;
	state.journal = log_journal_open(LOG_JOURNAL_SOCKET);
	state.stderr_form = state.journal == -1 ? FORM_PREFIX : FORM_FIELDS;
}

int
log_open_target(const struct log_settings *settings)
{
	switch (settings->target) {
	case LOG_TO_STDERR:
		break;
	case LOG_TO_SYSLOG:
		return log_syslog_open(LOG_SYSLOG_SOCKET);
	case LOG_TO_FILE:
		return open_file(settings->file);
	}
	errno = 0;
	return -1;
}

int
log_open(const struct log_settings *settings)
{
	int fd;

	look_around();
	fd = log_open_target(settings);
	if (fd == -1 && errno != 0)
		return -1;
	log_adopt(settings, fd);
	return 0;
}

/* Standard error, or the journal behind it. */
static void
take_stderr(int fd)
{
	if (fd != -1) {
		if (state.stderr_form == FORM_FIELDS)
			close(state.journal);
		state.journal = fd;
		state.stderr_form = FORM_FIELDS;
	}
	state.form = state.stderr_form;
	state.fd = state.form == FORM_FIELDS ? state.journal : STDERR_FILENO;
}

void
log_adopt(const struct log_settings *settings, int fd)
{
	look_around();
	if (state.settings.target != LOG_TO_STDERR)
		close(state.fd);
	state.settings = *settings;
	state.fd = fd;
	switch (settings->target) {
	case LOG_TO_STDERR:
		take_stderr(fd);
		break;
	case LOG_TO_SYSLOG:
		state.form = FORM_SYSLOG;
		break;
	case LOG_TO_FILE:
		state.form = FORM_PLAIN;
		break;
	}
	state.torn = false;
}

int
log_descriptor(void)
{
	return state.fd == STDERR_FILENO ? -1 : state.fd;
}

void
log_role(const char *role)
{
	state.role = role;
}

void
log_account(const char *name)
{
	state.account = name == NULL ? "" : name;
}

void
log_set_level(enum log_level level)
{
	state.settings.level = level;
}

enum log_level
log_get_level(void)
{
	return state.settings.level;
}

bool
log_wants(enum log_level level)
{
	return level <= state.settings.level;
}

static void
begin(struct log_line *line, enum log_level level, const char *subject)
{
	log_line_begin(line, log_level_name(level), state.role, subject);
}

static bool
write_line(int fd, const char *text, size_t length)
{
	ssize_t written;

	do
		written = write(fd, text, length);
	while (written == -1 && errno == EINTR);
	if (fd == state.fd && written > 0)
		state.torn = (size_t)written < length;
	if (written >= 0 && (size_t)written < length)
		errno = ENOSPC;
	return written == (ssize_t)length;
}

/* In front of what is said there is room. */
static bool
write_prefixed(struct log_line *line, int priority)
{
	char *start = line->text + line->said - PREFIX_BYTES;

	start[0] = '<';
	start[1] = (char)('0' + priority);
	start[2] = '>';
	return write_line(state.fd, start,
	    line->length - line->said + PREFIX_BYTES);
}

static bool
write_fields(const struct log_line *line, int priority)
{
	const struct log_journal_entry entry = {
		.priority = priority,
		.role = state.role,
		.subject = line->text + line->subject,
		.subject_bytes = line->subject_bytes,
		.message = line->text + line->said,
		.message_bytes = line->length - line->said - 1,
	};

	return log_journal_send(state.fd, &entry);
}

static bool
write_form(struct log_line *line, enum log_level level)
{
	switch (state.form) {
	case FORM_PLAIN:
		return write_line(state.fd, line->text, line->length);
	case FORM_PREFIX:
		return write_prefixed(line, log_level_priority(level));
	case FORM_FIELDS:
		return write_fields(line, log_level_priority(level));
	case FORM_SYSLOG:
		return log_syslog_send(state.fd, LOG_SYSLOG_SOCKET,
		    log_level_priority(level), line->text + LOG_LINE_TIME_BYTES,
		    line->length - LOG_LINE_TIME_BYTES - 1);
	}
	return false;
}

/*
 * Say once on stderr why lines are missing in the target. Where the journal
 * does not take lines, it does not read stderr either, and that would block.
 */
static void
say_failing(void)
{
	struct log_line line;
	int saved_errno = errno;

	if (state.settings.target != LOG_TO_FILE)
		return;
	begin(&line, LOG_ERROR,
	    state.settings.file[0] != '\0' ? state.settings.file : "log file");
	log_line_append(&line, "%s, lines are lost until it takes them again",
	    strerror(saved_errno));
	log_line_finish(&line);
	write_line(STDERR_FILENO, line.text, line.length);
}

static bool
write_lost(void)
{
	struct log_line line;

	begin(&line, LOG_WARN, NULL);
	log_line_append(&line, "%llu log lines were lost here",
	    (unsigned long long)state.lost);
	log_line_finish(&line);
	if (!write_form(&line, LOG_WARN))
		return false;
	state.lost = 0;
	return true;
}

static void
deliver(struct log_line *line, enum log_level level)
{
	if ((!state.torn || write_line(state.fd, "\n", 1)) &&
	    (state.lost == 0 || write_lost()) && write_form(line, level))
		return;
	if (state.lost++ == 0)
		say_failing();
}

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void
log_catch_up(void)
{
	struct log_limit_gap gap;
	struct log_line line;
	int saved_errno = errno;

	while (log_limit_left_out(&state.limit, now_us(), &gap)) {
		begin(&line, LOG_WARN, NULL);
		if (*gap.account == '\0')
			log_line_append(&line,
			    "%llu more lines were left out: %s",
			    (unsigned long long)gap.count, gap.format);
		else
			log_line_append(&line,
			    "%llu more lines about peer %s were left out: %s",
			    (unsigned long long)gap.count, gap.account,
			    gap.format);
		log_line_finish(&line);
		deliver(&line, LOG_WARN);
	}
	errno = saved_errno;
}

/* Who asks for more than info gets it, and an error is never too much. */
static bool
is_limited(enum log_level level)
{
	return level >= LOG_WARN && level <= LOG_INFO_LEVEL;
}

static void
write_log(enum log_level level, const char *subject, const char *format,
    va_list arguments) __attribute__((format(printf, 3, 0)));

static void
write_log(enum log_level level, const char *subject, const char *format,
    va_list arguments)
{
	struct log_line line;
	int saved_errno = errno;

	if (!log_wants(level))
		return;
	log_catch_up();
	if (is_limited(level) &&
	    !log_limit_may(&state.limit, format, state.account, now_us()))
		return;
	begin(&line, level, subject);
	log_line_append_list(&line, format, arguments);
	log_line_finish(&line);
	deliver(&line, level);
	errno = saved_errno;
}

void
log_fatal(const char *subject, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_log(LOG_FATAL_LEVEL, subject, format, arguments);
	va_end(arguments);
	exit(EXIT_FAILURE);
}

#define DEFINE_LOG(name, level)                                 \
	void name(const char *subject, const char *format, ...) \
	{                                                       \
		va_list arguments;                              \
                                                                \
		va_start(arguments, format);                    \
		write_log(level, subject, format, arguments);   \
		va_end(arguments);                              \
	}

DEFINE_LOG(log_error, LOG_ERROR)
DEFINE_LOG(log_warn, LOG_WARN)
DEFINE_LOG(log_notice, LOG_NOTICE_LEVEL)
DEFINE_LOG(log_info, LOG_INFO_LEVEL)
DEFINE_LOG(log_debug, LOG_DEBUG_LEVEL)
