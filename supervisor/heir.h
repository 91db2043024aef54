/*
 * A new engine in an upgrade, from its program's start to the loop. What it has
 * to know before it is locked in comes from the supervisor; keys and all else
 * come from the old engine, when it is.
 */
#ifndef SUPERVISOR_HEIR_H
#define SUPERVISOR_HEIR_H

struct spawn_settings;

/* What the new engine is told first. 0, or -1 with errno. */
int heir_send(int channel, const struct spawn_settings *settings);

/* Be the new engine; returns the exit status of the process. */
int heir_run(void);

#endif
