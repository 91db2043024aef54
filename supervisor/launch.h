/*
 * Fork and exec one worker, through a descriptor that was opened at start,
 * with nothing inherited but what it is meant to have.
 */
#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H

#include <sys/types.h>

#include <stddef.h>

#include <limits.h>

struct spawn_settings;

/* Where they lie: what is started later is what stands there then. */
struct launch_programs {
	char own[PATH_MAX]; /* of this process, as it was started by */
	char worker[PATH_MAX];
};

/* Exit codes of a child that did not get as far as its program. */
enum launch_exit {
	LAUNCH_EXIT_DESCRIPTORS = 112,
	LAUNCH_EXIT_IDS,
	LAUNCH_EXIT_CAPABILITIES,
	LAUNCH_EXIT_PARENT,
	LAUNCH_EXIT_EXEC,
	LAUNCH_EXIT_PERMISSION /* the same, of another program on trial */
};

/*
 * Find this program and open the worker's: beside this one, links resolved, else
 * in the folder that was compiled in. Before setproctitle(3). Close-on-exec; -1
 * having logged where it was looked for.
 */
int launch_open_worker(struct launch_programs *programs);

/* A regular, executable file, to execute only; -1 with errno if it is none. */
int launch_open_program(const char *path);

/*
 * Start a worker that finds the descriptors in the order of enum worker_fd,
 * count of them, and null (an open /dev/null) as its standard ones. Returns
 * its pid, or -1 with errno. Everything stays open here.
 */
pid_t launch_worker(const struct spawn_settings *settings, int null,
    const int *descriptors, size_t count);

/* What went wrong, by exit code; NULL if the program did run. */
const char *launch_exit_name(int code);

#endif
