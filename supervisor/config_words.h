/*
 * What a file would say in a group, from words `key=value`, with the same
 * checks. Nothing is opened and no name is looked up, so a key that names a
 * file is refused.
 */
#ifndef SUPERVISOR_CONFIG_WORDS_H
#define SUPERVISOR_CONFIG_WORDS_H

#include <stddef.h>

#include "supervisor/config.h"

/*
 * Append what the words say, or change the path as they say; uri, name and
 * key stand before the others. 0, or -1 with a sentence in error: what was
 * begun may be left, so config is to be a copy.
 *
 * A tunnel's paths are words `path=URI`; a permit is a list with commas.
 */
int config_words_add_path(struct config *config, struct config_tunnel *tunnel,
    const char *uri, char *const *words, size_t count,
    char error[CONFIG_ERROR_MAX]);
int config_words_set_path(struct config *config, struct config_path *path,
    char *const *words, size_t count, char error[CONFIG_ERROR_MAX]);
int config_words_add_tunnel(struct config *config, const char *name,
    char *const *words, size_t count, char error[CONFIG_ERROR_MAX]);
int
config_words_add_peer(struct config *config, const char *name, const char *key,
    char *const *words, size_t count, char error[CONFIG_ERROR_MAX]);

#endif
