/*
 * How often the same message may be logged: LOG_LIMIT_BURST times at once,
 * then once in LOG_LIMIT_US, on each account. Two lines are the same message
 * if they were made from the same format; an account is the name of whoever
 * brings them about, so that he does not use up what others may say. Of fixed
 * size: what finds no room shares one allowance. No I/O; the clock is an
 * argument and monotonic.
 */
#ifndef SUPERVISOR_LOG_LIMIT_H
#define SUPERVISOR_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_MESSAGES 256
#define LOG_LIMIT_BURST 200
#define LOG_LIMIT_US 1000000
#define LOG_LIMIT_ACCOUNT_MAX 64 /* with its NUL; what is longer is cut */

struct log_limit_message {
	const char *format; /* NULL: free */
	char account[LOG_LIMIT_ACCOUNT_MAX];
	uint64_t debt_us; /* the time to which it has used its lines */
	uint64_t left_out;
};

/* All zeros to begin with. */
struct log_limit {
	struct log_limit_message messages[LOG_LIMIT_MESSAGES];
	struct log_limit_message others; /* that found no room */
	uint64_t left_out;		 /* of all of them */
};

/* Lines that were left out. */
struct log_limit_gap {
	const char *format;
	const char *account; /* empty: nobody's; valid until the next call */
	uint64_t count;
};

/*
 * May a line of this format be written on this account (empty: nobody's)? If
 * not, it is counted. The address of format is kept: it is a string that stays.
 */
bool log_limit_may(struct log_limit *limit, const char *format,
    const char *account, uint64_t now_us);

/*
 * A message of which lines were left out and can be written again; their
 * number is forgotten. False if there is none.
 */
bool log_limit_left_out(struct log_limit *limit, uint64_t now_us,
    struct log_limit_gap *gap);

#endif
