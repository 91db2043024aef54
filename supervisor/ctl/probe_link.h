/*
 * One probed connection: dialled by a worker, and from message 2 on a session
 * with the listener in which only PING, PONG, CLOSE and padding are spoken. It
 * never sends OPEN, so that the listener binds nothing for it.
 */
#ifndef CTL_PROBE_LINK_H
#define CTL_PROBE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"
#include "supervisor/address.h"
#include "supervisor/engine/channel.h"
#include "supervisor/engine/key.h"

struct noise_cipher;
struct noise_handshake;
struct noise_identity;

#define PROBE_WORDS_MAX 512
#define PROBE_STEPS_MAX 32
#define PROBE_LINKS_MAX 32

/* What is probed, and with which keys. */
struct probe_target {
	struct address_uri hops[MESSAGE_HOPS_MAX];
	size_t hops_count;
	struct address_service destination; /* port 0: none */
	struct noise_identity *identity;    /* NULL: no handshake */
	uint8_t peer[KEY_BYTES];
	uint8_t psk[KEY_BYTES];
};

struct probe_step {
	enum event_stage stage;
	uint32_t hop;
	uint64_t began_us;
	uint64_t took_us; /* 0: not over */
};

/* What PONGs told since the last probe_link_begin(). */
struct probe_count {
	unsigned int pongs;
	uint64_t rtt_least_us, rtt_most_us, rtt_sum_us;
	uint64_t first_us, first_bytes; /* the first PONG: when, and arrived */
	uint64_t last_us, last_bytes;
	uint64_t ahead_bytes; /* most that was written and had not arrived */
};

enum probe_state {
	PROBE_DIALLING,
	PROBE_CONNECTED, /* the byte stream stands, message 2 is awaited */
	PROBE_READY,
	PROBE_FAILED /* words say why */
};

struct probe_link {
	enum probe_state state;
	const struct probe_target *target;
	struct channel channel; /* of which no libevent is used */
	struct noise_handshake *handshake;
	struct noise_cipher *tx, *rx;
	uint16_t id;
	struct probe_step steps[PROBE_STEPS_MAX];
	size_t steps_count;
	uint64_t connected_us, ready_us;
	bool loading; /* send padding as fast as it goes */
	uint64_t pinged_us;
	uint64_t pinged_at;	/* in bytes sent */
	uint64_t ping_every_us; /* 0: never */
	struct probe_count count;
	char words[PROBE_WORDS_MAX];
};

/* Begin to dial. A failure is a state. */
void probe_link_open(struct probe_link *link, const struct probe_target *target,
    uint16_t id);

/* Say CLOSE where there is a session, and end the workers. */
void probe_link_close(struct probe_link *links, size_t count);

/* The first failure is what counts. */
void probe_link_fail(struct probe_link *link, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Begin a measurement: PING so often, with padding in between or without. */
void
probe_link_begin(struct probe_link *link, uint64_t ping_every_us, bool loading);

/* Move what can be moved on all of them; wait for it until then at most. */
void
probe_link_serve(struct probe_link *links, size_t count, uint64_t until_us);

#endif
