#include "supervisor/engine/meter.h"

#define WINDOW_US UINT64_C(1000000)

static void
close_window(struct meter *meter, uint64_t now_us)
{
	uint64_t elapsed = now_us - meter->at_us;

	if (elapsed < WINDOW_US)
		return;
	meter->rate_bytes_s = elapsed < 2 * WINDOW_US ?
	    meter->bytes * 1000000 / elapsed :
	    0;
	meter->bytes = 0;
	meter->at_us = now_us;
}

void
meter_add(struct meter *meter, uint64_t bytes, uint64_t now_us)
{
	close_window(meter, now_us);
	meter->bytes += bytes;
}

uint64_t
meter_rate(struct meter *meter, uint64_t now_us)
{
	close_window(meter, now_us);
	return meter->rate_bytes_s;
}
