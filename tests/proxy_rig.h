/*
 * Both ends of a talk with a proxy, without one: what it answers is given, in
 * pieces of any size, and what it is asked is kept.
 */
#ifndef TESTS_PROXY_RIG_H
#define TESTS_PROXY_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "worker/proxy.h"

#define PROXY_RIG_SENT_MAX 4096

struct proxy_rig {
	struct proxy proxy;
	struct job_hop via;
	enum proxy_result result;
	uint8_t sent[PROXY_RIG_SENT_MAX];
	size_t sent_bytes;
	size_t fed_bytes; /* of the answer */
};

/* address may be NULL: a literal that the host was resolved to. */
void
proxy_rig_begin(struct proxy_rig *rig, enum hop_kind kind, const char *user,
    const char *password, const char *host, uint32_t port, const char *address);

/*
 * Feed the answer until the machine has come to an end or has it all: first
 * bytes in the first piece, then piece bytes in each. Aborts where the machine
 * breaks its contract.
 */
void proxy_rig_feed(struct proxy_rig *rig, const void *answer, size_t bytes,
    size_t first, size_t piece);

/* How much of the answer was taken for one. */
size_t proxy_rig_consumed(const struct proxy_rig *rig);

#endif
