#include "supervisor/engine/burn.h"

#include <time.h>

#define SECOND_US UINT64_C(1000000)

/*
 * The clock that clock_getcpuclockid(3) would name: it asks the kernel whether
 * there is such a process, by a call that is not for a locked-in engine.
 */
static clockid_t
clock_of(pid_t pid)
{
	const unsigned int sched = 2;

	return (clockid_t)(~(unsigned int)pid << 3 | sched);
}

uint64_t
burn_cpu_us(pid_t pid)
{
	struct timespec used;

	if (pid <= 0 || clock_gettime(clock_of(pid), &used) == -1)
		return 0;
	return (uint64_t)used.tv_sec * SECOND_US +
	    (uint64_t)used.tv_nsec / 1000;
}

bool
burn_is_too_much(struct burn *burn, uint64_t cpu_us, uint64_t moved,
    uint64_t now_us)
{
	struct burn before = *burn;
	uint64_t used_us;

	if (before.since_us != 0 && now_us - before.since_us < BURN_WINDOW_US)
		return false;
	*burn = (struct burn){ now_us, cpu_us, moved };
	if (before.since_us == 0 || cpu_us < before.cpu_us)
		return false;
	used_us = cpu_us - before.cpu_us;
	return used_us > BURN_CPU_US &&
	    moved - before.moved < used_us * BURN_BYTES_PER_S / SECOND_US;
}
