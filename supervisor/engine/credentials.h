/*
 * Users and passwords of a path's proxies, from a file that only its owner can
 * read: a line `user:password` for each proxy in dialling order, an empty one
 * where a proxy wants none.
 */
#ifndef ENGINE_CREDENTIALS_H
#define ENGINE_CREDENTIALS_H

#include <stddef.h>

#include "supervisor/engine/key.h"

struct config_path;

/*
 * Read path->auth, if it names a file, into the path's hops. 0, or -1 with a
 * sentence "FILE: what is wrong" in error, which never holds a credential.
 */
int credentials_read(struct config_path *path, char error[KEY_ERROR_MAX]);

/* The same from what such a file holds. */
int credentials_set(struct config_path *path, const char *text, size_t bytes,
    char error[KEY_ERROR_MAX]);

#endif
