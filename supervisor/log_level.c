#include "supervisor/log_level.h"

#include <string.h>
#include <syslog.h>

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

int
log_level_priority(enum log_level level)
{
	return levels[level].priority;
}
