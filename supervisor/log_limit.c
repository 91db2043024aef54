#include "supervisor/log_limit.h"

#include <stddef.h>
#include <string.h>

#include <bsd/string.h>

static bool
has_room(const struct log_limit_message *message, uint64_t now_us)
{
	return message->debt_us + LOG_LIMIT_US <=
	    now_us + (uint64_t)LOG_LIMIT_BURST * LOG_LIMIT_US;
}

/* Who owes nothing, and has nothing to tell, is as good as never heard of. */
static bool
is_free(const struct log_limit_message *message, uint64_t now_us)
{
	return message->format == NULL ||
	    (message->debt_us <= now_us && message->left_out == 0);
}

static bool
is_of(const struct log_limit_message *message, const char *format,
    const char *account)
{
	return message->format == format &&
	    strncmp(message->account, account, sizeof(message->account) - 1) ==
	    0;
}

static struct log_limit_message *
find(struct log_limit *limit, const char *format, const char *account,
    uint64_t now_us)
{
	struct log_limit_message *message, *room = NULL;

	for (size_t i = 0; i < LOG_LIMIT_MESSAGES; i++) {
		message = &limit->messages[i];
		if (is_of(message, format, account))
			return message;
		if (room == NULL && is_free(message, now_us))
			room = message;
	}
	if (room == NULL) {
		limit->others.format = "several messages";
		return &limit->others;
	}
	*room = (struct log_limit_message){ .format = format };
	strlcpy(room->account, account, sizeof(room->account));
	return room;
}

bool
log_limit_may(struct log_limit *limit, const char *format, const char *account,
    uint64_t now_us)
{
	struct log_limit_message *message = find(limit, format, account,
	    now_us);

	if (message->debt_us < now_us)
		message->debt_us = now_us;
	if (!has_room(message, now_us)) {
		message->left_out++;
		limit->left_out++;
		return false;
	}
	message->debt_us += LOG_LIMIT_US;
	return true;
}

static bool
take_gap(struct log_limit *limit, struct log_limit_message *message,
    uint64_t now_us, struct log_limit_gap *gap)
{
	if (message->left_out == 0 || !has_room(message, now_us))
		return false;
	*gap = (struct log_limit_gap){ message->format, message->account,
		message->left_out };
	limit->left_out -= message->left_out;
	message->left_out = 0;
	return true;
}

bool
log_limit_left_out(struct log_limit *limit, uint64_t now_us,
    struct log_limit_gap *gap)
{
	if (limit->left_out == 0)
		return false;
	for (size_t i = 0; i < LOG_LIMIT_MESSAGES; i++)
		if (take_gap(limit, &limit->messages[i], now_us, gap))
			return true;
	return take_gap(limit, &limit->others, now_us, gap);
}
