/*
 * Why there was no upgrade.
 */
#ifndef SUPERVISOR_UPGRADE_WORDS_H
#define SUPERVISOR_UPGRADE_WORDS_H

#include <stdint.h>

enum upgrade_failure {
	UPGRADE_BUSY,	   /* there is one already, or the service stops */
	UPGRADE_NO_KEEPER, /* nobody can start the new engine */
	UPGRADE_NO_FILE,   /* value: errno of opening the program */
	UPGRADE_SYSTEM,	   /* value: errno of one of our own steps */
	UPGRADE_TRIAL,	   /* value: how the new supervisor ended, as wait(2) */
	UPGRADE_TRIAL_LATE,
	UPGRADE_ENGINE, /* the same of the new engine */
	UPGRADE_ENGINE_LATE
};

/* Exit codes of a program on trial, beside those of launch.h. */
enum upgrade_exit {
	UPGRADE_EXIT_GOOD = 120,
	UPGRADE_EXIT_VERSION, /* the state is another version's */
	UPGRADE_EXIT_STATE,   /* it is none, or cannot be taken over */
	UPGRADE_EXIT_WORKER,  /* its worker's program cannot be had */
	UPGRADE_EXIT_RIGHTS   /* its capabilities are not there */
};

/* In words; returns text. */
#define UPGRADE_WORDS_MAX 160
const char *upgrade_describe(enum upgrade_failure failure, int64_t value,
    char text[UPGRADE_WORDS_MAX]);

#endif
