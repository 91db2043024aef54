/*
 * The loops of tests/dgram: send, take in, send back, and measure round trips.
 */
#ifndef TESTS_FLOW_H
#define TESTS_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/endpoint.h"
#include "tests/limit.h"
#include "tests/pace.h"
#include "tests/payload.h"

struct flow {
	struct endpoint endpoint;
	struct payload_sizes sizes;
	struct pace pace;
	uint64_t seed;
	struct limit limit;
	bool joins;	    /* leave cutting and joining to the kernel */
	double warm_s;	    /* sink: measure only after so long */
	const char *series; /* sink: its file, or NULL */
	uint64_t rest_at;   /* sink: SIGSTOP itself after so many, 0: never */
};

/*
 * Each prints `port=` (its own), works until its limit, SIGINT or SIGTERM, and
 * prints its report as key=value lines. Returns the exit status: 0, or 1 when
 * something arrived corrupt or less arrived than count.
 */
int flow_send(const struct flow *flow);
int flow_sink(const struct flow *flow);
int flow_echo(const struct flow *flow);
int flow_ping(const struct flow *flow);

#endif
