#include "supervisor/engine/noise_cipher.h"

#include <bsd/sys/endian.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "supervisor/engine/secret.h"
#include "supervisor/state.h"

#define NONCE_BYTES 12
#define STRIDE_BYTES 128
#define LONG_BYTES 4096

static EVP_CIPHER *aead;

bool
noise_cipher_init(void)
{
	if (aead == NULL)
		aead = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	return aead != NULL;
}

/* What is NULL, or -1, stays as it is. */
static bool
change(struct noise_cipher *cipher, const EVP_CIPHER *algorithm,
    const uint8_t *key, const uint8_t *nonce, int seal)
{
	return EVP_CipherInit_ex(cipher->context, algorithm, NULL, key, nonce,
		   seal) > 0;
}

struct noise_cipher *
noise_cipher_new(void)
{
	struct noise_cipher *cipher;

	cipher = calloc(1, sizeof(*cipher));
	if (cipher == NULL)
		return NULL;
	cipher->counter = NOISE_NONCE_LIMIT;
	cipher->context = EVP_CIPHER_CTX_new();
	cipher->key = secret_new(NOISE_KEY_BYTES);
	if (cipher->context == NULL || cipher->key == NULL ||
	    !change(cipher, aead, NULL, NULL, 1)) {
		noise_cipher_free(cipher);
		return NULL;
	}
	return cipher;
}

void
noise_cipher_free(struct noise_cipher *cipher)
{
	if (cipher == NULL)
		return;
	EVP_CIPHER_CTX_free(cipher->context);
	secret_free(cipher->key, NOISE_KEY_BYTES);
	free(cipher);
}

static bool
take_key(struct noise_cipher *cipher, const uint8_t key[NOISE_KEY_BYTES])
{
	memmove(cipher->key, key, NOISE_KEY_BYTES);
	return change(cipher, NULL, key, NULL, -1);
}

bool
noise_cipher_set_key(struct noise_cipher *cipher,
    const uint8_t key[NOISE_KEY_BYTES])
{
	bool ok;

	ok = take_key(cipher, key);
	cipher->counter = ok ? 0 : NOISE_NONCE_LIMIT;
	return ok;
}

/* Only the nonce changes from one message to the next. */
static bool
begin(struct noise_cipher *cipher, bool seal)
{
	uint8_t nonce[NONCE_BYTES] = { 0 };

	if (cipher->counter >= NOISE_NONCE_LIMIT)
		return false;
	le64enc(nonce + 4, cipher->counter);
	return change(cipher, NULL, NULL, nonce, seal);
}

/* A nonce is used once, even by a message that failed half-way. */
static bool
end(struct noise_cipher *cipher, bool ok)
{
	cipher->counter = ok ? cipher->counter + 1 : NOISE_NONCE_LIMIT;
	return ok;
}

/* With out NULL the bytes are associated data. */
static bool
update(struct noise_cipher *cipher, uint8_t *out, const uint8_t *in,
    size_t bytes)
{
	int done;

	return bytes == 0 ||
	    EVP_CipherUpdate(cipher->context, out, &done, in, (int)bytes) > 0;
}

/*
 * With AVX-512, libcrypto's Poly1305 takes eight blocks of 16 bytes at a time,
 * but only four through the whole of a message that leaves four or more of
 * them over. In a long one, these come by themselves.
 */
static bool
update_text(struct noise_cipher *cipher, uint8_t *out, const uint8_t *in,
    size_t bytes)
{
	size_t most = bytes - bytes % STRIDE_BYTES;

	if (bytes < LONG_BYTES || bytes - most < STRIDE_BYTES / 2)
		return update(cipher, out, in, bytes);
	return update(cipher, out, in, most) &&
	    update(cipher, out + most, in + most, bytes - most);
}

static bool
write_tag(struct noise_cipher *cipher, uint8_t *tag)
{
	int done;

	return EVP_CipherFinal_ex(cipher->context, tag, &done) > 0 &&
	    EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_AEAD_GET_TAG,
		NOISE_TAG_BYTES, tag) > 0;
}

