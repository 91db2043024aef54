/*
 * The supervisor at work: what spawn.c and spawn_requests.c share.
 */
#ifndef SUPERVISOR_SPAWN_WORK_H
#define SUPERVISOR_SPAWN_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/slots.h"
#include "supervisor/spawn.h"
#include "supervisor/upgrade.h"

/* How long an engine may take to end. */
#define SPAWN_STOP_MS 5000

struct supervisor {
	struct spawn_settings *settings;
	int signals; /* signalfd */
	bool engine_reaped;
	bool loader_reaped;
	bool opener_reaped;
	bool engine_silent; /* its channel is closed */
	bool serving;	    /* the engine said so */
	bool reloading;	    /* it is to say so again */
	bool stopping;
	bool done;
	int status;
	uint64_t end_by_ms; /* for the engine; 0: no limit */
	uint64_t alive_ms;  /* when the engine last said that it is */
	struct slots slots;
	struct upgrade upgrade;
};

uint64_t spawn_now_ms(void);

/* This is all; with that exit status. */
void spawn_finish(struct supervisor *supervisor, int status);

/* What there is of the engine's requests: one. */
void spawn_receive(struct supervisor *supervisor);

/* For a STATUS= line: what is out of service until a restart, or nothing. */
const char *spawn_missing(const struct supervisor *supervisor);

/* As on SIGHUP, and as on SIGUSR2 or as the engine asks. */
void spawn_reload(struct supervisor *supervisor);
void spawn_upgrade(struct supervisor *supervisor, bool engine_asks);

#endif
