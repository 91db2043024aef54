#include "supervisor/engine/secret.h"

#include <openssl/crypto.h>

/* Room for the ephemeral keys of two thousand handshakes, at 64 bytes each. */
#define OWN_KEYS_BYTES ((size_t)128 * 1024)
#define SMALLEST_BYTES 32

/*
 * It is cut by halves, so room for one piece of any size below takes twice as
 * much.
 */
static size_t
heap_bytes(size_t bytes)
{
	size_t heap = OWN_KEYS_BYTES;

	while (heap / 2 < bytes)
		heap *= 2;
	return heap;
}

enum secret_result
secret_init(size_t bytes)
{
	if (bytes > SIZE_MAX / 8)
		return SECRET_FAILED;
	switch (CRYPTO_secure_malloc_init(heap_bytes(bytes), SMALLEST_BYTES)) {
	case 1:
		return SECRET_LOCKED;
	case 2:
		return SECRET_NOT_LOCKED;
	}
	return SECRET_FAILED;
}

void *
secret_new(size_t bytes)
{
	return OPENSSL_secure_zalloc(bytes);
}

void
secret_free(void *secret, size_t bytes)
{
	OPENSSL_secure_clear_free(secret, bytes);
}
