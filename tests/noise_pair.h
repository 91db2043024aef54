/*
 * A fixture of the Noise tests: two ends with keys of their own, and what they
 * said so far.
 */
#ifndef TESTS_NOISE_PAIR_H
#define TESTS_NOISE_PAIR_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"

#define PAYLOAD_BYTES FRAME_HELLO1_BYTES
#define MESSAGE1_BYTES NOISE_MESSAGE1_BYTES(PAYLOAD_BYTES)
#define MESSAGE2_BYTES NOISE_MESSAGE2_BYTES(PAYLOAD_BYTES)

struct noise_pair {
	struct noise_identity *alice; /* the initiator's */
	struct noise_identity *bob;   /* the responder's */
	struct noise_handshake *initiator;
	struct noise_handshake *responder;
	uint8_t payload[PAYLOAD_BYTES]; /* what both send */
	uint8_t got[PAYLOAD_BYTES];	/* what was read last */
	uint8_t message1[MESSAGE1_BYTES + 1];
	uint8_t message2[MESSAGE2_BYTES + 1];
};

extern struct noise_pair pair;
extern const uint8_t noise_pair_prologue[FRAME_PROLOGUE_BYTES];

/* A checked fixture. */
void noise_pair_set_up(void);
void noise_pair_tear_down(void);

/* Start again with two fresh handshakes. */
void noise_pair_begin(void);

/* A fresh end with the fixture's prologue. */
struct noise_handshake *
noise_pair_initiator(const struct noise_identity *identity,
    const uint8_t *remote);
struct noise_handshake *
noise_pair_responder(const struct noise_identity *identity);

/* A key pair that differs with tag. */
struct noise_identity *noise_pair_identity(uint8_t tag);

/* The four calls, each with its end, message and payload of the fixture. */
int noise_pair_write1(void);
int noise_pair_read1(size_t bytes);
int noise_pair_write2(void);
int noise_pair_read2(size_t bytes);

/* Everything up to, and without, the reading of message 2. */
void noise_pair_until_read2(void);

#endif
