/*
 * The supervisor's slots: what may be asked of each in its state, and what is
 * told to the engine about it. Nothing here reads from the engine.
 */
#ifndef SUPERVISOR_SLOTS_H
#define SUPERVISOR_SLOTS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/spawn.h"

enum slots_state {
	SLOTS_FREE,
	SLOTS_RUNNING,
	SLOTS_KILLED, /* not reaped yet */
	SLOTS_STATES
};

struct slots_slot {
	enum slots_state state;
	pid_t pid;
};

struct slots {
	const struct spawn_settings *settings;
	int null;		/* /dev/null, for the workers */
	bool deaf;		/* the engine took no report for too long */
	uint64_t start_debt_ms; /* the time that starts have used up */
	struct slots_slot slot[SPAWN_SLOTS];
};

/*
 * What the engine asks. False: it asked for what cannot be (a number out of
 * range, a start in a slot that is taken, the wrong number of descriptors). A
 * fork that fails is reported to the engine and is no fault of its own.
 */
bool slots_start(struct slots *slots, uint32_t number, const int *descriptors,
    size_t count);
bool slots_kill(struct slots *slots, uint32_t number);

/* How many are not free. */
unsigned int slots_count(const struct slots *slots);

/*
 * Count a start against the limit: 100 a second in the long run, and 256 at
 * once. How long the engine's requests are to be left unread now.
 */
void slots_charge_start(struct slots *slots, uint64_t now_ms);
uint64_t slots_pause_ms(const struct slots *slots, uint64_t now_ms);

/* A child was reaped. False: no slot had it. */
bool slots_exited(struct slots *slots, pid_t pid, int status);

/* Kill and reap whatever still runs, without reports. */
void slots_clear(struct slots *slots);

/* Send a record to the engine. */
void slots_report(struct slots *slots, enum spawn_report type, uint32_t number,
    int64_t value);

/* A status of wait(2) in words; returns text. */
#define SLOTS_WORDS_MAX 128
const char *slots_describe(int status, char text[SLOTS_WORDS_MAX]);

#endif
