/*
 * The symmetric state of Noise (section 5.2 of its specification): the
 * chaining key, the handshake hash and the cipher that they lead to. Every
 * call returns false when libcrypto fails or a ciphertext does not open; the
 * handshake is then over.
 */
#ifndef ENGINE_NOISE_SYMMETRIC_H
#define ENGINE_NOISE_SYMMETRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/engine/noise_cipher.h"

struct evp_mac_ctx_st;
struct evp_md_ctx_st;

struct noise_symmetric {
	uint8_t chaining_key[NOISE_HASH_BYTES];
	uint8_t hash[NOISE_HASH_BYTES];
	struct noise_cipher *cipher;
	struct evp_md_ctx_st *digest;
	struct evp_mac_ctx_st *hmac;
};

/* Fetch the algorithms, once. */
bool noise_symmetric_init(void);

/*
 * Begin with a protocol name, which is longer than NOISE_HASH_BYTES. After a
 * failure too, noise_symmetric_wipe() is to be called on zeroed memory.
 */
bool noise_symmetric_begin(struct noise_symmetric *symmetric,
    const char *protocol_name);
void noise_symmetric_wipe(struct noise_symmetric *symmetric);

bool noise_symmetric_mix_hash(struct noise_symmetric *symmetric,
    const uint8_t *bytes, size_t count);
bool noise_symmetric_mix_key(struct noise_symmetric *symmetric,
    const uint8_t material[NOISE_HASH_BYTES]);
bool noise_symmetric_mix_key_and_hash(struct noise_symmetric *symmetric,
    const uint8_t material[NOISE_HASH_BYTES]);

/* Lengths as noise_cipher_seal() and noise_cipher_open() have them. */
bool noise_symmetric_seal(struct noise_symmetric *symmetric,
    const uint8_t *plain, size_t plain_bytes, uint8_t *out);
bool noise_symmetric_open(struct noise_symmetric *symmetric,
    const uint8_t *sealed, size_t sealed_bytes, uint8_t *plain);

/* Key the initiator's and the responder's direction; forget the chain. */
bool noise_symmetric_split(struct noise_symmetric *symmetric,
    struct noise_cipher *initiator, struct noise_cipher *responder);

#endif
