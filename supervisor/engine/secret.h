/*
 * Memory for keys: libcrypto's secure heap, which is locked, stays out of core
 * dumps and lies between guard pages. Once it is there, all that libcrypto
 * asks for comes from it: the keys of a session stand in its cipher contexts.
 */
#ifndef ENGINE_SECRET_H
#define ENGINE_SECRET_H

#include <stddef.h>

enum secret_result {
	SECRET_LOCKED,
	SECRET_NOT_LOCKED, /* a limit is in the way; else the same */
	SECRET_FAILED
};

/*
 * Make the heap, with room for so many bytes beside libcrypto's. Once, before
 * libcrypto is used at all.
 */
enum secret_result secret_init(size_t bytes);

/* Zeroed; NULL if there is no room. */
void *secret_new(size_t bytes);

/* Wipe and give back. Safe on NULL. */
void secret_free(void *secret, size_t bytes);

#endif
