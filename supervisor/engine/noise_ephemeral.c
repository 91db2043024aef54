#include "supervisor/engine/noise_ephemeral.h"

#include <openssl/rand.h>

bool
noise_ephemeral(uint8_t private_key[NOISE_KEY_BYTES])
{
	return RAND_priv_bytes(private_key, NOISE_KEY_BYTES) > 0;
}
