/*
 * The cipher state of Noise (section 5.1 of its specification): a key and a
 * counter, on one libcrypto context. The handshake uses one with associated
 * data; the transport uses one for each direction, without.
 */
#ifndef ENGINE_NOISE_CIPHER_H
#define ENGINE_NOISE_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_KEY_BYTES 32
#define NOISE_HASH_BYTES 32
#define NOISE_TAG_BYTES 16
#define NOISE_MESSAGE_MAX 65535
#define NOISE_REKEY_FRAMES (UINT64_C(1) << 16)
#define NOISE_NONCE_LIMIT (UINT64_C(1) << 60)

struct evp_cipher_ctx_st;

struct noise_cipher {
	struct evp_cipher_ctx_st *context;
	/* The next nonce. At NOISE_NONCE_LIMIT the cipher refuses: it has no
	 * key, is used up, or has failed. */
	uint64_t counter;
	uint8_t *key; /* of secret_new(): the context gives none away */
};

/* Fetch the algorithm, once. False: libcrypto has none. */
bool noise_cipher_init(void);

/* A cipher without a key. NULL on failure. Freeing NULL is allowed. */
struct noise_cipher *noise_cipher_new(void);
void noise_cipher_free(struct noise_cipher *cipher);

/* Start with this key at counter 0. */
bool noise_cipher_set_key(struct noise_cipher *cipher,
    const uint8_t key[NOISE_KEY_BYTES]);

/*
 * Seal plain into out (plain_bytes + NOISE_TAG_BYTES), or open sealed into
 * plain; at most NOISE_MESSAGE_MAX sealed bytes. The counter advances by one.
 * False: the cipher refuses from now on, and what was opened is wiped.
 */
bool noise_cipher_seal(struct noise_cipher *cipher, const uint8_t *ad,
    size_t ad_bytes, const uint8_t *plain, size_t plain_bytes, uint8_t *out);
bool noise_cipher_open(struct noise_cipher *cipher, const uint8_t *ad,
    size_t ad_bytes, const uint8_t *sealed, size_t sealed_bytes,
    uint8_t *plain);

/* Rekey(), section 4.2: a one-way step to the next key, counter unchanged. */
bool noise_cipher_rekey(struct noise_cipher *cipher);

/* In an upgrade. The key is wiped by those who hold the state. */
struct state;
void noise_cipher_state(struct state *state, struct noise_cipher *cipher);

/*
 * Transport. Seal plain into out (plain_bytes + NOISE_TAG_BYTES); plain is
 * private memory and does not overlap out. Open sealed (private memory!) into
 * plain, which may be the same place. The counter advances by one with each
 * call; both sides Rekey() after every NOISE_REKEY_FRAMES. Nothing is
 * allocated. 0, or -1: the path is over; after a failed open plain has been
 * wiped.
 */
int noise_seal(struct noise_cipher *cipher, const uint8_t *plain,
    size_t plain_bytes, uint8_t *out);
int noise_open(struct noise_cipher *cipher, const uint8_t *sealed,
    size_t sealed_bytes, uint8_t *plain);

#endif
