#include "tests/emulation.h"

#include <net/if.h>

#include <bsd/string.h>
#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lane.h"
#include "tests/pace.h"
#include "tests/tun.h"

#define NEAR 0
#define FAR 1
/* Work is done at most this often: a turn for each packet costs too much. */
#define QUANTUM_NS 100000
/* What one device may bring in a turn, so that the others get theirs. */
#define READ_BUDGET 256

/* lane[NEAR] goes from device[NEAR] to device[FAR], lane[FAR] back. */
struct link {
	char name[IFNAMSIZ];
	int device[2];
	struct lane lane[2];
};

static struct link links[EMULATION_LINKS_MAX];
static size_t links_count;

static const char *
lane_name(int side)
{
	return side == NEAR ? "up" : "down";
}

/* A setting for one lane or both. */
static int
set(struct link *link, const char *setting)
{
	char prefix[8];
	size_t length;
	int side;

	for (side = NEAR; side <= FAR; side++) {
		length = (size_t)snprintf(prefix, sizeof(prefix), "%s.",
		    lane_name(side));
		if (strncmp(setting, prefix, length) == 0)
			return lane_set(&link->lane[side], setting + length);
	}
	return lane_set(&link->lane[NEAR], setting) |
	    lane_set(&link->lane[FAR], setting);
}

/* "NAMESPACE:ADDRESS" is cut in two. */
static char *
cut_address(char *end)
{
	char *colon = strchr(end, ':');

	if (colon == NULL)
		errx(2, "%s: not NAMESPACE:ADDRESS", end);
	*colon = '\0';
	return colon + 1;
}

static void
open_devices(struct link *link, char *ends[2])
{
	char *address[2];
	int side;

	for (side = NEAR; side <= FAR; side++) {
		if (ends[side] == NULL)
			errx(2, "%s: needs near= and far=", link->name);
		address[side] = cut_address(ends[side]);
	}
	for (side = NEAR; side <= FAR; side++)
		link->device[side] = tun_open(ends[side], link->name,
		    address[side], address[!side]);
}

/* The two have one bottleneck, each way. */
static void
share(struct link *link, const char *name)
{
	for (struct link *other = links; other < link; other++) {
		if (strcmp(other->name, name) != 0)
			continue;
		for (int side = NEAR; side <= FAR; side++)
			lane_share(&link->lane[side], other->lane[side].line);
		return;
	}
	errx(2, "%s: no link %s before it", link->name, name);
}

void
emulation_add(const char *description)
{
	struct link *link = &links[links_count];
	char *words, *rest, *word, *ends[2] = { NULL, NULL };
	uint64_t seed = 2 * links_count;

	if (links_count++ == EMULATION_LINKS_MAX)
		errx(2, "more than %d links", EMULATION_LINKS_MAX);
	lane_init(&link->lane[NEAR], seed + 1, pace_now_ns());
	lane_init(&link->lane[FAR], seed + 2, pace_now_ns());
	words = rest = strdup(description);
	if (words == NULL)
		err(1, NULL);
	word = strsep(&rest, " ");
	if (strlcpy(link->name, word, sizeof(link->name)) >= sizeof(link->name))
		errx(2, "%s: the name is too long", word);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (strncmp(word, "near=", 5) == 0)
			ends[NEAR] = word + 5;
		else if (strncmp(word, "far=", 4) == 0)
			ends[FAR] = word + 4;
		else if (strncmp(word, "line=", 5) == 0)
			share(link, word + 5);
		else if (*word != '\0' && set(link, word) == -1)
			errx(2, "%s: %s: not a setting", link->name, word);
	}
	open_devices(link, ends);
	free(words);
}

/* --- commands --------------------------------------------------------------- */

static size_t
describe(const struct link *link, int side, char *text, size_t size)
{
	const struct lane *lane = &link->lane[side];
	const struct lane_counters *counters = &lane->counters;

	return (size_t)snprintf(text, size,
	    "%s %s offered=%" PRIu64 " delivered=%" PRIu64 " bytes=%" PRIu64
	    " lost=%" PRIu64 " dropped=%" PRIu64 " swallowed=%" PRIu64
	    " queue_bytes=%.0f late_max_ms=%.3f\n",
	    link->name, lane_name(side), counters->offered, counters->delivered,
	    counters->delivered_bytes, counters->lost, counters->dropped,
	    counters->swallowed, lane_queue_bytes(&lane->line->settings),
	    (double)counters->late_max_ns / 1e6);
}

