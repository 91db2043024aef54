/*
 * Identities and pre-shared keys: 32 bytes, base64 as WireGuard writes them,
 * in files that only their owner can read.
 */
#ifndef ENGINE_KEY_H
#define ENGINE_KEY_H

#include <stdint.h>

#define KEY_BYTES 32
#define KEY_TEXT_MAX 45 /* 44 base64 characters and the NUL */
#define KEY_ERROR_MAX 512

/* Base64 text to bytes: exactly 44 characters. 0, or -1. Constant time. */
int key_from_text(const char *text, uint8_t key[KEY_BYTES]);
void key_to_text(const uint8_t key[KEY_BYTES], char text[KEY_TEXT_MAX]);

/* A new X25519 private key (clamped) or pre-shared key. Fatal never: 0/-1. */
int key_generate_private(uint8_t key[KEY_BYTES]);
int key_generate_psk(uint8_t key[KEY_BYTES]);

/* The public key of a private one. 0, or -1 if libcrypto refuses it. */
int key_public(const uint8_t key[KEY_BYTES], uint8_t public_key[KEY_BYTES]);

/*
 * Open a file to read. Refuses one that group or others can read, write or
 * execute, that is neither root's nor ours, or no regular file. A descriptor,
 * or -1 with a sentence "FILE: what is wrong" in error.
 */
int key_open_file(const char *file, char error[KEY_ERROR_MAX]);

/*
 * Read a key file: one line of base64, as above. 0, or -1 with a sentence in
 * error.
 */
int key_read_file(const char *file, uint8_t key[KEY_BYTES],
    char error[KEY_ERROR_MAX]);

/*
 * Read the file; if there is none, make its folder (0700) and the file (0600)
 * with a fresh private key, atomically: of two processes that start at once
 * both end up with the same key. *made says whether this call made it.
 */
int key_read_or_make_file(const char *file, uint8_t key[KEY_BYTES], int *made,
    char error[KEY_ERROR_MAX]);

/* Overwrite; not optimised away. */
void key_wipe(void *key, unsigned long bytes);

#endif
