/*
 * When an ended path is dialled again: the first time at once, then after
 * 100 ms, doubling to 30 s, with jitter; from the beginning again once a path
 * stood for a minute. Pure.
 */
#ifndef ENGINE_BACKOFF_H
#define ENGINE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 30000
#define BACKOFF_RESET_US UINT64_C(60000000)
/* A worker that died by a signal of its sandbox is a bug or an attack. */
#define BACKOFF_CRASH_MS 60000
/* A proxy that rejects our credentials will do so again. */
#define BACKOFF_DENIED_MS 30000

struct backoff {
	unsigned int failures; /* since the last reset */
	bool stands; /* this wait has a reason, and is not cut short */
};

/*
 * The delay in milliseconds before the next try of a path that was up for
 * up_us (0: never). random is any 32 random bits; the result is within a
 * quarter of the nominal delay either way.
 */
uint32_t
backoff_next_ms(struct backoff *backoff, uint64_t up_us, uint32_t random);

#endif
