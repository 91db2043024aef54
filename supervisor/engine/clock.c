#include "supervisor/engine/clock.h"

#include <time.h>

static uint64_t
read_us(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t
clock_now_us(void)
{
	return read_us(CLOCK_MONOTONIC) + 1;
}

uint64_t
clock_work_us(void)
{
	return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t
clock_unix_us(void)
{
	return read_us(CLOCK_REALTIME);
}

uint64_t
clock_unix_ms(void)
{
	return clock_unix_us() / 1000;
}
