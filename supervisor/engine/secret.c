#include "supervisor/engine/secret.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/*
 * Room for what libcrypto needs for itself, and the keys of a thousand paths.
 * Only what is touched of it is locked and counts.
 */
#define LIBCRYPTO_BYTES ((size_t)4 << 20)
#define SMALLEST_BYTES 32

/* libcrypto's own way to say that there is no room may ask for memory. */
static bool asking;
static bool ready;

static void *
take(size_t bytes, const char *file, int line)
{
	void *memory;

	if (bytes == 0)
		return NULL;
	if (!ready || asking)
		return malloc(bytes);
	asking = true;
	memory = CRYPTO_secure_malloc(bytes, file, line);
	asking = false;
	return memory != NULL ? memory : malloc(bytes);
}

static void
give(void *memory, const char *file, int line)
{
	if (ready && CRYPTO_secure_allocated(memory))
		CRYPTO_secure_free(memory, file, line);
	else
		free(memory);
}

static void *
resize(void *memory, size_t bytes, const char *file, int line)
{
	size_t before;
	void *other;

	if (memory == NULL)
		return take(bytes, file, line);
	if (bytes == 0) {
		give(memory, file, line);
		return NULL;
	}
	if (!ready || !CRYPTO_secure_allocated(memory))
		return realloc(memory, bytes);
	before = CRYPTO_secure_actual_size(memory);
	if (bytes <= before)
		return memory;
	other = take(bytes, file, line);
	if (other == NULL)
		return NULL;
	memcpy(other, memory, before);
	give(memory, file, line);
	return other;
}

/*
 * It is cut by halves, so room for one piece of any size below takes twice as
 * much.
 */
static size_t
heap_bytes(size_t bytes)
{
	size_t heap = LIBCRYPTO_BYTES;

	while (heap / 2 < bytes)
		heap *= 2;
	return heap;
}

enum secret_result
secret_init(size_t bytes)
{
	enum secret_result result;

	if (bytes > SIZE_MAX / 8)
		return SECRET_FAILED;
	/*
	 * Refused once libcrypto has memory: then its keys stay where they are.
	 */
	(void)CRYPTO_set_mem_functions(take, resize, give);
	switch (CRYPTO_secure_malloc_init(heap_bytes(bytes), SMALLEST_BYTES)) {
	case 1:
		result = SECRET_LOCKED;
		break;
	case 2:
		result = SECRET_NOT_LOCKED;
		break;
	default:
		return SECRET_FAILED;
	}
	ready = true;
	return result;
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
