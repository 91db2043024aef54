/*
 * What differs between two configurations, and what it takes to get from the
 * one to the other. Pure.
 */
#ifndef ENGINE_DIFFERENCE_H
#define ENGINE_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/config.h"

#define DIFFERENCE_NOTHING ((size_t)-1)
#define DIFFERENCE_FIXED_MAX 2

enum difference {
	DIFFERENCE_NONE,
	DIFFERENCE_LIVE, /* goes on with other numbers */
	DIFFERENCE_ANEW	 /* is to be made anew */
};

/* A tunnel's own settings, of tunnels of the same name; not of its paths. */
enum difference difference_tunnel(const struct config *old_config,
    const struct config_tunnel *old, const struct config *new_config,
    const struct config_tunnel *new);

/* Of the same kind and words: what is bound for it may stay. */
bool difference_same_tuple(const struct address_tuple *a,
    const struct address_tuple *b);

/* As many of them, each known for as long. */
bool difference_same_clients(const struct config_tunnel *a,
    const struct config_tunnel *b);

/* How a path is dialled; its count is not looked at. */
enum difference difference_path(const struct config_tunnel *old_tunnel,
    const struct config_path *old, const struct config_tunnel *new_tunnel,
    const struct config_path *new);

/*
 * For each path of the new tunnel the one of the old that it goes on from, or
 * DIFFERENCE_NOTHING, into from[new->paths_count]: the same one if there is
 * one, else one of the same URI.
 */
void difference_match_paths(const struct config_tunnel *old,
    const struct config_tunnel *new, size_t *from);

/* The index of what is the same in old, or DIFFERENCE_NOTHING. */
size_t difference_find_tunnel(const struct config *old, const char *name);
size_t difference_find_peer(const struct config *old,
    const struct config_peer *peer); /* by name and key */
size_t difference_find_listen(const struct config *old,
    const struct address_service *listen);

/* Another control socket, or another log. */
bool difference_control(const struct config *old, const struct config *new);
bool
difference_log(const struct log_settings *old, const struct log_settings *new);

/*
 * The keys that differ and that a running process cannot change, into names
 * (static strings). Returns their number.
 */
size_t difference_fixed(const struct config *old, const struct config *new,
    const char *names[DIFFERENCE_FIXED_MAX]);

#endif
