/*
 * How a path's connection is begun, and how the end of its worker reads.
 */
#ifndef ENGINE_PATH_DIAL_H
#define ENGINE_PATH_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"

struct path;

/* Spawn a worker that dials, and put message 1 into its ring. */
void path_dial(struct path *path);

/*
 * Spawn a worker for an accepted connection (taken over) and put message 2
 * into its ring. 0, or -1 with errno.
 */
int path_answer(struct path *path, int accepted);

/* What may be message 2 has come: with it the path is OPENING, or it ends. */
void
path_take_message2(struct path *path, const uint8_t *message, size_t bytes);

/* What the worker's last words mean, with the hop's URI of our own. */
void path_describe_failure(const struct path *path,
    const struct worker_event *event, char *words, size_t size);

const char *path_stage_name(enum event_stage stage);

#endif
