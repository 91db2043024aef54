/*
 * How much a line of the log matters.
 */
#ifndef SUPERVISOR_LOG_LEVEL_H
#define SUPERVISOR_LOG_LEVEL_H

enum log_level {
	LOG_FATAL_LEVEL,
	LOG_ERROR,
	LOG_WARN,
	LOG_NOTICE_LEVEL,
	LOG_INFO_LEVEL,
	LOG_DEBUG_LEVEL,
	LOG_TRACE
};

/* "error", "info", ... and back; -1 for a name that is none. */
const char *log_level_name(enum log_level level);
int log_level_parse(const char *name, enum log_level *level);
/* As syslog(3) has it. */
int log_level_priority(enum log_level level);

#endif
