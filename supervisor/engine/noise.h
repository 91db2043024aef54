/*
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (and plain IK for the vectors), from
 * the Noise Protocol Framework, revision 34. Pure: no descriptors. Primitives
 * are libcrypto's, fetched once.
 */
#ifndef ENGINE_NOISE_H
#define ENGINE_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/engine/noise_cipher.h"
#include "supervisor/engine/noise_identity.h"

#define NOISE_MESSAGE1_BYTES(payload) (32 + 48 + (payload) + NOISE_TAG_BYTES)
#define NOISE_MESSAGE2_BYTES(payload) (32 + (payload) + NOISE_TAG_BYTES)

struct noise_handshake;

/*
 * Fetch every algorithm and exercise it, so that nothing is loaded lazily
 * after the sandbox closed. 0, or -1 (a FIPS provider has no ChaCha20).
 */
int noise_init(void);

/*
 * Begin a handshake. remote is the responder's public key for an initiator
 * and NULL for a responder. psk selects IKpsk2; without it the name is plain
 * IK (for the public vectors only). The identity is borrowed until
 * noise_handshake_free(). NULL on failure.
 */
struct noise_handshake *noise_handshake_new(bool initiator,
    const struct noise_identity *identity, const uint8_t *remote, bool psk,
    const uint8_t *prologue, size_t prologue_bytes);
void noise_handshake_free(struct noise_handshake *handshake);

/* Needed before message 2 is written or read; 32 zero bytes when unset. */
void noise_handshake_set_psk(struct noise_handshake *handshake,
    const uint8_t psk[NOISE_KEY_BYTES]);

/*
 * The two messages, each in its order and once. out has room for
 * NOISE_MESSAGE1_BYTES / NOISE_MESSAGE2_BYTES of payload_bytes; a read takes
 * exactly such a message and gives its payload. 0, or -1: the handshake is
 * dead, free it. A read does the same work whether or not the key is known.
 */
int noise_write_message1(struct noise_handshake *handshake,
    const uint8_t *payload, size_t payload_bytes, uint8_t *out);
int noise_read_message1(struct noise_handshake *handshake,
    const uint8_t *message, size_t message_bytes, uint8_t *payload);
int noise_write_message2(struct noise_handshake *handshake,
    const uint8_t *payload, size_t payload_bytes, uint8_t *out);
int noise_read_message2(struct noise_handshake *handshake,
    const uint8_t *message, size_t message_bytes, uint8_t *payload);

/* The other side's static public key; for a responder after message 1. */
const uint8_t *noise_handshake_remote(const struct noise_handshake *handshake);

/* h, the channel binding; NOISE_HASH_BYTES. */
const uint8_t *noise_handshake_hash(const struct noise_handshake *handshake);

/*
 * After message 2: the two directions of the transport, as seen from this
 * side. 0, or -1. The ciphers are owned by the caller.
 */
int noise_split(struct noise_handshake *handshake, struct noise_cipher **tx,
    struct noise_cipher **rx);

#endif
