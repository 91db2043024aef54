/*
 * One connection through tests/faulty_relay: two sockets and a stream of bytes
 * in each direction.
 */
#ifndef TESTS_LINK_H
#define TESTS_LINK_H

#include <sys/socket.h>

#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/fault.h"

#define LINK_UP 0 /* from the connector to the listener */
#define LINK_DOWN 1
#define LINK_BOTH 2

struct link_settings {
	enum fault_mode mode;
	int direction;
	uint64_t at;
	uint64_t faulty; /* connections, UINT64_MAX: all */
	uint64_t rate;	 /* bytes a second, 0: no limit */
	uint64_t hold_s; /* of hold and half */
	const char *address;
	const char *port;
	const char *host;
	const char *service;
};

struct link;

/* The first address; ends the program if there is none. */
struct addrinfo *link_resolve(const char *host, const char *port, int flags);

/*
 * Take over an accepted socket and dial the target. Of cross and splice each
 * two that come one after the other are a pair.
 */
struct link *
link_new(const struct link_settings *settings, int fd, uint64_t number);
void link_close(struct link *link, bool reset);

/* What the sockets are to be polled for now; a descriptor of -1: nothing. */
void link_poll(const struct link *link, struct pollfd polled[2]);

enum link_result {
	LINK_GOES_ON,
	LINK_ENDED, /* both streams have */
	LINK_RESET  /* by a side or by the fault */
};

enum link_result link_serve(struct link *link, const struct pollfd polled[2]);

#endif
