/*
 * One line of the log while it is made: time, level, role, subject, message.
 */
#ifndef SUPERVISOR_LOG_LINE_H
#define SUPERVISOR_LOG_LINE_H

#include <stdarg.h>
#include <stddef.h>

#define LOG_LINE_BYTES 1024
#define LOG_LINE_TIME_BYTES 25 /* "2026-11-22T15:21:42.123Z " */

struct log_line {
	char text[LOG_LINE_BYTES]; /* not terminated once it is finished */
	size_t length;
	size_t said; /* where the role stands, behind time and level */
	size_t subject;
	size_t subject_bytes;
};

/* Up to the message; subject may be NULL. */
void log_line_begin(struct log_line *line, const char *level, const char *role,
    const char *subject);

/* What does not fit is cut. */
void log_line_append(struct log_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_line_append_list(struct log_line *line, const char *format,
    va_list arguments) __attribute__((format(printf, 2, 0)));

/* Make it printable, mark it if it was cut, end it with a newline. */
void log_line_finish(struct log_line *line);

#endif