static void
describe_all(char *answer)
{
	size_t used = 0, i;
	int side;

	*answer = '\0';
	for (i = 0; i < links_count; i++)
		for (side = NEAR; side <= FAR; side++)
			if (used < EMULATION_ANSWER_MAX)
				used += describe(&links[i], side, answer + used,
				    EMULATION_ANSWER_MAX - used);
}

static bool
set_all(const char *name, const char *setting, char *answer)
{
	bool found = false;
	size_t i;

	for (i = 0; i < links_count; i++) {
		if (strcmp(name, "all") != 0 &&
		    strcmp(name, links[i].name) != 0)
			continue;
		found = true;
		if (set(&links[i], setting) == -1) {
			snprintf(answer, EMULATION_ANSWER_MAX,
			    "error: %s: not a setting\n", setting);
			return false;
		}
	}
	if (!found)
		snprintf(answer, EMULATION_ANSWER_MAX, "error: no link %s\n",
		    name);
	return found;
}

void
emulation_command(char *command, char answer[EMULATION_ANSWER_MAX])
{
	char *name, *setting;

	name = strsep(&command, " ");
	if (strcmp(name, "status") == 0) {
		describe_all(answer);
		return;
	}
	while ((setting = strsep(&command, " ")) != NULL)
		if (*setting != '\0' && !set_all(name, setting, answer))
			return;
	strlcpy(answer, "ok\n", EMULATION_ANSWER_MAX);
}

/* --- packets ---------------------------------------------------------------- */

static void
take_in(struct link *link, int side, uint64_t now_ns)
{
	uint8_t packet[TUN_PACKET_MAX];
	size_t bytes;
	int i;

	for (i = 0; i < READ_BUDGET; i++) {
		bytes = tun_read(link->device[side], packet);
		if (bytes == 0)
			return;
		lane_put(&link->lane[side], packet, bytes, now_ns);
	}
}

static void
let_out(struct link *link, int side, uint64_t now_ns)
{
	const uint8_t *packet;
	size_t bytes;

	while (
	    (packet = lane_peek(&link->lane[side], now_ns, &bytes)) != NULL) {
		tun_write(link->device[!side], packet, bytes);
		lane_drop(&link->lane[side]);
	}
}

/* What came out of the far device may already be due: a link without delay. */
static void
carry(const struct pollfd *polled)
{
	uint64_t now_ns = pace_now_ns();
	size_t i;
	int side;

	for (i = 0; i < links_count; i++)
		for (side = NEAR; side <= FAR; side++)
			if (polled[2 * i + (size_t)side].revents != 0)
				take_in(&links[i], side, now_ns);
	for (i = 0; i < links_count; i++)
		for (side = NEAR; side <= FAR; side++)
			let_out(&links[i], side, now_ns);
}

static uint64_t
next_ns(void)
{
	uint64_t least = UINT64_MAX, next;
	size_t i;
	int side;

	for (i = 0; i < links_count; i++) {
		for (side = NEAR; side <= FAR; side++) {
			next = lane_next_ns(&links[i].lane[side]);
			if (next < least)
				least = next;
		}
	}
	return least;
}

static void
wait_turn(struct pollfd *polled, nfds_t count)
{
	uint64_t now_ns = pace_now_ns(), due_ns = next_ns(), ns = 0;
	struct timespec time;

	if (due_ns > now_ns)
		ns = due_ns - now_ns;
	time.tv_sec = (time_t)(ns / 1000000000);
	time.tv_nsec = (long)(ns % 1000000000);
	if (ppoll(polled, count, due_ns == UINT64_MAX ? NULL : &time, NULL) ==
	    -1)
		err(1, "ppoll");
}

void
emulation_run(int end_fd, int command_fd, void (*serve)(int command_fd))
{
	struct pollfd polled[2 * EMULATION_LINKS_MAX + 2];
	nfds_t count = 2 * links_count;
	size_t i;

	for (i = 0; i < count; i++)
		polled[i].fd = links[i / 2].device[i % 2];
	polled[count].fd = end_fd;
	polled[count + 1].fd = command_fd;
	for (i = 0; i < count + 2; i++)
		polled[i].events = POLLIN;
	for (;;) {
		wait_turn(polled, count + 2);
		if (polled[count].revents != 0)
			break;
		if (polled[count + 1].revents != 0)
			serve(command_fd);
		carry(polled);
		pace_sleep_ns(QUANTUM_NS);
	}
	for (i = 0; i < count; i++)
		lane_free(&links[i / 2].lane[i % 2]);
}
