/*
 * Where ephemeral keys come from. Apart from everything else, so that the
 * program that runs the public test vectors can put another one in its place
 * when it is linked, and nothing can at run time.
 */
#ifndef ENGINE_NOISE_EPHEMERAL_H
#define ENGINE_NOISE_EPHEMERAL_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/engine/noise_cipher.h"

/* A fresh X25519 private key. False: there is no randomness. */
bool noise_ephemeral(uint8_t private_key[NOISE_KEY_BYTES]);

#endif
