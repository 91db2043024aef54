#include "supervisor/engine/pool.h"

#include <assert.h>
#include <string.h>

/* A better one is better by a quarter, and by so much: less is noise. */
#define BETTER_NUMERATOR 3
#define BETTER_DENOMINATOR 4
#define BETTER_LEAST_US 1000
/* In service for so long, past failures are forgotten. */
#define FORGIVE_US UINT64_C(60000000)

void
pool_init(struct pool *pool, size_t count, size_t use)
{
	assert(count <= POOL_MAX && use <= count);
	memset(pool, 0, sizeof(*pool));
	pool->count = count;
	pool->use = use;
}

static size_t
count_role(const struct pool *pool, enum pool_role role)
{
	size_t count = 0;

	for (size_t i = 0; i < pool->count; i++)
		count += pool->members[i].role == role;
	return count;
}

static void
enter(struct pool_member *member, enum pool_role role, uint64_t now_us)
{
	member->role = role;
	member->since_us = now_us;
}

static void
bring_up(struct pool_member *member, enum pool_role role, uint64_t now_us)
{
	enter(member, role, now_us);
	member->tried_us = now_us;
	member->samples = 0;
	member->sampled_us = 0;
}

static void
take_down(struct pool_member *member, uint64_t now_us)
{
	enter(member, POOL_RESTING, now_us);
	member->up = false;
}

/* What was measured, however long ago, comes before the unknown. */
static bool
promises_more(const struct pool_member *a, const struct pool_member *b)
{
	if ((a->delivery_us == 0) != (b->delivery_us == 0))
		return a->delivery_us != 0;
	return a->delivery_us < b->delivery_us;
}

static bool
waits_longer(const struct pool_member *a, const struct pool_member *b)
{
	return a->tried_us < b->tried_us;
}

/*
 * The resting candidate that comes first by better(), beginning anywhere so
 * that equals take turns. pool->count: there is none.
 */
static size_t
find_candidate(const struct pool *pool, uint64_t now_us, uint32_t random,
    bool (*better)(const struct pool_member *a, const struct pool_member *b))
{
	size_t best = pool->count;

	for (size_t n = 0; n < pool->count; n++) {
		size_t i = (random % pool->count + n) % pool->count;
		const struct pool_member *member = &pool->members[i];

		if (member->role != POOL_RESTING || now_us < member->ready_us)
			continue;
		if (best == pool->count || better(member, &pool->members[best]))
			best = i;
	}
	return best;
}

static bool
is_clearly_better(const struct pool_member *a, const struct pool_member *b)
{
	if (!b->up)
		return true;
	return a->delivery_us <
	    b->delivery_us / BETTER_DENOMINATOR * BETTER_NUMERATOR &&
	    b->delivery_us - a->delivery_us >= BETTER_LEAST_US;
}

/* The trial that has shown something, if any. */
static struct pool_member *
find_shown(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (pool->members[i].role == POOL_ON_TRIAL &&
		    pool->members[i].samples > 0)
			return &pool->members[i];
	return NULL;
}

/*
 * A vacancy is filled at once: by the trial, which is up, unless one that rests
 * is known to be clearly better.
 */
static enum pool_step
fill_vacancy(struct pool *pool, uint64_t now_us, uint32_t random, size_t *which)
{
	struct pool_member *trial = find_shown(pool), *best = NULL;

	*which = find_candidate(pool, now_us, random, promises_more);
	if (*which < pool->count)
		best = &pool->members[*which];
	if (trial != NULL &&
	    (best == NULL || best->delivery_us == 0 ||
		!is_clearly_better(best, trial))) {
		enter(trial, POOL_SERVING, now_us);
		return POOL_NOTHING;
	}
	if (best == NULL)
		return POOL_NOTHING;
	bring_up(best, POOL_SERVING, now_us);
	return POOL_BRING_UP;
}

static bool
is_worse(const struct pool_member *a, const struct pool_member *b)
{
	if (a->up != b->up)
		return !a->up;
	return a->delivery_us > b->delivery_us;
}

/* The worst in service, once it was there for its time. NULL: not known. */
static struct pool_member *
find_worst(struct pool *pool, uint64_t now_us)
{
	struct pool_member *worst = NULL;

	for (size_t i = 0; i < pool->count; i++) {
		struct pool_member *member = &pool->members[i];

		if (member->role != POOL_SERVING ||
		    (member->up && member->samples == 0) ||
		    now_us - member->since_us < POOL_STAY_US)
			continue;
		if (worst == NULL || is_worse(member, worst))
			worst = member;
	}
	return worst;
}

static uint32_t
jitter(uint32_t nominal, uint32_t random)
{
	return nominal - nominal / 4 + random % (nominal / 2 + 1);
}

static void
back_off(struct pool_member *member, uint64_t now_us, uint32_t random)
{
	uint32_t delay_ms = POOL_RETRY_MS;

	for (unsigned int i = 0;
	     i < member->failures && delay_ms < POOL_RETRY_MAX_MS; i++)
		delay_ms *= 2;
	if (delay_ms > POOL_RETRY_MAX_MS)
		delay_ms = POOL_RETRY_MAX_MS;
	member->failures++;
	member->ready_us = now_us + (uint64_t)jitter(delay_ms, random) * 1000;
}

static bool
is_known(const struct pool_member *member, uint64_t now_us)
{
	return member->samples == POOL_SAMPLES ||
	    (member->samples > 0 &&
		now_us - member->since_us >= POOL_TRIAL_LIMIT_US);
}

