/*
 * In place of three calls, in a whole program for upgrade.sh: one that takes its
 * time on trial, when it has read the state and the engine before it waits, and
 * when it is to end, as on a machine that is too busy. No filter forbids these
 * ways to sleep.
 */
#include <sys/epoll.h>

#include <poll.h>
#include <unistd.h>

#include "supervisor/engine/control.h"
#include "supervisor/engine/spawner.h"
#include "supervisor/succession.h"

#define TRIAL_MS 2000 /* nobody waits, and a test needs time */
#define SLOW_MS 400

void __wrap_succession_take(struct succession *succession, bool trial);
void __real_succession_take(struct succession *succession, bool trial);
void __wrap_spawner_taken(struct spawner *spawner, uint64_t work_us);
void __real_spawner_taken(struct spawner *spawner, uint64_t work_us);
void __wrap_control_upgraded(struct control *control, const char *error);
void __real_control_upgraded(struct control *control, const char *error);

static void
take_time(void)
{
	struct epoll_event event;
	int nothing = epoll_create1(EPOLL_CLOEXEC);

	epoll_wait(nothing, &event, 1, SLOW_MS);
	close(nothing);
}

void
__wrap_succession_take(struct succession *succession, bool trial)
{
	if (trial)
		poll(NULL, 0, TRIAL_MS);
	__real_succession_take(succession, trial);
}

void
__wrap_spawner_taken(struct spawner *spawner, uint64_t work_us)
{
	take_time();
	__real_spawner_taken(spawner, work_us);
}

void
__wrap_control_upgraded(struct control *control, const char *error)
{
	__real_control_upgraded(control, error);
	if (error == NULL)
		take_time();
}
