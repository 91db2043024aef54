/*
 * Many datagrams with one system call: buffers for sendmmsg(2) and recvmmsg(2).
 */
#ifndef TESTS_BATCH_H
#define TESTS_BATCH_H

#include <sys/socket.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/endpoint.h"
#include "tests/payload.h"

#define BATCH_SIZE 32

struct batch {
	struct mmsghdr message[BATCH_SIZE];
	struct iovec part[BATCH_SIZE][2];
	struct sockaddr_storage address[BATCH_SIZE];
	uint8_t header[BATCH_SIZE][PAYLOAD_HEADER_BYTES];
	uint8_t control[BATCH_SIZE]
		       [CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(int))];
	size_t segment[BATCH_SIZE]; /* of received messages: of one datagram */
	uint8_t *buffer;	    /* of batch_receive() */
	unsigned int count;
	uint32_t kernel_drops; /* of the receiving socket, so far */
	uint64_t refused;      /* sends that met an ICMP error */
};

struct batch *batch_new(void);
void batch_free(struct batch *batch);

/* Append a datagram in two parts; the body's bytes are not copied. */
void batch_add(struct batch *batch, size_t header_bytes, const uint8_t *body,
    size_t body_bytes);

/* Send all and empty the batch. Waits for room; a refused one is sent again. */
void batch_send(struct batch *batch, int fd);

/*
 * From now on, the kernel cuts datagrams of so many bytes out of what is sent
 * (UDP_SEGMENT), or joins what arrives (UDP_GRO).
 */
void batch_cut_at(int fd, size_t bytes);
void batch_join(int fd);

/* Before batch_send(): as few messages as hold the same, for batch_cut_at(). */
void batch_gather(struct batch *batch, size_t bytes);

/* What is there now, up to BATCH_SIZE. The number, 0 for none. */
unsigned int batch_receive(struct batch *batch, int fd);

/* Into kernel_drops, also what was dropped behind the last that was received. */
void batch_count_drops(struct batch *batch, int fd);

/*
 * Message i of batch_receive(): datagrams of segment[i], the last is shorter.
 */
const uint8_t *
batch_message(const struct batch *batch, unsigned int i, size_t *bytes);

/* Turn what was received round: batch_send() returns it to its senders. */
void batch_reflect(struct batch *batch);

#endif
