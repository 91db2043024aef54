/*
 * Frames of a peer whose key is good and who means ill: pure, and the same
 * again from the same seed.
 */
#ifndef TESTS_MALICE_H
#define TESTS_MALICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_policy;

struct malice {
	uint64_t state;	   /* of the random numbers */
	bool connector;	   /* it speaks as one */
	bool tagged;	   /* CLIENTS stands for DATA */
	int only;	   /* what it costs most to hear; 0: all kinds */
	uint64_t sequence; /* behind what was sent last */
	uint64_t serial;   /* of POLICY */
};

/* Kinds of which a storm can be made; -1: there is none of that name. */
int malice_parse(const char *name);

uint64_t malice_random(struct malice *malice);
/* Below a limit. */
size_t malice_below(struct malice *malice, size_t limit);

/* A policy such as OPEN may carry. */
void malice_policy(struct malice *malice, struct frame_policy *policy);

/*
 * The next frame, into plain of FRAME_PLAIN_MAX bytes; its length. A fair one
 * is as socktopus-protocol(7) has it, with the worst values that it permits: no
 * path ends by it. A foul one is malformed, out of place, or neither.
 */
size_t malice_fair(struct malice *malice, uint8_t *plain);
size_t malice_foul(struct malice *malice, uint8_t *plain);

#endif
