#include "tests/lane.h"

#include <bsd/stdlib.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1e9
#define BITS 8

struct lane_packet {
	STAILQ_ENTRY(lane_packet) entry;
	uint64_t due_ns;
	size_t bytes;
	uint8_t data[];
};

/* splitmix64: enough for chances, and any seed will do. */
static uint64_t
draw(struct lane *lane)
{
	uint64_t value;

	value = lane->random += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

/* 0 to just below 1. */
static double
draw_chance(struct lane *lane)
{
	return (double)(draw(lane) >> 11) * 0x1p-53;
}

void
lane_init(struct lane *lane, uint64_t seed, uint64_t now_ns)
{
	memset(lane, 0, sizeof(*lane));
	lane->settings.queue_unit = LANE_BDP;
	lane->settings.queue = 1;
	lane->line = lane;
	lane->seed = lane->random = seed;
	lane->bend_ns = now_ns;
	STAILQ_INIT(&lane->packets);
}

void
lane_free(struct lane *lane)
{
	while (!STAILQ_EMPTY(&lane->packets))
		lane_drop(lane);
}

void
lane_share(struct lane *lane, struct lane *other)
{
	lane->line = other;
}

static double
transmission_ns(const struct lane_settings *settings, double bytes)
{
	if (settings->rate_bits_s == 0)
		return 0;
	return bytes * BITS * NS_PER_S / (double)settings->rate_bits_s;
}

double
lane_queue_bytes(const struct lane_settings *settings)
{
	double bytes_ns = (double)settings->rate_bits_s / BITS / NS_PER_S;

	switch (settings->queue_unit) {
	case LANE_BYTES:
		break;
	case LANE_TIME:
		return settings->queue * bytes_ns;
	case LANE_BDP:
		return settings->queue * bytes_ns * 2 *
		    (double)settings->delay_ns;
	}
	return settings->queue;
}

/*
 * Jitter that differs from packet to packet would, in a line where nothing
 * overtakes, only stretch the delay to its maximum. So the delay goes in
 * straight lines from one random value to the next, no steeper than half a
 * millisecond in a millisecond, and no packet ever has to wait for another.
 */
static int64_t
wander_ns(struct lane *lane, uint64_t now_ns)
{
	uint64_t jitter_ns = lane->settings.jitter_ns;
	uint64_t span_ns = 4 * jitter_ns;

	if (jitter_ns == 0)
		return 0;
	if (now_ns - lane->bend_ns >= 2 * span_ns)
		lane->bend_ns = now_ns - span_ns;
	if (now_ns - lane->bend_ns >= span_ns) {
		lane->bend_ns += span_ns;
		lane->bend_from_ns = lane->bend_to_ns;
		lane->bend_to_ns = (int64_t)((2 * draw_chance(lane) - 1) *
		    (double)jitter_ns);
	}
	return lane->bend_from_ns +
	    (int64_t)((double)(lane->bend_to_ns - lane->bend_from_ns) *
		(double)(now_ns - lane->bend_ns) / (double)span_ns);
}

static uint64_t
due_ns(struct lane *lane)
{
	int64_t delay_ns = (int64_t)lane->settings.delay_ns +
	    wander_ns(lane, lane->line->departs_ns);
	uint64_t due = lane->line->departs_ns +
	    (uint64_t)(delay_ns > 0 ? delay_ns : 0);

	/* Also a delay that was made shorter lets nothing overtake. */
	if (due < lane->last_due_ns)
		due = lane->last_due_ns;
	lane->last_due_ns = due;
	return due;
}

/* Put it behind what waits for the line. False: the queue is full. */
static bool
join_queue(struct lane *line, size_t bytes, uint64_t now_ns)
{
	const struct lane_settings *settings = &line->settings;
	double waits_ns = 0, most_ns;

	if (line->departs_ns > now_ns)
		waits_ns = (double)(line->departs_ns - now_ns);
	else
		line->departs_ns = now_ns;
	most_ns = transmission_ns(settings, lane_queue_bytes(settings));
	/* The one that the line is busy with is not in the queue. */
	if (waits_ns > most_ns && waits_ns > 0)
		return false;
	line->departs_ns += (uint64_t)transmission_ns(settings, (double)bytes);
	return true;
}

static void
append(struct lane *lane, const uint8_t *data, size_t bytes)
{
	struct lane_packet *packet;

	packet = malloc(sizeof(*packet) + bytes);
	if (packet == NULL)
		err(1, NULL);
	packet->due_ns = due_ns(lane);
	packet->bytes = bytes;
	memcpy(packet->data, data, bytes);
	STAILQ_INSERT_TAIL(&lane->packets, packet, entry);
}

void
lane_put(struct lane *lane, const uint8_t *data, size_t bytes, uint64_t now_ns)
{
	lane->counters.offered++;
	if (lane->settings.hole)
		lane->counters.swallowed++;
	else if (draw_chance(lane) < lane->settings.loss)
		lane->counters.lost++;
	else if (!join_queue(lane->line, bytes, now_ns))
		lane->counters.dropped++;
	else
		append(lane, data, bytes);
}

uint64_t
lane_next_ns(const struct lane *lane)
{
	const struct lane_packet *packet = STAILQ_FIRST(&lane->packets);

	return packet == NULL ? UINT64_MAX : packet->due_ns;
}

const uint8_t *
lane_peek(struct lane *lane, uint64_t now_ns, size_t *bytes)
{
	struct lane_packet *packet;

	while ((packet = STAILQ_FIRST(&lane->packets)) != NULL &&
	    packet->due_ns <= now_ns) {
		if (lane->settings.hole) {
			lane->counters.swallowed++;
			lane_drop(lane);
			continue;
		}
		if (now_ns - packet->due_ns > lane->counters.late_max_ns)
			lane->counters.late_max_ns = now_ns - packet->due_ns;
		lane->counters.delivered++;
		lane->counters.delivered_bytes += packet->bytes;
		*bytes = packet->bytes;
		return packet->data;
	}
	return NULL;
}

void
lane_drop(struct lane *lane)
{
	struct lane_packet *packet = STAILQ_FIRST(&lane->packets);

	STAILQ_REMOVE_HEAD(&lane->packets, entry);
	free(packet);
}

static int
parse_quantity(const char *text, double *value, const char **unit)
{
	char *end;

	*value = strtod(text, &end);
	*unit = end;
	return end != text && *value >= 0 && *value < 1e15 ? 0 : -1;
}

static int
parse_time(const char *text, uint64_t *ns)
{
	const char *unit;
	double value;

	if (parse_quantity(text, &value, &unit) == -1)
		return -1;
	if (strcmp(unit, "us") == 0)
		value /= 1000;
	else if (strcmp(unit, "s") == 0)
		value *= 1000;
	else if (strcmp(unit, "ms") != 0)
		return -1;
	*ns = (uint64_t)(value * 1e6);
	return 0;
}

static int
set_delay(struct lane *lane, const char *text)
{
	return parse_time(text, &lane->settings.delay_ns);
}

static int
set_jitter(struct lane *lane, const char *text)
{
	return parse_time(text, &lane->settings.jitter_ns);
}

static int
set_rate(struct lane *lane, const char *text)
{
	const char *unit;
	double value;

	if (parse_quantity(text, &value, &unit) == -1)
		return -1;
	if (strcmp(unit, "kbit") == 0)
		value *= 1e3;
	else if (strcmp(unit, "Mbit") == 0)
		value *= 1e6;
	else if (strcmp(unit, "Gbit") == 0)
		value *= 1e9;
	else if (strcmp(text, "0") != 0)
		return -1;
	lane->settings.rate_bits_s = (uint64_t)value;
	return 0;
}

static int
set_queue(struct lane *lane, const char *text)
{
	struct lane_settings *settings = &lane->settings;
	const char *unit;
	double value;

	if (parse_quantity(text, &value, &unit) == -1)
		return -1;
	settings->queue_unit = LANE_BYTES;
	if (strcmp(unit, "bdp") == 0) {
		settings->queue_unit = LANE_BDP;
	} else if (strcmp(unit, "ms") == 0) {
		settings->queue_unit = LANE_TIME;
		value *= 1e6;
	} else if (strcmp(unit, "kB") == 0) {
		value *= 1000;
	} else if (strcmp(unit, "B") != 0) {
		return -1;
	}
	settings->queue = value;
	return 0;
}

static int
set_loss(struct lane *lane, const char *text)
{
	const char *unit;
	double value;

	if (parse_quantity(text, &value, &unit) == -1 || value > 100 ||
	    strcmp(unit, "%") != 0)
		return -1;
	lane->settings.loss = value / 100;
	return 0;
}

static int
set_hole(struct lane *lane, const char *text)
{
	lane->settings.hole = strcmp(text, "on") == 0;
	return lane->settings.hole || strcmp(text, "off") == 0 ? 0 : -1;
}

static int
set_seed(struct lane *lane, const char *text)
{
	const char *error;
	uint64_t number = (uint64_t)strtonum(text, 0, UINT32_MAX, &error);

	if (error != NULL)
		return -1;
	lane->random = number << 32 ^ lane->seed;
	return 0;
}

int
lane_set(struct lane *lane, const char *setting)
{
	static const struct {
		const char *key;
		int (*set)(struct lane *lane, const char *text);
	} keys[] = { { "delay=", set_delay }, { "jitter=", set_jitter },
		{ "rate=", set_rate }, { "queue=", set_queue },
		{ "loss=", set_loss }, { "hole=", set_hole },
		{ "seed=", set_seed } };
	size_t i, length;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		length = strlen(keys[i].key);
		if (strncmp(setting, keys[i].key, length) == 0)
			return keys[i].set(lane, setting + length);
	}
	return -1;
}
