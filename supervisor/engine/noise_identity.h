/*
 * X25519 key pairs, static and ephemeral. libcrypto's key object is kept:
 * making it costs as much as a key agreement.
 */
#ifndef ENGINE_NOISE_IDENTITY_H
#define ENGINE_NOISE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/engine/noise_cipher.h"

struct noise_identity;

/* NULL on failure. The private key is copied. Freeing NULL is allowed. */
struct noise_identity *noise_identity_new(const uint8_t key[NOISE_KEY_BYTES]);
void noise_identity_free(struct noise_identity *identity);
const uint8_t *noise_identity_public(const struct noise_identity *identity);
/* A copy, which the caller wipes. False on failure. */
bool noise_identity_private(const struct noise_identity *identity,
    uint8_t key[NOISE_KEY_BYTES]);

/*
 * The secret shared with the holder of a public key. False for a public key
 * of low order, whose secret would be zero whatever ours is.
 */
bool noise_identity_agree(const struct noise_identity *identity,
    const uint8_t public_key[NOISE_KEY_BYTES], uint8_t secret[NOISE_KEY_BYTES]);

#endif