bool
noise_cipher_seal(struct noise_cipher *cipher, const uint8_t *ad,
    size_t ad_bytes, const uint8_t *plain, size_t plain_bytes, uint8_t *out)
{
	bool ok;

	ok = plain_bytes <= NOISE_MESSAGE_MAX - NOISE_TAG_BYTES &&
	    begin(cipher, true) && update(cipher, NULL, ad, ad_bytes) &&
	    update_text(cipher, out, plain, plain_bytes) &&
	    write_tag(cipher, out + plain_bytes);
	return end(cipher, ok);
}

bool
noise_cipher_open(struct noise_cipher *cipher, const uint8_t *ad,
    size_t ad_bytes, const uint8_t *sealed, size_t sealed_bytes, uint8_t *plain)
{
	uint8_t tag[NOISE_TAG_BYTES];
	size_t plain_bytes;
	int done;

	if (sealed_bytes < sizeof(tag) || sealed_bytes > NOISE_MESSAGE_MAX)
		return end(cipher, false);
	plain_bytes = sealed_bytes - sizeof(tag);
	memcpy(tag, sealed + plain_bytes, sizeof(tag));
	if (begin(cipher, false) &&
	    EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_AEAD_SET_TAG,
		sizeof(tag), tag) > 0 &&
	    update(cipher, NULL, ad, ad_bytes) &&
	    update_text(cipher, plain, sealed, plain_bytes) &&
	    EVP_CipherFinal_ex(cipher->context, tag, &done) > 0)
		return end(cipher, true);
	/* Update has written what Final then found to be forged. */
	OPENSSL_cleanse(plain, plain_bytes);
	return end(cipher, false);
}

/*
 * The next key is the first 32 bytes of zeros sealed under nonce 2^64-1. The
 * tag is dropped and ChaCha20 is a stream cipher, so a context that opens
 * makes the same bytes as one that seals.
 */
bool
noise_cipher_rekey(struct noise_cipher *cipher)
{
	static const uint8_t nonce[NONCE_BYTES] = { 0, 0, 0, 0, 255, 255, 255,
		255, 255, 255, 255, 255 };
	static const uint8_t zeros[NOISE_KEY_BYTES];
	uint8_t key[NOISE_KEY_BYTES];
	bool ok;

	ok = change(cipher, NULL, NULL, nonce, -1) &&
	    update(cipher, key, zeros, sizeof(key)) && take_key(cipher, key);
	OPENSSL_cleanse(key, sizeof(key));
	if (!ok)
		cipher->counter = NOISE_NONCE_LIMIT;
	return ok;
}

void
noise_cipher_state(struct state *state, struct noise_cipher *cipher)
{
	uint64_t counter = cipher->counter;

	STATE_NUMBER(state, counter);
	state_bytes(state, cipher->key, NOISE_KEY_BYTES);
	if (state->way != STATE_READ)
		return;
	if (state->broken || !noise_cipher_set_key(cipher, cipher->key))
		state_break(state);
	else
		cipher->counter = counter;
}

static bool
rekey_when_due(struct noise_cipher *cipher)
{
	return cipher->counter % NOISE_REKEY_FRAMES != 0 ||
	    noise_cipher_rekey(cipher);
}

int
noise_seal(struct noise_cipher *cipher, const uint8_t *plain,
    size_t plain_bytes, uint8_t *out)
{
	if (!noise_cipher_seal(cipher, NULL, 0, plain, plain_bytes, out) ||
	    !rekey_when_due(cipher))
		return -1;
	return 0;
}

int
noise_open(struct noise_cipher *cipher, const uint8_t *sealed,
    size_t sealed_bytes, uint8_t *plain)
{
	if (!noise_cipher_open(cipher, NULL, 0, sealed, sealed_bytes, plain))
		return -1;
	if (!rekey_when_due(cipher)) {
		OPENSSL_cleanse(plain, sealed_bytes - NOISE_TAG_BYTES);
		return -1;
	}
	return 0;
}