/* The end of a trial: it, or whom it replaces, rests. */
static enum pool_step
judge(struct pool *pool, size_t trial, uint64_t now_us, uint32_t random,
    size_t *which)
{
	struct pool_member *member = &pool->members[trial], *worst;

	*which = trial;
	if (is_known(member, now_us)) {
		worst = find_worst(pool, now_us);
		/* Nobody there yet to compare with. */
		if (worst == NULL &&
		    now_us - member->since_us < POOL_TRIAL_LIMIT_US)
			return POOL_NOTHING;
		if (worst != NULL && is_clearly_better(member, worst)) {
			enter(member, POOL_SERVING, now_us);
			*which = (size_t)(worst - pool->members);
			if (!worst->up)
				back_off(worst, now_us, random);
			take_down(worst, now_us);
			return POOL_TAKE_DOWN;
		}
	} else if (now_us - member->since_us < POOL_TRIAL_LIMIT_US) {
		return POOL_NOTHING;
	} else {
		back_off(member, now_us, random);
	}
	take_down(member, now_us);
	return POOL_TAKE_DOWN;
}

/* One trial at a time; a pause between them once every one had its turn. */
static enum pool_step
begin_trial(struct pool *pool, uint64_t now_us, uint32_t random, size_t *which)
{
	struct pool_member *member;

	*which = find_candidate(pool, now_us, random, waits_longer);
	if (*which == pool->count)
		return POOL_NOTHING;
	member = &pool->members[*which];
	if (member->tried_us != 0 && now_us < pool->trial_us)
		return POOL_NOTHING;
	pool->trial_us = now_us +
	    (uint64_t)jitter(POOL_TRIAL_PAUSE_US / 1000, random) * 1000;
	bring_up(member, POOL_ON_TRIAL, now_us);
	return POOL_BRING_UP;
}

static enum pool_step
end_surplus(struct pool *pool, uint64_t now_us, size_t *which)
{
	struct pool_member *worst = NULL;

	for (size_t i = 0; i < pool->count; i++)
		if (pool->members[i].role == POOL_SERVING &&
		    (worst == NULL || is_worse(&pool->members[i], worst)))
			worst = &pool->members[i];
	*which = (size_t)(worst - pool->members);
	take_down(worst, now_us);
	return POOL_TAKE_DOWN;
}

enum pool_step
pool_next(struct pool *pool, uint64_t now_us, uint32_t random, size_t *which)
{
	size_t serving = count_role(pool, POOL_SERVING);
	enum pool_step step;

	if (serving > pool->use)
		return end_surplus(pool, now_us, which);
	if (serving < pool->use) {
		step = fill_vacancy(pool, now_us, random, which);
		if (step != POOL_NOTHING)
			return step;
	}
	if (count_role(pool, POOL_ON_TRIAL) == 0)
		return begin_trial(pool, now_us, random, which);
	for (size_t i = 0; i < pool->count; i++)
		if (pool->members[i].role == POOL_ON_TRIAL)
			return judge(pool, i, now_us, random, which);
	return POOL_NOTHING;
}

void
pool_keep(struct pool *pool, size_t which, const struct pool *before,
    size_t which_before)
{
	pool->members[which] = before->members[which_before];
	pool->trial_us = before->trial_us;
}

void
pool_up(struct pool *pool, size_t which)
{
	struct pool_member *member = &pool->members[which];

	member->up = member->role != POOL_RESTING;
}

void
pool_down(struct pool *pool, size_t which, enum pool_fault fault,
    uint64_t now_us, uint32_t random)
{
	struct pool_member *member = &pool->members[which];
	bool lasted = member->up && now_us - member->since_us >= FORGIVE_US;

	if (member->role == POOL_RESTING)
		return;
	take_down(member, now_us);
	if (lasted)
		member->failures = 0;
	switch (fault) {
	case POOL_FAILED:
		back_off(member, now_us, random);
		break;
	case POOL_FORGED:
		member->ready_us = now_us + POOL_ASIDE_US;
		break;
	}
}

bool
pool_wants_sample(const struct pool *pool, size_t which, uint64_t now_us)
{
	const struct pool_member *member = &pool->members[which];
	uint64_t pause_us = member->samples < POOL_SAMPLES ?
	    POOL_SAMPLE_EVERY_US :
	    POOL_REFRESH_US;

	return member->up &&
	    (member->samples == 0 || now_us - member->sampled_us >= pause_us);
}

void
pool_sample(struct pool *pool, size_t which, uint64_t delivery_us,
    uint64_t now_us)
{
	struct pool_member *member = &pool->members[which];

	if (!member->up)
		return;
	/* The oldest goes: what is true now is among the last few. */
	if (member->samples == POOL_SAMPLES)
		memmove(member->sample_us, member->sample_us + 1,
		    sizeof(member->sample_us) - sizeof(member->sample_us[0]));
	else
		member->samples++;
	member->sample_us[member->samples - 1] = delivery_us > 0 ? delivery_us :
								   1;
	member->sampled_us = now_us;
	/* A moment's load says nothing of the relay, so the least counts. */
	member->delivery_us = member->sample_us[0];
	for (size_t i = 1; i < member->samples; i++)
		if (member->sample_us[i] < member->delivery_us)
			member->delivery_us = member->sample_us[i];
}

const char *
pool_role_name(const struct pool *pool, size_t which, uint64_t now_us)
{
	const struct pool_member *member = &pool->members[which];

	switch (member->role) {
	case POOL_RESTING:
		return now_us < member->ready_us ? "aside" : "resting";
	case POOL_ON_TRIAL:
		return "on trial";
	case POOL_SERVING:
		return "serving";
	}
	return "unknown";
}
