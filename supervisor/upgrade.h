/*
 * An upgrade as the supervisor sees it: a new program is tried, the keeper
 * starts a new engine of it, the old engine gives it all that it has, and the
 * supervisor becomes the new program itself. What fails before that costs
 * nothing: the old engine goes on.
 */
#ifndef SUPERVISOR_UPGRADE_H
#define SUPERVISOR_UPGRADE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/upgrade_words.h"

struct slots;
struct spawn_settings;

enum upgrade_stage {
	UPGRADE_NONE,
	UPGRADE_ON_TRIAL,  /* a child is the new supervisor, for a moment */
	UPGRADE_STARTING,  /* the keeper was asked for the new engine */
	UPGRADE_PREPARING, /* which makes itself ready for the state */
	UPGRADE_LEAVING,   /* the old engine waits, the new one reads */
	UPGRADE_DONE	   /* the new engine serves */
};

struct upgrade {
	struct spawn_settings *settings;
	struct slots *slots;
	enum upgrade_stage stage;
	uint64_t limit_ms; /* of the stage */
	int program;
	uint64_t asked; /* the keeper, by this number */
	pid_t trial;
	pid_t heir;
	int channel;   /* to the heir */
	pid_t leaving; /* the engine before; 0 once it was reaped */
	uint64_t leave_by_ms;
};

void upgrade_init(struct upgrade *upgrade, struct spawn_settings *settings,
    struct slots *slots);

/* An engine is to end soon, or it is killed. */
void
upgrade_await_leaving(struct upgrade *upgrade, pid_t leaving, uint64_t now_ms);

/*
 * Somebody asks for it, while there is none. The engine hears of a failure, at
 * any stage.
 */
void upgrade_begin(struct upgrade *upgrade, uint64_t now_ms);

/*
 * Say no, since something else is under way, which is not disturbed. The engine
 * hears of it where it has asked.
 */
void upgrade_refuse(const struct upgrade *upgrade, bool engine_asks);

/* Give up, if there is one. */
void upgrade_abandon(struct upgrade *upgrade);

/* A child ended: true if it was one of ours. */
bool
upgrade_reaped(struct upgrade *upgrade, pid_t pid, int status, uint64_t now_ms);

/*
 * No child is to be reaped now: while the engines change nobody could be told
 * of a worker's end, and the keeper's child is not known yet.
 */
bool upgrade_holds_children(const struct upgrade *upgrade);

/* What to poll for input, or -1; and what to do then. */
int upgrade_descriptor(const struct upgrade *upgrade);
void upgrade_receive(struct upgrade *upgrade, uint64_t now_ms);

/* When to look at the time again, 0: no need; and the look. */
uint64_t upgrade_limit_ms(const struct upgrade *upgrade);
void upgrade_check_time(struct upgrade *upgrade, uint64_t now_ms);

/*
 * UPGRADE_DONE: become the new program. Returns if that fails, having logged,
 * with UPGRADE_NONE: the old supervisor serves the new engine.
 */
void upgrade_succeed(struct upgrade *upgrade, bool serving, bool reload);

#endif
