#include "supervisor/engine/backoff.h"

static uint32_t
nominal_ms(unsigned int failures)
{
	uint32_t delay = BACKOFF_FIRST_MS;

	while (--failures > 0 && delay < BACKOFF_MAX_MS)
		delay *= 2;
	return delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
}

uint32_t
backoff_next_ms(struct backoff *backoff, uint64_t up_us, uint32_t random)
{
	uint32_t delay;

	if (up_us >= BACKOFF_RESET_US)
		backoff->failures = 0;
	if (backoff->failures++ == 0)
		return 0;
	delay = nominal_ms(backoff->failures - 1);
	return delay - delay / 4 + random % (delay / 2 + 1);
}
