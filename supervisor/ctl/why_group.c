/*
 * Two paths through one bottleneck share what it carries: what one of them
 * gains the other loses; and if it is the bottleneck that changes, then delay
 * and rate of both change together. Paths that are independent and full do
 * neither. Those that are not full do whatever the load does, so nothing is
 * concluded of them, nor of the time in which they are still filled.
 *
 * It is the ranks that are correlated: a moment in which this whole system
 * stood still is in all series, as an outlier that would outweigh the rest.
 */
#include <string.h>

#include "supervisor/ctl/why.h"

#define STEPS_LEAST 90
#define STEPS_USED 75
/* Some steps in a row are one measure: a round trip may be as long. */
#define SMOOTH 3
#define TOGETHER_LEAST 0.55
#define AGAINST_LEAST 0.7
/* What hardly changes tells nothing. */
#define VARIATION_LEAST 0.03
#define BLOCKED_LEAST 0.8
#define BUSY_LEAST 0.95 /* of the steps: something was acknowledged */

struct series {
	size_t count;
	double value[STEPS_USED / SMOOTH];
};

/* The newest steps, some of them added up to one value. */
static void
take(const uint32_t *steps, size_t total, struct series *series)
{
	const uint32_t *at = steps + total - STEPS_USED;

	series->count = STEPS_USED / SMOOTH;
	for (size_t i = 0; i < series->count; i++) {
		series->value[i] = 0;
		for (size_t k = 0; k < SMOOTH; k++)
			series->value[i] += *at++;
	}
}

static double
mean(const struct series *series)
{
	double sum = 0;

	for (size_t i = 0; i < series->count; i++)
		sum += series->value[i];
	return sum / (double)series->count;
}

/* Of the deviations; with itself the variance. */
static double
covariance(const struct series *a, const struct series *b)
{
	double mean_a = mean(a), mean_b = mean(b), sum = 0;

	for (size_t i = 0; i < a->count; i++)
		sum += (a->value[i] - mean_a) * (b->value[i] - mean_b);
	return sum / (double)a->count;
}

static bool
varies(const struct series *series)
{
	double level = mean(series) * VARIATION_LEAST;

	return covariance(series, series) >= level * level;
}

/* 0 for the least; those that are equal have one between them. */
static void
rank(const struct series *series, struct series *ranks)
{
	ranks->count = series->count;
	for (size_t i = 0; i < series->count; i++) {
		ranks->value[i] = -0.5;
		for (size_t k = 0; k < series->count; k++)
			ranks->value[i] += series->value[k] < series->value[i] ?
			    1 :
			    series->value[k] == series->value[i] ? 0.5 :
								   0;
	}
}

/*
 * The coefficient of correlation of the ranks, squared and with its sign; 0
 * where one of them hardly varies.
 */
static double
correlate(const uint32_t *a, size_t a_total, const uint32_t *b, size_t b_total)
{
	struct series values[2], one, other;
	double both;

	take(a, a_total, &values[0]);
	take(b, b_total, &values[1]);
	if (!varies(&values[0]) || !varies(&values[1]))
		return 0;
	rank(&values[0], &one);
	rank(&values[1], &other);
	both = covariance(&one, &other);
	both *= both < 0 ? -both : both;
	return both / (covariance(&one, &one) * covariance(&other, &other));
}

static bool
is_busy(const struct why_path *path)
{
	size_t busy = 0;

	if (!path->up || path->steps < STEPS_LEAST)
		return false;
	for (size_t i = 0; i < path->steps; i++)
		busy += path->step_bytes[i] > 0;
	return (double)busy >= (double)path->steps * BUSY_LEAST;
}

static enum why_tie
find_tie(const struct why_path *a, const struct why_path *b)
{
	double rate = correlate(a->step_bytes, a->steps, b->step_bytes,
	    b->steps);

	if (rate <= -AGAINST_LEAST * AGAINST_LEAST)
		return WHY_AGAINST;
	if (rate < TOGETHER_LEAST * TOGETHER_LEAST ||
	    correlate(a->step_rtt_us, a->steps, b->step_rtt_us, b->steps) <
		TOGETHER_LEAST * TOGETHER_LEAST)
		return WHY_ALONE;
	return WHY_TOGETHER;
}

/* The path's group, with those behind it that are tied to it. */
static void
gather(const struct why_input *input, size_t path, struct why_groups *groups)
{
	const struct why_path *paths = input->paths;
	enum why_tie tie;

	for (size_t i = path + 1; i < input->paths_count; i++) {
		if (groups->of[i] != 0 || !is_busy(&paths[i]))
			continue;
		tie = find_tie(&paths[path], &paths[i]);
		if (tie == WHY_ALONE)
			continue;
		if (groups->of[path] == 0) {
			groups->of[path] = (unsigned int)++groups->count;
			groups->tie[groups->count] = tie;
		}
		groups->of[i] = groups->of[path];
	}
}

void
why_group(const struct why_input *input, struct why_groups *groups)
{
	memset(groups, 0, sizeof(*groups));
	if (input->blocked < BLOCKED_LEAST)
		return;
	for (size_t i = 0; i < input->paths_count; i++)
		if (is_busy(&input->paths[i]))
			gather(input, i, groups);
}
