#include "supervisor/log_limit.h"

#include <stddef.h>

static bool
has_room(const struct log_limit_message *message, uint64_t now_us)
{
	return message->debt_us + LOG_LIMIT_US <=
	    now_us + (uint64_t)LOG_LIMIT_BURST * LOG_LIMIT_US;
}

static struct log_limit_message *
find(struct log_limit *limit, const char *format)
{
	struct log_limit_message *message;

	for (size_t i = 0; i < LOG_LIMIT_MESSAGES; i++) {
		message = &limit->messages[i];
		if (message->format == NULL)
			message->format = format;
		if (message->format == format)
			return message;
	}
	return NULL;
}

bool
log_limit_may(struct log_limit *limit, const char *format, uint64_t now_us)
{
	struct log_limit_message *message = find(limit, format);

	if (message == NULL)
		return true;
	if (message->debt_us < now_us)
		message->debt_us = now_us;
	if (!has_room(message, now_us)) {
		message->left_out++;
		return false;
	}
	message->debt_us += LOG_LIMIT_US;
	return true;
}

const char *
log_limit_left_out(struct log_limit *limit, uint64_t now_us, uint64_t *count)
{
	struct log_limit_message *message;

	for (size_t i = 0; i < LOG_LIMIT_MESSAGES; i++) {
		message = &limit->messages[i];
		if (message->left_out == 0 || !has_room(message, now_us))
			continue;
		*count = message->left_out;
		message->left_out = 0;
		return message->format;
	}
	return NULL;
}
