/*
 * For tests of the supervisor's and the engine's lock-in: each attempt is made
 * in a process of its own, which first locks itself in.
 */
#ifndef TESTS_LOCK_RIG_H
#define TESTS_LOCK_RIG_H

#include <sys/syscall.h>
#include <sys/types.h>

#include "supervisor/log.h"

#define LOCK_RIG_KILLED 1000
#define LOCK_RIG_WORKER_ID 54321
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct config;
struct spawn_settings;

/* Given to the lock-ins below; the worker's program is /bin/true. */
extern struct config *lock_rig_config;
extern struct spawn_settings lock_rig_settings;
extern char lock_rig_log[];

typedef void lock_rig_enter(void);

void lock_rig_engine(void);
void lock_rig_supervisor(void);
void lock_rig_opener(void);
void lock_rig_nothing(void);

struct lock_rig_attempt {
	const char *name;
	long number;
	long arguments[6];
};

#define TRY(call, ...)              \
	{                           \
#call, SYS_##call,  \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

/*
 * Make a call, or call a function, in a lock-in: 0, the errno or what the
 * function returned, or LOCK_RIG_KILLED. The test fails if the lock-in did.
 */
int lock_rig_try(lock_rig_enter *enter, const struct lock_rig_attempt *what);
int lock_rig_call(lock_rig_enter *enter, int (*function)(void));

/* The same in two steps. */
pid_t lock_rig_begin(lock_rig_enter *enter, int (*function)(void));
int lock_rig_outcome(pid_t pid);

/* As the log opens its file. */
int lock_rig_open(lock_rig_enter *enter, const char *path);

/* LOG_TO_FILE is lock_rig_log. Nothing but the fatal is logged. */
void lock_rig_log_to(enum log_target target);

/* A fixture. */
void lock_rig_set_up(void);
void lock_rig_tear_down(void);

#endif
