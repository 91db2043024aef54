/*
 * One direction of an emulated link: random loss, a queue in front of a line
 * of some rate, and a delay that may wander. Packets never overtake each
 * other. Pure: the clock is an argument, and the seed decides every chance.
 */
#ifndef TESTS_LANE_H
#define TESTS_LANE_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane_settings {
	uint64_t delay_ns;
	uint64_t jitter_ns;   /* the delay wanders by this, up and down */
	uint64_t rate_bits_s; /* 0: no limit */
	/* What may wait for the line, in the unit that was asked for. */
	enum {
		LANE_BYTES,
		LANE_TIME,
		LANE_BDP
	} queue_unit;
	double queue; /* bytes, nanoseconds, or rate * 2 * delay */
	double loss;  /* 0 to 1 */
	bool hole;    /* swallow everything, also what is under way */
};

struct lane_counters {
	uint64_t offered;
	uint64_t delivered;
	uint64_t delivered_bytes;
	uint64_t lost;	    /* by chance */
	uint64_t dropped;   /* the queue was full */
	uint64_t swallowed; /* by the hole */
	uint64_t late_max_ns;
};

STAILQ_HEAD(lane_packets, lane_packet);

struct lane {
	struct lane_settings settings;
	struct lane_counters counters;
	struct lane_packets packets;
	struct lane *line;   /* whose queue and rate it has; or its own */
	uint64_t seed;	     /* its own, among other lanes */
	uint64_t random;     /* the generator's state */
	uint64_t departs_ns; /* when the line has sent all it was given */
	uint64_t last_due_ns;
	uint64_t bend_ns; /* the delay wanders from a value there ... */
	int64_t bend_from_ns;
	int64_t bend_to_ns; /* ... to this one at the next bend */
};

void lane_init(struct lane *lane, uint64_t seed, uint64_t now_ns);
void lane_free(struct lane *lane);

/*
 * "delay=10ms", "jitter=2ms", "rate=50Mbit", "queue=64kB", "queue=20ms",
 * "queue=1.5bdp", "loss=0.5%" or "hole=on", at any time; packets under way
 * keep their times. "seed=1", 0 to 2^32 - 1, draws all chances from there on
 * anew, for two measures to meet the same ones: the lane's own seed and this
 * number decide them. 0, or -1 for anything else.
 */
int lane_set(struct lane *lane, const char *setting);

/*
 * From now on its packets wait for the line of another lane, in one queue with
 * that one's; the delay, the losses and the hole stay its own. The other lane
 * must have a line of its own, and live as long.
 */
void lane_share(struct lane *lane, struct lane *other);

/* What the queue takes, in bytes. */
double lane_queue_bytes(const struct lane_settings *settings);

/* A packet enters; its bytes are copied. */
void
lane_put(struct lane *lane, const uint8_t *data, size_t bytes, uint64_t now_ns);

/* When the next packet is due to leave, or UINT64_MAX. */
uint64_t lane_next_ns(const struct lane *lane);

/*
 * The next packet that is due by now, or NULL; lane_drop() is done with it.
 */
const uint8_t *lane_peek(struct lane *lane, uint64_t now_ns, size_t *bytes);
void lane_drop(struct lane *lane);

#endif
