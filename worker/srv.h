/*
 * SRV records (RFC 2782): from the name of a service to the hosts and ports
 * that offer it, and their order.
 */
#ifndef WORKER_SRV_H
#define WORKER_SRV_H

#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"

#define SRV_TARGETS_MAX 32

struct srv_target {
	uint16_t priority;
	uint16_t weight;
	uint16_t port;
	char host[MESSAGE_HOST_MAX];
};

struct srv_list {
	size_t count;
	struct srv_target item[SRV_TARGETS_MAX];
};

/*
 * Read a server's answer, whatever it holds. Returns 0 and at least one target,
 * or an error of getaddrinfo(3).
 */
int srv_read(const uint8_t *answer, size_t bytes, struct srv_list *list);

/*
 * Replace the name of a service by the target of this number, in the order of
 * the seed; beyond the last one it begins again. It asks the system's resolver,
 * and blocks as long as that does. Returns 0 or an error of getaddrinfo(3).
 */
int srv_choose(char host[MESSAGE_HOST_MAX], uint32_t *port, uint32_t number,
    uint32_t seed);

/*
 * Into the order in which to try them: by priority, and drawn by weight among
 * equals. The same seed and targets give the same order.
 */
void srv_order(struct srv_list *list, uint32_t seed);

#endif
