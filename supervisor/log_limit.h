/*
 * How often the same message may be logged: LOG_LIMIT_BURST times at once,
 * then once in LOG_LIMIT_US. Two lines are the same message if they were made
 * from the same format. No I/O; the clock is an argument and monotonic.
 */
#ifndef SUPERVISOR_LOG_LIMIT_H
#define SUPERVISOR_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_MESSAGES 64
#define LOG_LIMIT_BURST 200
#define LOG_LIMIT_US 1000000

/* All zeros to begin with. */
struct log_limit {
	struct log_limit_message {
		const char *format;
		uint64_t debt_us; /* the time to which it has used its lines */
		uint64_t left_out;
	} messages[LOG_LIMIT_MESSAGES];
};

/*
 * May a line of this format be written? If not, it is counted. The address of
 * format is kept: it is a string that stays. One message too many is not
 * limited.
 */
bool
log_limit_may(struct log_limit *limit, const char *format, uint64_t now_us);

/*
 * A format of which lines were left out and can be written again, with their
 * number, which is forgotten; NULL if there is none.
 */
const char *
log_limit_left_out(struct log_limit *limit, uint64_t now_us, uint64_t *count);

#endif
