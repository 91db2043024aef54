/*
 * The engine's requests as they arrive at the supervisor: records, some with
 * descriptors.
 */
#ifndef SUPERVISOR_REQUEST_H
#define SUPERVISOR_REQUEST_H

#include <stddef.h>

#include "shm/message.h"
#include "supervisor/spawn.h"

#define REQUEST_DESCRIPTORS_MAX (FD_END - FD_CHANNEL)

enum request_result {
	REQUEST_OK,
	REQUEST_NONE,	/* would block */
	REQUEST_CLOSED, /* the engine is gone */
	REQUEST_BROKEN	/* what came is none */
};

/* The descriptors are the caller's, also of a broken one. */
enum request_result request_receive(int channel, struct spawn_record *record,
    int descriptors[REQUEST_DESCRIPTORS_MAX], size_t *count);

#endif
