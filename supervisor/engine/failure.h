/*
 * How the end of a worker reads, for the engine's log and for a probe.
 */
#ifndef ENGINE_FAILURE_H
#define ENGINE_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

struct worker_event;

/* Said of a connection that ends while its handshake is awaited. */
#define FAILURE_STRANGER " (a listener does so to a key that it does not know)"

/* What the reason and the detail of a worker's last words mean. */
void failure_cause(const struct worker_event *event, char *cause, size_t size);

/* What a status of wait(2) means, for a worker without last words. */
void failure_exit(int status, char *words, size_t size);

/* True for a death that only a bug or an attack explains. */
bool failure_is_crash(int status);

#endif
