/*
 * From a host to the addresses to try, in the order to try them: families in
 * turn, as RFC 8305 section 4 says.
 */
#ifndef WORKER_RESOLVE_H
#define WORKER_RESOLVE_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESOLVE_FAMILY_MAX 8 /* addresses of one family */
#define RESOLVE_MAX (2 * RESOLVE_FAMILY_MAX)

struct addrinfo;

struct resolve_address {
	struct sockaddr_storage address;
	socklen_t length;
};

struct resolve_list {
	size_t count;
	struct resolve_address item[RESOLVE_MAX];
};

/*
 * Addresses that need no file and no server: a literal, or localhost, which is
 * 127.0.0.1 and then ::1. False if host is another name.
 */
bool
resolve_literal(const char *host, uint32_t port, struct resolve_list *list);

/*
 * Ask the system's resolver, for AF_UNSPEC or one family. Returns 0 and at
 * least one address, or an error of getaddrinfo(3). Blocks as long as the
 * resolver does.
 */
int resolve_name(const char *host, uint32_t port, int family,
    struct resolve_list *list);

/* The best of what was found, at most RESOLVE_FAMILY_MAX of each family. */
void resolve_order(const struct addrinfo *found, struct resolve_list *list);

#endif
