/*
 * The ends with a name that peers may ask for. They are there for as long as
 * the configuration says so, opened by others, and stay when a tunnel ends:
 * applications remain connected, and what is held for them is kept for the next
 * tunnel.
 */
#ifndef ENGINE_PERMITTED_H
#define ENGINE_PERMITTED_H

#include <stddef.h>

struct address_pair;
struct end;
struct engine;
struct sockets;

struct permitted {
	struct end **ends;
	size_t count;
};

/* Take the descriptors over. 0, or -1 with errno. */
int permitted_open(struct permitted *permitted, const struct engine *engine,
    const struct sockets *sockets);
void permitted_close(struct permitted *permitted);

/* The one that is asked for, or NULL. Who may ask is the caller's to know. */
struct end *permitted_find(const struct permitted *permitted,
    const struct address_pair *asked);

#endif
