/*
 * Logging of the supervisor and the engine. A line is: time, level, role,
 * subject (tunnel and path), message. Nothing is logged per datagram, and the
 * same message no more often than log_limit.h says. Every format stands in
 * socktopus-messages(7), with what is to be done about it.
 */
#ifndef SUPERVISOR_LOG_H
#define SUPERVISOR_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "supervisor/log_level.h"

#define LOG_PATH_MAX 4096

enum log_target {
	LOG_TO_STDERR,
	LOG_TO_SYSLOG,
	LOG_TO_FILE
};

struct log_settings {
	enum log_level level;
	enum log_target target;
	char file[LOG_PATH_MAX]; /* LOG_TO_FILE */
};

/*
 * Open the target; until then lines go to stderr at info. If stderr is read by
 * systemd's journal (JOURNAL_STREAM), lines go there as datagrams with fields,
 * or with a "<priority>" where the journal's socket is out of reach. Returns 0,
 * or -1 with errno when the file cannot be opened. A target that fails later (a
 * full disk) is said once on stderr, the lines lost are counted, and logging
 * resumes by itself with a line that gives the count.
 */
int log_open(const struct log_settings *settings);

/*
 * The descriptor of a target, for log_adopt(), here or in a process that may
 * open none. -1 with errno, or with errno 0 for standard error, which
 * everybody has.
 */
int log_open_target(const struct log_settings *settings);

/*
 * Lines go to this target from now on, the level too is taken from settings.
 * The descriptor is taken over; -1 for standard error.
 */
void log_adopt(const struct log_settings *settings, int fd);

/* Where lines go to, to be lent to another process; -1: standard error. */
int log_descriptor(void);

/* The role that every line of this process carries: a static string. */
void log_role(const char *role);

/*
 * The peer who brings the next lines about, a string that stays until the next
 * call, or NULL: how often the same message may be logged holds for each.
 */
void log_account(const char *name);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* True if a line of this level would be written. */
bool log_wants(enum log_level level);

/* Write how many lines were left out of late; every line does it too. */
void log_catch_up(void);

/*
 * Write one line. subject is NULL, "TUNNEL" or "TUNNEL/URI"; it is printed
 * with a colon. format is a string that stays. The text is made printable.
 * errno is kept.
 */
void log_fatal(const char *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
void log_error(const char *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn(const char *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_notice(const char *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_info(const char *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_debug(const char *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * AnyEvent::Log's everyday forms of AE_LOG: a level name or number,
 * `filter=LEVEL`, `log`, `log=file:PATH`, `log=stderr`, `log=syslog`, after
 * an optional context (`main=+log`), separated by spaces, colons and commas
 * as that manual has them. What it cannot use it names in unused (comma
 * separated, cut to size) and ignores. settings is changed in place.
 */
void log_parse_ae_log(const char *text, struct log_settings *settings,
    char *unused, unsigned long unused_size);

#endif
