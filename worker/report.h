/*
 * Events up to the engine, and the worker's last words. Nothing here takes
 * memory, and everything may be called from a signal handler and under the
 * last filter: it is write(2) and _exit(2).
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include <stdint.h>

#include "shm/message.h"

/* Where the worker stands; every event says so. */
struct report {
	int channel;
	enum event_stage stage;
	uint32_t hop; /* index into job.hop[] */
};

/* A step begins: remember it and tell the engine. */
void report_stage(struct report *report, enum event_stage stage, uint32_t hop);

/* The byte stream to the far end stands. */
void report_up(struct report *report);

/* Something to log once. Longer text is cut. */
void report_note(const struct report *report, const char *text);

/*
 * Tell why, then end the process with code. what may be NULL; where the detail
 * is an errno, the event's text becomes "what: the error in words".
 */
_Noreturn void report_fail(const struct report *report, enum worker_exit code,
    enum event_reason reason, int detail, const char *what);

#endif
