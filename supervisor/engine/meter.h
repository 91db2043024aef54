/*
 * A rate over the last second or so, for status output. Pure.
 */
#ifndef ENGINE_METER_H
#define ENGINE_METER_H

#include <stdint.h>

struct meter {
	uint64_t bytes; /* since at_us */
	uint64_t at_us;
	uint64_t rate_bytes_s; /* of the last whole window */
};

void meter_add(struct meter *meter, uint64_t bytes, uint64_t now_us);
/* Bytes per second; 0 once nothing came for two windows. */
uint64_t meter_rate(struct meter *meter, uint64_t now_us);

#endif
