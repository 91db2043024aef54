#include "supervisor/engine/noise_identity.h"

#include <stdlib.h>

#include <openssl/evp.h>

#define ALGORITHM "X25519"

struct noise_identity {
	EVP_PKEY *pair;
	uint8_t public_key[NOISE_KEY_BYTES];
};

struct noise_identity *
noise_identity_new(const uint8_t key[NOISE_KEY_BYTES])
{
	struct noise_identity *identity;
	size_t bytes = NOISE_KEY_BYTES;

	identity = calloc(1, sizeof(*identity));
	if (identity == NULL)
		return NULL;
	identity->pair = EVP_PKEY_new_raw_private_key_ex(NULL, ALGORITHM, NULL,
	    key, NOISE_KEY_BYTES);
	if (identity->pair == NULL ||
	    EVP_PKEY_get_raw_public_key(identity->pair, identity->public_key,
		&bytes) <= 0) {
		noise_identity_free(identity);
		return NULL;
	}
	return identity;
}

void
noise_identity_free(struct noise_identity *identity)
{
	if (identity == NULL)
		return;
	EVP_PKEY_free(identity->pair);
	free(identity);
}

bool
noise_identity_private(const struct noise_identity *identity,
    uint8_t key[NOISE_KEY_BYTES])
{
	size_t bytes = NOISE_KEY_BYTES;

	return EVP_PKEY_get_raw_private_key(identity->pair, key, &bytes) > 0 &&
	    bytes == NOISE_KEY_BYTES;
}

const uint8_t *
noise_identity_public(const struct noise_identity *identity)
{
	return identity->public_key;
}

bool
noise_identity_agree(const struct noise_identity *identity,
    const uint8_t public_key[NOISE_KEY_BYTES], uint8_t secret[NOISE_KEY_BYTES])
{
	EVP_PKEY *remote;
	EVP_PKEY_CTX *context;
	size_t bytes = NOISE_KEY_BYTES;
	bool ok;

	remote = EVP_PKEY_new_raw_public_key_ex(NULL, ALGORITHM, NULL,
	    public_key, NOISE_KEY_BYTES);
	context = EVP_PKEY_CTX_new_from_pkey(NULL, identity->pair, NULL);
	ok = remote != NULL && context != NULL &&
	    EVP_PKEY_derive_init(context) > 0 &&
	    EVP_PKEY_derive_set_peer(context, remote) > 0 &&
	    EVP_PKEY_derive(context, secret, &bytes) > 0 &&
	    bytes == NOISE_KEY_BYTES;
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(remote);
	return ok;
}
