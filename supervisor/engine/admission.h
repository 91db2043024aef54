/*
 * How many strangers the gate bears: connections whose handshake is awaited,
 * in all and by source, and how many first messages are looked at in a second.
 * Pure: the clock and the random bits are arguments.
 */
#ifndef ENGINE_ADMISSION_H
#define ENGINE_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr_storage;

/*
 * From the first number on some are dropped at random, 30 % and then ever
 * more, so that one who fills the slots cannot be sure to keep others out.
 */
#define ADMISSION_EARLY_START 16
#define ADMISSION_EARLY_PERCENT 30
#define ADMISSION_PENDING_MAX 64
/* Of one IPv4 address, or one /64 of IPv6. */
#define ADMISSION_SOURCE_MAX 8
/* In the long run, and that many at once. */
#define ADMISSION_HELLOS_PER_S 200
/*
 * A message that verifies may be a replay, and costs a worker: well below what
 * the supervisor starts in a second, or real ones would queue behind them.
 */
#define ADMISSION_WORKERS_PER_S 100
#define ADMISSION_WORKERS_BURST 128

/* First messages that have verified, the last ones: see admission_repeats(). */
#define ADMISSION_SEEN_MAX 512

enum admission_result {
	ADMISSION_YES,
	ADMISSION_FULL,
	ADMISSION_EARLY,
	ADMISSION_SOURCE,
	ADMISSION_RATE
};

struct admission_source {
	uint16_t family;
	uint8_t prefix[8];
};

/* All zeros to begin with. */
struct admission {
	size_t pending;
	struct {
		struct admission_source source;
		unsigned int count; /* 0: the entry is free */
	} sources[ADMISSION_PENDING_MAX];
	uint64_t hello_debt_us; /* the time that first messages used up */
	uint64_t worker_debt_us;
	uint64_t seen[ADMISSION_SEEN_MAX];
	size_t seen_next;
	uint64_t quiet_until_us;
	uint64_t unsaid;
};

/*
 * A connection is to wait for its first message; random is any 32 random bits.
 * On ADMISSION_YES *source is for admission_leave(), once it waits no more. An
 * IPv4 address is not to come mapped into IPv6.
 */
enum admission_result admission_enter(struct admission *admission,
    const struct sockaddr_storage *address, uint32_t random,
    struct admission_source *source);
void admission_leave(struct admission *admission,
    const struct admission_source *source);

/* A whole first message is there: may it cost us a handshake? */
enum admission_result
admission_hello(struct admission *admission, uint64_t now_us);

/* Is half used up of what there is for first messages, or for workers? */
bool admission_is_pressed(const struct admission *admission, uint64_t now_us);

/*
 * While there are many first messages, one that was here before is not worth a
 * handshake: a recording that is played over and over keeps nobody out. With
 * few, it could be a copy that has overtaken the honest one. mark is 64 bits of
 * the message's ephemeral key; what verified is remembered by
 * admission_remember().
 */
bool admission_repeats(const struct admission *admission, uint64_t mark);
void admission_remember(struct admission *admission, uint64_t mark);

/* It verified: may it have a worker? */
enum admission_result
admission_worker(struct admission *admission, uint64_t now_us);

/*
 * May a line about a stranger be logged: one in a second. If so, *unsaid gets
 * the number of those that were not since the last one.
 */
bool admission_may_log(struct admission *admission, uint64_t now_us,
    uint64_t *unsaid);

/* True when lines were left out and a second has passed. */
bool admission_owes_log(const struct admission *admission, uint64_t now_us);

/* Why not, for a log line. */
const char *admission_words(enum admission_result result);

#endif
