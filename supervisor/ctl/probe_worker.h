/*
 * A worker of our own, without engine and supervisor: regions, bells and a
 * process, so that the very code that carries a tunnel is what is probed.
 */
#ifndef CTL_PROBE_WORKER_H
#define CTL_PROBE_WORKER_H

#include <stdint.h>

struct channel;
struct job;

/*
 * Find the worker's program, and as root its user. 0, or -1 having said why.
 * Once, before the first worker.
 */
int probe_worker_prepare(void);

/*
 * Start a worker with the job, whose ring sizes are filled in, on a channel of
 * which rings, bells, socket and pid are set. 0, or -1 with errno and nothing
 * left behind.
 */
int probe_worker_start(struct channel *channel, struct job *job);

/* It writes out what it has and ends by itself. */
void probe_worker_let_go(struct channel *channel);

/* See to that, for a moment and then by force, and free all. */
void probe_worker_stop(struct channel *channel);

/* The exit status of wait(2) once its socket closed; 0 if there is none. */
int probe_worker_reap(struct channel *channel);

#endif
