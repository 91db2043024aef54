/*
 * One line is one write(2) of a buffer on the stack. A target that fails is
 * tried again by every line, and said once; what was lost is counted, and told
 * where it would have stood as soon as the target takes lines again.
 */
#include "supervisor/log.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define TIME_BYTES 25 /* "2026-11-22T15:21:42.123Z " */
#define LOG_FILE_MODE 0640

struct line {
	char text[LINE_MAX_BYTES];
	size_t length;
};

static const struct {
	const char *name;
	int priority;
} levels[] = { [LOG_FATAL_LEVEL] = { "fatal", LOG_CRIT },
	[LOG_ERROR] = { "error", LOG_ERR },
	[LOG_WARN] = { "warn", LOG_WARNING },
	[LOG_NOTICE_LEVEL] = { "notice", LOG_NOTICE },
	[LOG_INFO_LEVEL] = { "info", LOG_INFO },
	[LOG_DEBUG_LEVEL] = { "debug", LOG_DEBUG },
	[LOG_TRACE] = { "trace", LOG_DEBUG } };

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

static struct {
	struct log_settings settings;
	const char *role;
	int fd;
	uint64_t lost; /* lines, since the target failed */
	bool torn;     /* the target ends in a part of a line */
} state = { .settings = { .level = LOG_INFO_LEVEL, .target = LOG_TO_STDERR },
	.role = "supervisor",
	.fd = STDERR_FILENO };

static int
open_file(const char *file)
{
	return open(file,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    LOG_FILE_MODE);
}

int
log_open(const struct log_settings *settings)
{
	int fd = STDERR_FILENO;

	if (settings->target == LOG_TO_FILE) {
		fd = open_file(settings->file);
		if (fd == -1)
			return -1;
	} else if (settings->target == LOG_TO_SYSLOG)
		openlog("socktopus", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	if (state.fd != STDERR_FILENO)
		close(state.fd);
	state.fd = fd;
	state.settings = *settings;
	state.lost = 0;
	state.torn = false;
	return 0;
}

int
log_reopen(void)
{
	int fd;

	if (state.settings.target != LOG_TO_FILE)
		return 0;
	fd = open_file(state.settings.file);
	if (fd == -1)
		return -1;
	close(state.fd);
	state.fd = fd;
	state.torn = false;
	return 0;
}

void
log_role(const char *role)
{
	state.role = role;
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

static void append(struct line *line, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void append_text(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Cut to what fits beside the newline. */
static void
append(struct line *line, const char *format, va_list arguments)
{
	size_t room = sizeof(line->text) - 1 - line->length;
	int length = vsnprintf(line->text + line->length, room, format,
	    arguments);

	if (length < 0)
		return;
	line->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void
append_text(struct line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	append(line, format, arguments);
	va_end(arguments);
}

static void
append_time(struct line *line)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) == NULL)
		memset(&utc, 0, sizeof(utc));
	append_text(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ",
	    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
	    utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

static void
begin(struct line *line, enum log_level level, const char *subject)
{
	line->length = 0;
	append_time(line);
	append_text(line, "%s %s: ", levels[level].name, state.role);
	if (subject != NULL)
		append_text(line, "%s: ", subject);
}

static void
finish(struct line *line)
{
	size_t i;

	for (i = 0; i < line->length; i++)
		if (line->text[i] < ' ' || line->text[i] > '~')
			line->text[i] = '?';
	if (line->length == sizeof(line->text) - 2)
		memcpy(line->text + line->length - 3, "...", 3);
	line->text[line->length++] = '\n';
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

/* Say once on stderr why lines are missing in the target. */
static void
say_failing(void)
{
	struct line line;
	int saved_errno = errno;

	if (state.fd == STDERR_FILENO)
		return;
	begin(&line, LOG_ERROR, state.settings.file);
	append_text(&line, "%s, lines are lost until it takes them again",
	    strerror(saved_errno));
	finish(&line);
	write_line(STDERR_FILENO, line.text, line.length);
}

static bool
write_lost(void)
{
	struct line line;

	begin(&line, LOG_WARN, NULL);
	append_text(&line, "%llu log lines were lost here",
	    (unsigned long long)state.lost);
	finish(&line);
	if (!write_line(state.fd, line.text, line.length))
		return false;
	state.lost = 0;
	return true;
}

static void
deliver(const struct line *line, enum log_level level)
{
	if (state.settings.target == LOG_TO_SYSLOG) {
		syslog(levels[level].priority, "%.*s",
		    (int)(line->length - TIME_BYTES - 1),
		    line->text + TIME_BYTES);
		return;
	}
	if ((!state.torn || write_line(state.fd, "\n", 1)) &&
	    (state.lost == 0 || write_lost()) &&
	    write_line(state.fd, line->text, line->length))
		return;
	if (state.lost++ == 0)
		say_failing();
}

static void
write_log(enum log_level level, const char *subject, const char *format,
    va_list arguments) __attribute__((format(printf, 3, 0)));

static void
write_log(enum log_level level, const char *subject, const char *format,
    va_list arguments)
{
	struct line line;
	int saved_errno = errno;

	if (!log_wants(level))
		return;
	begin(&line, level, subject);
	append(&line, format, arguments);
	finish(&line);
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

const char *
log_level_name(enum log_level level)
{
	return levels[level].name;
}

int
log_level_parse(const char *name, enum log_level *level)
{
	size_t i;

	for (i = 0; i < LEVELS; i++)
		if (strcmp(levels[i].name, name) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	return -1;
}
