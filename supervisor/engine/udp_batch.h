/*
 * The datagrams that one receive brought, until each is used up. Messages may
 * be several of a size that the kernel joined. Pure.
 */
#ifndef ENGINE_UDP_BATCH_H
#define ENGINE_UDP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UDP_BATCH 64
#define UDP_SLOT_BYTES 65536
/* An odd number of cache lines, or all slots would begin in the same set. */
#define UDP_SLOT_STRIDE ((size_t)UDP_SLOT_BYTES + 23 * 64)

/* What one receive brought; owned by the tunnel, kept until used up. */
struct udp_batch {
	uint8_t *arena; /* UDP_BATCH slots, mapped lazily */
	struct {
		uint32_t slot;
		uint32_t length;
		uint64_t arrived_us; /* Unix time; 0: unknown */
		uint32_t segment;    /* datagram size inside; == length
					 * unless GRO joined several */
		uint16_t client;     /* of the sources, or 0 */
	} message[UDP_BATCH];
	unsigned int count; /* messages */
	unsigned int next;  /* the message that is being used up */
	uint32_t offset;    /* in it */
	bool more; /* it got as many as it asked for: there may be more */
};

/* Map an empty batch. 0, or -1 with errno. */
int udp_batch_init(struct udp_batch *batch);
void udp_batch_free(struct udp_batch *batch);

/* Empty it, before it is filled. */
void udp_batch_clear(struct udp_batch *batch);

/* Where a message of UDP_SLOT_BYTES has room. */
static inline uint8_t *
udp_batch_slot(const struct udp_batch *batch, unsigned int slot)
{
	return batch->arena + slot * UDP_SLOT_STRIDE;
}

/* True when every datagram has been used. */
bool udp_batch_empty(const struct udp_batch *batch);

/* How many datagrams are in a message, or in what is left of one. */
uint64_t udp_batch_datagrams(uint32_t length, uint32_t segment);

/* How many have not. */
uint64_t udp_batch_left(const struct udp_batch *batch);

/* The next datagram, NULL when the batch is used up; advance with _take. */
const uint8_t *udp_batch_peek(const struct udp_batch *batch, size_t *bytes);
void udp_batch_take(struct udp_batch *batch);

/* Whose the next datagram is; there is one. */
static inline uint16_t
udp_batch_client(const struct udp_batch *batch)
{
	return batch->message[batch->next].client;
}

/* When the next datagram arrived, in Unix time; 0 without udp_stamp(). */
uint64_t udp_batch_arrived_us(const struct udp_batch *batch);

#endif
