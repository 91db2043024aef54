/*
 * Landlock, as much as the kernel has: the second fence behind seccomp, which
 * knows neither paths nor ports.
 */
#ifndef SUPERVISOR_SANDBOX_LANDLOCK_H
#define SUPERVISOR_SANDBOX_LANDLOCK_H

#include <stdint.h>

/* What is forbidden unless it is granted. */
enum sandbox_landlock_reach {
	SANDBOX_LANDLOCK_ALL,	/* files, TCP, signals, abstract sockets */
	SANDBOX_LANDLOCK_CHANGE /* changing files, executing, such sockets */
};

/*
 * The kernel's ABI version, 0 if it has no Landlock, -1 with errno if somebody
 * forbids us to ask: that is not the same, and not to be ignored.
 */
int sandbox_landlock_level(void);

/* A ruleset that grants nothing. A descriptor, or -1 with errno. */
int sandbox_landlock_new(int level, enum sandbox_landlock_reach reach);

/*
 * Grant LANDLOCK_ACCESS_FS_... beneath a path; one that we cannot open cannot
 * be used either, and is skipped. 0, or -1 with errno.
 */
int sandbox_landlock_grant(int ruleset, const char *path, uint64_t allowed);

/* The same, beneath the folder that holds the file. */
int
sandbox_landlock_grant_folder(int ruleset, const char *file, uint64_t allowed);

/* To execute this program's dynamic linker, and what lies beside it. */
int sandbox_landlock_grant_linker(int ruleset);

/* To make and remove sockets and files anywhere, and TUN devices. */
int sandbox_landlock_grant_names(int ruleset, int level);

/* Take the layer on and close its descriptor. 0, or -1 with errno. */
int sandbox_landlock_enter(int ruleset);

#endif
