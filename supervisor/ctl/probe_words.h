/*
 * How a probe says where something happened and why.
 */
#ifndef CTL_PROBE_WORDS_H
#define CTL_PROBE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"

struct probe_target;

/* "connect tcp://relay:23461", "hop 2 http://b:3128" ... */
void probe_words_place(const struct probe_target *target,
    enum event_stage stage, uint32_t hop, char *place, size_t size);

/*
 * The place and the worker's last words. connected: the byte stream had
 * stood, and with a key a handshake was under way.
 */
void probe_words_failure(const struct probe_target *target,
    const struct worker_event *event, bool connected, char *words, size_t size);

#endif
