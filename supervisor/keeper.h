/*
 * The keeper: a process that does nothing but start the new engine of an
 * upgrade. What a process has given up its children cannot have, so the engine
 * of a new program, which is to open its own lock-in, can come neither from the
 * supervisor nor from the old engine. The keeper is forked before either is
 * locked in, has the engine's user and no capability, and hears one thing only:
 * a number from the supervisor. It knows no key, and no program but the one that
 * stands where this one was started from.
 */
#ifndef SUPERVISOR_KEEPER_H
#define SUPERVISOR_KEEPER_H

#include <sys/types.h>

#include <stdint.h>

struct config;
struct privilege;
struct spawn_settings;

/* What the new engine finds open. */
enum keeper_fd {
	KEEPER_FD_HANDOVER = 3, /* SOCK_SEQPACKET to the old engine */
	KEEPER_FD_CHANNEL	/* SOCK_SEQPACKET to the supervisor */
};

/* Its answer; the supervisor's end of the channel comes with it. */
struct keeper_answer {
	uint64_t number; /* that it was asked by */
	int32_t pid;	 /* of the new engine, a child of the supervisor's; */
	int32_t error;	 /* or -1, and errno */
};

/*
 * Fork it; the supervisor's end is kept in settings, *engine_end is for the
 * engine, to which it sends one byte and the old engine's end of the hand-over.
 * Or the process ends, having logged.
 */
void keeper_start(struct spawn_settings *settings, const struct config *config,
    const struct privilege *privilege, int *engine_end);

/* Ask for a new engine, by a number never used before. 0, or -1 with errno. */
int keeper_ask(const struct spawn_settings *settings, uint64_t number);

/*
 * Its answer, perhaps a late one to what was asked before; *channel is -1 unless
 * there is an engine. 0, or -1 with errno: it is gone.
 */
int keeper_hear(const struct spawn_settings *settings,
    struct keeper_answer *answer, int *channel);

#endif
