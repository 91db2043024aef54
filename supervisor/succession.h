/*
 * A supervisor becomes its successor: the same process executes the new
 * program, which finds the settings and the slots in a memfd. So the pid stays
 * that of the service, and the workers stay its children. Before that, a child
 * does the very same on trial.
 *
 * Lock-in and user are those of the supervisor before: a filter and a Landlock
 * layer go on through execve(2), and so do the three capabilities, which are
 * ambient. The successor adds nothing and can take nothing away.
 */
#ifndef SUPERVISOR_SUCCESSION_H
#define SUPERVISOR_SUCCESSION_H

#include <sys/types.h>

#include <stdbool.h>

#include "supervisor/slots.h"
#include "supervisor/notify.h"
#include "supervisor/spawn.h"

/* What a new program is started as. */
enum succession_role {
	SUCCESSION_ENGINE,
	SUCCESSION_SUPERVISOR,
	SUCCESSION_TRIAL
};

/* What a new supervisor finds open. */
enum succession_fd {
	SUCCESSION_FD_STATE = 64,
	SUCCESSION_FD_ENGINE,
	SUCCESSION_FD_KEEPER,
	SUCCESSION_FD_NOTIFY,  /* or nothing */
	SUCCESSION_FD_LOG,     /* or nothing: standard error */
	SUCCESSION_FD_PROGRAM, /* while it is executed */
	SUCCESSION_FD_END
};

#define SUCCESSION_JOURNAL_MAX 64

struct succession {
	struct spawn_settings settings;
	struct notify notify;
	struct slots slots;
	struct spawn_left left;
};

/* The arguments of a new program; static. */
char *const *succession_arguments(enum succession_role role);

/* Is it one? The role is what main() was given. */
bool
succession_is_asked(int argc, char *const *argv, enum succession_role *role);

/* "JOURNAL_STREAM=...", all of the environment that a new program needs. */
void succession_find_journal(char text[SUCCESSION_JOURNAL_MAX]);

/* The state of the supervisor in a memfd, sealed; -1 with errno. */
int succession_write(const struct spawn_settings *settings,
    const struct slots *slots, const struct spawn_left *left);

/* Execute the program on trial, in a child; its pid, or -1 with errno. */
pid_t
succession_try(const struct spawn_settings *settings, int program, int state);

/* The same in this process. Returns only if it fails, with errno. */
void succession_execute(const struct spawn_settings *settings, int program,
    int state);

/*
 * In the new program: take everything over; exits when that fails, and on
 * trial in any case.
 */
void succession_take(struct succession *succession, bool trial);

#endif
