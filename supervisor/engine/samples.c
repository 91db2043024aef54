#include "supervisor/engine/samples.h"

#include <string.h>

static uint32_t
clamp(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

void
samples_begin(struct samples *samples)
{
	memset(samples, 0, sizeof(*samples));
}

void
samples_pong(struct samples *samples, uint64_t rtt_us)
{
	samples->rtt_sum_us += clamp(rtt_us);
	samples->pongs++;
}

static uint32_t
mean_rtt(const struct samples *samples)
{
	if (samples->pongs > 0)
		return clamp(samples->rtt_sum_us / samples->pongs);
	if (samples->count == 0)
		return 0;
	return samples->rtt_us[samples_at(samples, samples->count - 1)];
}

void
samples_take(struct samples *samples, uint64_t acked_bytes)
{
	uint32_t rtt_us = mean_rtt(samples);

	samples->bytes[samples->next] = clamp(
	    acked_bytes - samples->acked_bytes);
	samples->rtt_us[samples->next] = rtt_us;
	samples->next = (samples->next + 1) % SAMPLES_KEPT;
	if (samples->count < SAMPLES_KEPT)
		samples->count++;
	samples->acked_bytes = acked_bytes;
	samples->rtt_sum_us = samples->pongs = 0;
}

size_t
samples_at(const struct samples *samples, size_t i)
{
	return (samples->next + SAMPLES_KEPT - samples->count + i) %
	    SAMPLES_KEPT;
}
