/*
 * The way of a state from one engine to the next: a memfd that is sealed
 * against any change but its writer's, and the descriptors, over a
 * SOCK_SEQPACKET pair. It never lies on a disk. The writer keeps its mapping,
 * so that it can wipe the keys in it when they were read.
 */
#ifndef ENGINE_HANDOVER_H
#define ENGINE_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

struct state;

struct handover {
	int fd; /* the memfd, -1: none */
	uint8_t *bytes;
	size_t size;
	int *fds;
	size_t fds_count;
};

/*
 * Make room for what was measured; *state is then for writing. 0, or -1 with
 * errno. Free it in either case.
 */
int handover_make(struct handover *handover, const struct state *measured,
    struct state *state);

/* Seal and send it. Blocks; 0, or -1 with errno. */
int handover_send(struct handover *handover, int socket);

/*
 * Receive one; *state is then for reading. Blocks; 0, or -1 with errno: EPROTO
 * for what is none.
 */
int
handover_receive(struct handover *handover, int socket, struct state *state);

/* The keys in what was written. */
void handover_wipe(struct handover *handover);

/* The descriptors that crossed are not closed: a reader has them, or ends. */
void handover_free(struct handover *handover);

#endif
