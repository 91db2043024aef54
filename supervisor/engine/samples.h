/*
 * What a path did lately, in steps of equal length: bytes that were
 * acknowledged, and the round trip. Pure, of fixed size.
 */
#ifndef ENGINE_SAMPLES_H
#define ENGINE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLES_KEPT 100
#define SAMPLES_STEP_US UINT64_C(100000)

struct samples {
	uint32_t bytes[SAMPLES_KEPT];
	uint32_t rtt_us[SAMPLES_KEPT]; /* the mean; of earlier, if no PONG */
	size_t next;
	size_t count;
	/* the implementation's: the step at hand */
	uint64_t acked_bytes; /* when it began */
	uint64_t rtt_sum_us;
	uint64_t pongs;
};

/* A connection begins; nothing is acknowledged yet. */
void samples_begin(struct samples *samples);

/* A PONG came. */
void samples_pong(struct samples *samples, uint64_t rtt_us);

/* A step is over; so much was ever acknowledged on this connection. */
void samples_take(struct samples *samples, uint64_t acked_bytes);

/* Where the i-th is, from the oldest, 0, on to below count. */
size_t samples_at(const struct samples *samples, size_t i);

#endif
