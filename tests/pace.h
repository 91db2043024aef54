/*
 * When the next datagram is due, for a rate in datagrams or bits a second.
 */
#ifndef TESTS_PACE_H
#define TESTS_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pace {
	double per_second; /* 0: always due */
	bool bits;	   /* of payload; else datagrams */
	double next_ns;
};

uint64_t pace_now_ns(void); /* CLOCK_MONOTONIC */

/* "5000", "100k", "2M" datagrams; "50Mbit", "1Gbit" bits. 0, or -1. */
int pace_parse(const char *text, struct pace *pace);

void pace_start(struct pace *pace, uint64_t now_ns);

/* Nanoseconds until the next datagram is due; 0: now. */
uint64_t pace_wait_ns(const struct pace *pace, uint64_t now_ns);

/*
 * A datagram of so many bytes goes out now. A sender that fell far behind does
 * not make up for all of it: that would be a burst that nobody asked for.
 */
void pace_spend(struct pace *pace, uint64_t now_ns, size_t bytes);

/* Sleep; a signal ends it early. */
void pace_sleep_ns(uint64_t ns);

#endif
