/*
 * The way of a state from one engine to the next: a memfd that is sealed
 * against any change but its writer's, and the descriptors, over a
 * SOCK_SEQPACKET pair. It never lies on a disk. The writer keeps its mapping,
 * so that it can wipe the keys in it when they were read. It may be given before
 * anything stands in it: then both ends have its pages when it is written.
 */
#ifndef ENGINE_HANDOVER_H
#define ENGINE_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;

struct handover {
	int fd; /* the memfd, -1: none */
	bool given;
	uint8_t *bytes;
	size_t size; /* room, and of descriptors */
	int *fds;
	size_t fds_count;
};

/*
 * Make room for so many bytes and descriptors. 0, or -1 with errno. Free it in
 * either case.
 */
int handover_make(struct handover *handover, size_t size, size_t fds_count);

/* *state is for writing, from the beginning. */
void handover_begin(const struct handover *handover, struct state *state);

/* Seal it and give it, with nothing in it. 0, or -1 with errno. */
int handover_give(struct handover *handover, int socket);

/*
 * What the state says was written is all of it. Seal the memory and give it
 * where it was not given. Blocks; 0, or -1 with errno.
 */
int
handover_send(struct handover *handover, const struct state *state, int socket);

/*
 * Receive what was given or sent; *state is then for reading. First into one
 * of HANDOVER_NONE, then the other into the same. Blocks; 0, or -1 with errno:
 * EPROTO for what is none.
 */
#define HANDOVER_NONE    \
	{                \
		.fd = -1 \
	}
int
handover_receive(struct handover *handover, int socket, struct state *state);

/* The keys in what was written. */
void handover_wipe(struct handover *handover);

/* The descriptors that crossed are not closed: a reader has them, or ends. */
void handover_free(struct handover *handover);

#endif
