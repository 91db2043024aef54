#include "tests/pace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1e9
#define BEHIND_MAX_NS 20e6

uint64_t
pace_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int
pace_parse(const char *text, struct pace *pace)
{
	static const struct {
		char letter;
		double factor;
	} units[] = { { 'k', 1e3 }, { 'M', 1e6 }, { 'G', 1e9 } };
	double value;
	size_t i;
	char *end;

	value = strtod(text, &end);
	if (end == text || !isfinite(value) || value < 0)
		return -1;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (*end == units[i].letter) {
			value *= units[i].factor;
			end++;
			break;
		}
	}
	pace->bits = strcmp(end, "bit") == 0;
	if (!pace->bits && *end != '\0')
		return -1;
	pace->per_second = value;
	return 0;
}

void
pace_start(struct pace *pace, uint64_t now_ns)
{
	pace->next_ns = (double)now_ns;
}

uint64_t
pace_wait_ns(const struct pace *pace, uint64_t now_ns)
{
	double ahead_ns = pace->next_ns - (double)now_ns;

	if (pace->per_second <= 0 || ahead_ns <= 0)
		return 0;
	return (uint64_t)ahead_ns + 1;
}

void
pace_spend(struct pace *pace, uint64_t now_ns, size_t bytes)
{
	double units = pace->bits ? 8 * (double)bytes : 1;

	if (pace->per_second <= 0)
		return;
	if (pace->next_ns < (double)now_ns - BEHIND_MAX_NS)
		pace->next_ns = (double)now_ns - BEHIND_MAX_NS;
	pace->next_ns += NS_PER_S * units / pace->per_second;
}

void
pace_sleep_ns(uint64_t ns)
{
	struct timespec time;

	time.tv_sec = (time_t)(ns / 1000000000);
	time.tv_nsec = (long)(ns % 1000000000);
	nanosleep(&time, NULL);
}
