#include "tests/limit.h"

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1e9

static volatile sig_atomic_t signalled;

static void
note_signal(int signal_number)
{
	(void)signal_number;
	signalled = 1;
}

void
limit_begin(struct limit *limit, uint64_t now_ns)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = note_signal;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	limit->begun_ns = now_ns;
}

bool
limit_signalled(void)
{
	return signalled != 0;
}

bool
limit_time_is_up(const struct limit *limit, uint64_t now_ns)
{
	if (signalled)
		return true;
	return limit->seconds > 0 &&
	    (double)(now_ns - limit->begun_ns) >= limit->seconds * NS_PER_S;
}

bool
limit_is_silent(const struct limit *limit, uint64_t now_ns, uint64_t since_ns)
{
	return limit->idle_s > 0 && since_ns != 0 && now_ns > since_ns &&
	    (double)(now_ns - since_ns) >= limit->idle_s * NS_PER_S;
}

bool
limit_reached(const struct limit *limit, uint64_t done, uint64_t now_ns,
    uint64_t heard_ns)
{
	return (limit->count > 0 && done >= limit->count) ||
	    limit_time_is_up(limit, now_ns) ||
	    limit_is_silent(limit, now_ns, heard_ns);
}

bool
limit_goes_on(const struct limit *limit, uint64_t done, uint64_t now_ns,
    uint64_t heard_ns, bool was_told, bool found)
{
	if (was_told)
		return found;
	return limit_signalled() ||
	    !limit_reached(limit, done, now_ns, heard_ns);
}

void
limit_wait_input(int fd, uint64_t ns)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct timespec time;

	time.tv_sec = 0;
	time.tv_nsec = (long)(ns < LIMIT_LOOK_NS ? ns : LIMIT_LOOK_NS);
	(void)ppoll(&pollfd, 1, &time, NULL);
}

double
limit_number(int option, const char *text)
{
	double value;
	char *end;

	value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value >= 0 && value < 1e15))
		errx(2, "-%c %s: not a number", option, text);
	return value;
}
