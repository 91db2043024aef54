#include "supervisor/engine/noise_symmetric.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define HASH_NAME "BLAKE2S-256"

static EVP_MD *blake2s;
static EVP_MAC *hmac;

bool
noise_symmetric_init(void)
{
	if (blake2s == NULL)
		blake2s = EVP_MD_fetch(NULL, HASH_NAME, NULL);
	if (hmac == NULL)
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	return blake2s != NULL && hmac != NULL;
}

static bool
set_hmac_digest(EVP_MAC_CTX *context)
{
	char name[] = HASH_NAME;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name,
		    0),
		OSSL_PARAM_construct_end()
	};

	return EVP_MAC_CTX_set_params(context, params) > 0;
}

bool
noise_symmetric_begin(struct noise_symmetric *symmetric,
    const char *protocol_name)
{
	unsigned int bytes;

	symmetric->cipher = noise_cipher_new();
	symmetric->digest = EVP_MD_CTX_new();
	symmetric->hmac = EVP_MAC_CTX_new(hmac);
	if (symmetric->cipher == NULL || symmetric->digest == NULL ||
	    symmetric->hmac == NULL || !set_hmac_digest(symmetric->hmac) ||
	    EVP_Digest(protocol_name, strlen(protocol_name), symmetric->hash,
		&bytes, blake2s, NULL) <= 0)
		return false;
	memcpy(symmetric->chaining_key, symmetric->hash, NOISE_HASH_BYTES);
	return true;
}

void
noise_symmetric_wipe(struct noise_symmetric *symmetric)
{
	noise_cipher_free(symmetric->cipher);
	EVP_MD_CTX_free(symmetric->digest);
	EVP_MAC_CTX_free(symmetric->hmac);
	OPENSSL_cleanse(symmetric, sizeof(*symmetric));
}

bool
noise_symmetric_mix_hash(struct noise_symmetric *symmetric,
    const uint8_t *bytes, size_t count)
{
	return EVP_DigestInit_ex2(symmetric->digest, blake2s, NULL) > 0 &&
	    EVP_DigestUpdate(symmetric->digest, symmetric->hash,
		NOISE_HASH_BYTES) > 0 &&
	    EVP_DigestUpdate(symmetric->digest, bytes, count) > 0 &&
	    EVP_DigestFinal_ex(symmetric->digest, symmetric->hash, NULL) > 0;
}

static bool
compute_hmac(struct noise_symmetric *symmetric,
    const uint8_t key[NOISE_HASH_BYTES], const uint8_t *bytes, size_t count,
    uint8_t out[NOISE_HASH_BYTES])
{
	size_t done;

	return EVP_MAC_init(symmetric->hmac, key, NOISE_HASH_BYTES, NULL) > 0 &&
	    EVP_MAC_update(symmetric->hmac, bytes, count) > 0 &&
	    EVP_MAC_final(symmetric->hmac, out, &done, NOISE_HASH_BYTES) > 0;
}

/* HKDF() of section 4.3: output i is HMAC(temporary, output i-1 || i). */
static bool
derive(struct noise_symmetric *symmetric, const uint8_t *material, size_t bytes,
    uint8_t out[][NOISE_HASH_BYTES], unsigned int outputs)
{
	uint8_t temporary[NOISE_HASH_BYTES];
	uint8_t input[NOISE_HASH_BYTES + 1];
	size_t before = 0;
	unsigned int i;
	bool ok;

	ok = compute_hmac(symmetric, symmetric->chaining_key, material, bytes,
	    temporary);
	for (i = 0; ok && i < outputs; i++) {
		input[before] = (uint8_t)(i + 1);
		ok = compute_hmac(symmetric, temporary, input, before + 1,
		    out[i]);
		before = NOISE_HASH_BYTES;
		memcpy(input, out[i], before);
	}
	OPENSSL_cleanse(temporary, sizeof(temporary));
	OPENSSL_cleanse(input, sizeof(input));
	return ok;
}

bool
noise_symmetric_mix_key(struct noise_symmetric *symmetric,
    const uint8_t material[NOISE_HASH_BYTES])
{
	uint8_t out[2][NOISE_HASH_BYTES];
	bool ok;

	ok = derive(symmetric, material, NOISE_HASH_BYTES, out, 2) &&
	    noise_cipher_set_key(symmetric->cipher, out[1]);
	if (ok)
		memcpy(symmetric->chaining_key, out[0], NOISE_HASH_BYTES);
	OPENSSL_cleanse(out, sizeof(out));
	return ok;
}

bool
noise_symmetric_mix_key_and_hash(struct noise_symmetric *symmetric,
    const uint8_t material[NOISE_HASH_BYTES])
{
	uint8_t out[3][NOISE_HASH_BYTES];
	bool ok;

	ok = derive(symmetric, material, NOISE_HASH_BYTES, out, 3) &&
	    noise_symmetric_mix_hash(symmetric, out[1], NOISE_HASH_BYTES) &&
	    noise_cipher_set_key(symmetric->cipher, out[2]);
	if (ok)
		memcpy(symmetric->chaining_key, out[0], NOISE_HASH_BYTES);
	OPENSSL_cleanse(out, sizeof(out));
	return ok;
}

bool
noise_symmetric_seal(struct noise_symmetric *symmetric, const uint8_t *plain,
    size_t plain_bytes, uint8_t *out)
{
	return noise_cipher_seal(symmetric->cipher, symmetric->hash,
		   NOISE_HASH_BYTES, plain, plain_bytes, out) &&
	    noise_symmetric_mix_hash(symmetric, out,
		plain_bytes + NOISE_TAG_BYTES);
}

/* Not in place: the ciphertext is still needed for the hash. */
bool
noise_symmetric_open(struct noise_symmetric *symmetric, const uint8_t *sealed,
    size_t sealed_bytes, uint8_t *plain)
{
	return noise_cipher_open(symmetric->cipher, symmetric->hash,
		   NOISE_HASH_BYTES, sealed, sealed_bytes, plain) &&
	    noise_symmetric_mix_hash(symmetric, sealed, sealed_bytes);
}

bool
noise_symmetric_split(struct noise_symmetric *symmetric,
    struct noise_cipher *initiator, struct noise_cipher *responder)
{
	uint8_t out[2][NOISE_HASH_BYTES];
	bool ok;

	ok = derive(symmetric, NULL, 0, out, 2) &&
	    noise_cipher_set_key(initiator, out[0]) &&
	    noise_cipher_set_key(responder, out[1]);
	OPENSSL_cleanse(out, sizeof(out));
	OPENSSL_cleanse(symmetric->chaining_key, NOISE_HASH_BYTES);
	return ok;
}
