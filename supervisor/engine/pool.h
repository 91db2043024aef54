/*
 * Of many candidate relays, which are in service. Pure: the clock and random
 * bits are arguments, and what a candidate can do is told to it.
 *
 * A candidate rests, is on trial or serves. One at a time is brought up for
 * trial while the others serve; if it turns out clearly better than the worst
 * in service, that one rests and it serves. So the new one is up before the
 * old one leaves, and never do all change at once. What cannot be connected is
 * not tried again for a while, ever longer; what forges frames, for an hour.
 */
#ifndef ENGINE_POOL_H
#define ENGINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_MAX 64
#define POOL_SAMPLES 3 /* a trial is this many measurements, at most */
#define POOL_TRIAL_LIMIT_US UINT64_C(15000000)
#define POOL_TRIAL_PAUSE_US UINT64_C(20000000) /* all are known by then */
#define POOL_STAY_US UINT64_C(5000000)	       /* at least, in service */
#define POOL_SAMPLE_EVERY_US UINT64_C(300000)
#define POOL_REFRESH_US UINT64_C(10000000) /* of what serves */
#define POOL_RETRY_MS 2000		   /* doubles, with jitter */
#define POOL_RETRY_MAX_MS 600000
#define POOL_ASIDE_US UINT64_C(3600000000)

enum pool_role {
	POOL_RESTING,
	POOL_ON_TRIAL,
	POOL_SERVING
};

enum pool_fault {
	POOL_FAILED, /* it did not connect, or its connection ended */
	POOL_FORGED  /* a frame from it did not open */
};

enum pool_step {
	POOL_NOTHING,
	POOL_BRING_UP, /* connect this one */
	POOL_TAKE_DOWN /* end this one in good order */
};

struct pool_member {
	enum pool_role role;
	uint64_t since_us; /* in the role */
	bool up;
	uint64_t ready_us;     /* not to be brought up before */
	uint64_t tried_us;     /* when it was last brought up, 0: never */
	unsigned int failures; /* in a row */
	uint64_t sample_us[POOL_SAMPLES];
	size_t samples;	      /* of this connection */
	uint64_t sampled_us;  /* when the last one was */
	uint64_t delivery_us; /* the least of them, kept at rest; 0: none */
};

struct pool {
	size_t count;
	size_t use;
	uint64_t trial_us; /* no trial begins before */
	struct pool_member members[POOL_MAX];
};

/* count is at most POOL_MAX, use at most count. */
void pool_init(struct pool *pool, size_t count, size_t use);

/*
 * What to do next, and with which; call again until POOL_NOTHING. A candidate
 * to take down rests already: what is told of it afterwards is ignored.
 */
enum pool_step
pool_next(struct pool *pool, uint64_t now_us, uint32_t random, size_t *which);

/*
 * Before the first step of a pool that follows another: a candidate was in that
 * one too, and goes on as it was there. If more serve than are wanted now, the
 * worst of them are taken down.
 */
void pool_keep(struct pool *pool, size_t which, const struct pool *before,
    size_t which_before);

/* What happened to a candidate that was brought up. */
void pool_up(struct pool *pool, size_t which);
void pool_down(struct pool *pool, size_t which, enum pool_fault fault,
    uint64_t now_us, uint32_t random);

/*
 * True if the time that a given amount of data takes to arrive over it should
 * be measured now; pool_sample() tells the outcome.
 */
bool pool_wants_sample(const struct pool *pool, size_t which, uint64_t now_us);
void pool_sample(struct pool *pool, size_t which, uint64_t delivery_us,
    uint64_t now_us);

/* "resting", or "aside" where it is not to be tried yet, ... */
const char *
pool_role_name(const struct pool *pool, size_t which, uint64_t now_us);

#endif
