/*
 * The engine's side of the supervisor: asks for workers in numbered slots and
 * hears how they end.
 */
#ifndef ENGINE_SPAWNER_H
#define ENGINE_SPAWNER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/spawn.h"

struct event;
struct event_base;

/* While the engine asks for nothing: the start and the end of every worker,
 * a stop, a reload and a refusal. */
#define SPAWNER_LATE_MAX (2 * SPAWN_SLOTS + 3)

/* What a slot's owner hears. exited is the last call for the slot. */
struct spawner_owner {
	void (*started)(void *argument, pid_t pid);
	void (*exited)(void *argument, int status);
};

struct spawner_slot {
	bool used;			   /* from the request until EXITED */
	const struct spawner_owner *owner; /* NULL: disowned */
	void *argument;
	uint64_t kill_at_us; /* when disowned: its last chance */
};

/* A request without a slot that the supervisor had no room for yet. */
struct spawner_request {
	bool waits;
	int64_t value;
	int fd; /* to go with it, somebody else's; -1: none */
};

struct spawner {
	int channel;
	struct event *readable;
	void (*stop)(void *argument);	/* SPAWN_STOP */
	void (*reload)(void *argument); /* SPAWN_RELOAD */
	void (*gone)(void *argument);	/* the supervisor is no more */
	/* SPAWN_LEAVE, SPAWN_GO_ON, SPAWN_BUSY; may wait by spawner_await() */
	void (*upgrade)(void *argument, const struct spawn_record *record);
	void *argument;
	uint64_t alive_us; /* how often to say that we are; 0: never */
	uint64_t alive_due_us;
	struct spawner_request requests[SPAWN_REQUESTS_END];
	struct spawn_record late[SPAWNER_LATE_MAX]; /* of spawner_await() */
	size_t late_count;
	struct spawner_slot slots[SPAWN_SLOTS];
};

/*
 * Serve the channel on base; takes it over. stop, reload, gone, argument and
 * alive_us are set by the caller. 0, or -1 with errno.
 */
int spawner_init(struct spawner *spawner, struct event_base *base, int channel);
void spawner_close(struct spawner *spawner);

/*
 * The requests without a slot, from here to spawner_say(), are not lost: what
 * the supervisor has no room for is sent by spawner_tick(), of each kind the
 * last.
 */
/* Tell the supervisor that the engine serves, also after a reload, faulty if
 * nothing came of that. */
void spawner_ready(struct spawner *spawner, bool faulty);
/* Ask it for a reload, as on SIGHUP. */
void spawner_wish(struct spawner *spawner);
/* Its log level, from now on. */
void spawner_level(struct spawner *spawner, int level);

/* Its log, from now on: enum log_target; fd is -1 for standard error, and else
 * stays open until the next call. */
void spawner_log(struct spawner *spawner, int target, int fd);

/* What a lack of the kernel's leads to, for what it starts from now on. */
void spawner_sandbox(struct spawner *spawner, int sandbox);

/* In an upgrade: the state has been read, and what work that was. */
void spawner_taken(struct spawner *spawner, uint64_t work_us);

/* Send a request without a slot. */
void spawner_say(struct spawner *spawner, enum spawn_request type);

/*
 * Wait for what the supervisor says of an upgrade; what it reports meanwhile
 * is kept for spawner_catch_up(). SPAWN_STOP when it is gone, or says more than
 * there can be to say.
 */
struct spawn_record spawner_await(struct spawner *spawner);
void spawner_catch_up(struct spawner *spawner);

/*
 * Ask for a worker that gets the descriptors in the order of enum worker_fd;
 * they stay the caller's. Returns the slot, or -1 with errno (EUSERS: every
 * slot is taken).
 */
int spawner_start(struct spawner *spawner, const int *descriptors, size_t count,
    const struct spawner_owner *owner, void *argument);

/* That errno in words. */
const char *spawner_why(int error);

/* In an upgrade: the slot's worker lives on. False: the slot is taken. */
bool spawner_claim(struct spawner *spawner, int slot,
    const struct spawner_owner *owner, void *argument);

/* SIGKILL; the slot is free once its exit is reported. */
void spawner_kill(struct spawner *spawner, int slot);

/*
 * The owner wants to hear no more of it. The worker is to end by itself; if it
 * has not by kill_at_us, spawner_tick() has it killed.
 */
void spawner_disown(struct spawner *spawner, int slot, uint64_t kill_at_us);

/* Look at the time: also signs of life are sent from here. */
void spawner_tick(struct spawner *spawner, uint64_t now_us);

/* Slots in use. */
size_t spawner_used(const struct spawner *spawner);

#endif
