/*
 * Connections whose first message has verified and whose worker has to wait for
 * its turn, since only so many are started in a second: many who come back at
 * once need not dial again for that. Of one key in the order in which they
 * came; the keys take turns, so that one with many does not hold up one with
 * few.
 */
#ifndef ENGINE_NEWCOMERS_H
#define ENGINE_NEWCOMERS_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/engine/frame.h"

struct engine_peer;
struct noise_handshake;

#define NEWCOMERS_MAX 512
/* Message 1 can be replayed: of one key no more than so many. */
#define NEWCOMERS_KEY_MAX 96
/* Less than a connector waits for message 2. */
#define NEWCOMERS_WAIT_US UINT64_C(8000000)

struct newcomer {
	TAILQ_ENTRY(newcomer) entry;
	int fd;
	const struct engine_peer *peer;
	struct noise_handshake *handshake;
	struct frame_hello1 hello;
	uint64_t limit_us; /* these two are set here */
	uint64_t turn; /* those of its key before it, since it began to wait */
	char name[ADDRESS_TEXT_MAX];
};

struct newcomers {
	TAILQ_HEAD(, newcomer) list; /* by turn */
	size_t count;
};

void newcomers_init(struct newcomers *newcomers);

/*
 * One more, copied; its descriptor and handshake are taken over. False: there
 * is no room, and they stay the caller's.
 */
bool newcomers_add(struct newcomers *newcomers, const struct newcomer *one,
    uint64_t now_us);

/* Drop those that have waited for too long. */
void newcomers_expire(struct newcomers *newcomers, uint64_t now_us);

/* Off the list; it is the caller's now, to be freed. */
void newcomers_remove(struct newcomers *newcomers, struct newcomer *one);

/*
 * Is the connection there, and has it kept silent, as it must until message 2?
 */
bool newcomers_is_there(const struct newcomer *one);
void newcomers_drop(struct newcomers *newcomers, struct newcomer *one);

/* Drop all of them. */
void newcomers_clear(struct newcomers *newcomers);

#endif
