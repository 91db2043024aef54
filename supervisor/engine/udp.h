/*
 * The tunnel's UDP socket, and batches in (recvmmsg, UDP_GRO), with the
 * kernel's drops counted (SO_MEMINFO). Batches out are in udp_send.h.
 */
#ifndef ENGINE_UDP_H
#define ENGINE_UDP_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"

struct sources;
struct udp_batch;

struct udp {
	int fd;			 /* non-blocking; -1 when closed */
	struct sources *sources; /* who sends; NULL: fd is connected */
	const struct sockaddr_storage *to; /* whom udp_send() is for; */
	socklen_t to_length;		   /* NULL: fd is connected */
	bool gso;      /* UDP_SEGMENT works on this socket */
	bool gso_lost; /* EIO took it away; the owner logs, clears */
	bool gro;
	int queue_bytes;	/* udp_limit_queue(), 0: not limited yet */
	uint32_t typical_bytes; /* of a message, smoothed */
	unsigned int expected;	/* messages at the next receive */
	uint32_t overflow;	/* the last drop counter seen; it wraps */
	uint64_t received;	/* datagrams taken from the kernel */
	uint64_t kernel_drops;	/* what the kernel had no room for; datagrams
				 * that arrived joined count as one */
	uint64_t strangers;	/* from whom we do not know */
	uint64_t crowded;	/* of them, with as many clients as may be */
	uint64_t nobody;	/* for whom we do not know */
	uint64_t no_room;	/* the same while it was starved */
	bool starved;		/* its owner's: not read, on purpose */
	uint64_t oversize;	/* longer than FRAME_DATAGRAM_MAX (IPv6 only) */
	uint64_t sent;		/* datagrams handed to the kernel */
	uint64_t refused;	/* datagrams the kernel did not take */
	uint64_t unreachable;	/* errors that came back for datagrams already
				 * handed over: nobody listens */
};

/*
 * Bind to pair->local and connect to pair->remote, so that only the one
 * application is heard; not if that is to be learned. Returns the descriptor
 * (close-on-exec, non-blocking), or -1 with errno. Also called by the parent
 * before privileges are dropped.
 * An IPv6 socket carries IPv6 only.
 */
int udp_bind(const struct address_pair *pair);

/* Take over a descriptor of udp_bind() and set its options. */
void udp_init(struct udp *udp, int fd);

/*
 * So many bytes of datagrams like those of late may wait in the kernel from
 * now on, 64 KiB at least with what the kernel adds. A socket that is not read
 * fast enough is always full, so this is a delay for every datagram.
 */
void udp_limit_queue(struct udp *udp, uint64_t bytes);

void udp_close(struct udp *udp);

/* Have the kernel tell when each message arrived. 0, or -1 with errno. */
int udp_stamp(struct udp *udp);

enum udp_result {
	UDP_OK,	   /* the batch may still be empty */
	UDP_NONE,  /* would block */
	UDP_FAILED /* errno; the socket is unusable */
};

/*
 * Fill an empty batch with one system call, with fewer of long messages, so
 * that they are still in the processor's cache when they are used. Of strangers
 * to the sources nothing is taken. Errors of the far application
 * (ECONNREFUSED from an ICMP message) are counted and skipped.
 */
enum udp_result udp_receive(struct udp *udp, struct udp_batch *batch);

/* Bring kernel_drops, or no_room while it is starved, up to date. */
void udp_count_drops(struct udp *udp);

/* True for an errno that ICMP brought: the socket itself is well. */
bool udp_error_is_far(int error);

#endif
