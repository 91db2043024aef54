/*
 * Who sends to a socket that is tied to nobody. Each address that is admitted
 * is a client and has a number; at most so many are known at a time, and
 * strangers beyond that displace none of them. Fixed in size; the clock is an
 * argument.
 */
#ifndef ENGINE_SOURCES_H
#define ENGINE_SOURCES_H

#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

struct address_permit;
struct sources;
struct state;

#define SOURCES_MAX 1024
#define SOURCES_STRANGER (-1)
#define SOURCES_FULL (-2)

/*
 * limit is 1 to SOURCES_MAX. A client that neither sent nor was sent to for
 * idle_us makes way for a newcomer; with 0 there is one, number 0, and it makes
 * way at once: the last to send is the one who is answered. NULL with errno.
 */
struct sources *sources_new(size_t limit, uint64_t idle_us);
void sources_free(struct sources *sources);

/* Admit only what one of these permits; they are kept. */
void sources_permit(struct sources *sources,
    const struct address_permit *permits, size_t count);

/*
 * The number of the client at this address; SOURCES_STRANGER: it is not
 * permitted; SOURCES_FULL: there are as many as may be.
 */
int sources_admit(struct sources *sources, const struct sockaddr_storage *from,
    socklen_t length, uint64_t now_us);

/* Where that client is, NULL if it is known no more; length is set. */
const struct sockaddr_storage *sources_find(struct sources *sources,
    uint16_t client, uint64_t now_us, socklen_t *length);

/* What they were made with. */
size_t sources_limit(const struct sources *sources);
uint64_t sources_idle_us(const struct sources *sources);

/* In an upgrade (state.h); to read, into new ones of the same limit. */
void sources_leave(struct state *state, struct sources *sources);

/* Forget who is idle. */
void sources_expire(struct sources *sources, uint64_t now_us);

size_t sources_known(const struct sources *sources);

#endif
