#include "supervisor/engine/clock.h"

#include <time.h>

uint64_t
clock_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 +
	    1;
}

uint64_t
clock_work_us(void)
{
	struct timespec work;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &work);
	return (uint64_t)work.tv_sec * 1000000 + (uint64_t)work.tv_nsec / 1000;
}

uint64_t
clock_unix_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
clock_unix_ms(void)
{
	return clock_unix_us() / 1000;
}
