/*
 * What one process leaves to the next in an upgrade, as bytes. One description
 * of a structure serves both ways: it is written by the old process and read
 * by the new one, field by field, in the same order, so what is added to a
 * structure costs one line. Pure: no system calls.
 *
 * Numbers stand as they do in memory: both processes run on one machine. Every
 * length is checked, and every byte is read once, into private memory, before
 * it is looked at. What does not fit makes the state broken for good: from then
 * on numbers read as 0, texts as empty.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Of everything that crosses, shm/layout.h, spawn.h and keeper.h too. Goes
 * up with any change of any description.
 */
#ifndef STATE_VERSION
#define STATE_VERSION 15
#endif

enum state_way {
	STATE_MEASURE, /* as STATE_WRITE, to know the size */
	STATE_WRITE,
	STATE_READ
};

struct state {
	enum state_way way;
	uint8_t *bytes; /* NULL for STATE_MEASURE; only read by STATE_READ */
	size_t size;
	size_t at;
	bool broken;
	/* Descriptors cross beside the bytes, in the order of their mention. */
	int *fds; /* NULL for STATE_MEASURE; read: -1 once it was taken */
	size_t fds_count;
	size_t fds_at;
};

/* Any integer. */
#define STATE_NUMBER(state, number) \
	state_bytes((state), &(number), sizeof(number))

/* An enum of the values 0 to last. */
#define STATE_CHOICE(state, choice, last)                         \
	do {                                                      \
		uint32_t value_ = (uint32_t)(choice);             \
		state_choice((state), &value_, (uint32_t)(last)); \
		if ((state)->way == STATE_READ)                   \
			(choice) = value_;                        \
	} while (0)

void state_bytes(struct state *state, void *bytes, size_t count);
void state_flag(struct state *state, bool *flag);
void state_choice(struct state *state, uint32_t *choice, uint32_t last);
/* A string in an array of size bytes. */
void state_text(struct state *state, char *text, size_t size);
/* Of IPv4, IPv6, a path or none. */
void state_address(struct state *state, struct sockaddr_storage *address);

/* How many of something follow, most at most: count when written. */
size_t state_count(struct state *state, size_t count, size_t most);

/*
 * A descriptor, or -1 for none. What is read belongs to the reader; what
 * nobody has read stays in fds.
 */
void state_fd(struct state *state, int *fd);

/*
 * Bytes in place: where to write them to (NULL when measuring), or to read them
 * from, once. NULL too where there are not so many.
 */
uint8_t *state_span(struct state *state, size_t count);

/* The first thing: false, and broken, where it is another version's. */
bool state_begin(struct state *state);
/* The last one: true if nothing was amiss and, read, all was used up. */
bool state_end(struct state *state);

/* Something read cannot be. */
void state_break(struct state *state);

#endif
