/*
 * UDP tuples, listening services, path URIs and permits: pure parsers from
 * text, and the resolution of a tuple's names at start.
 */
#ifndef SUPERVISOR_ADDRESS_H
#define SUPERVISOR_ADDRESS_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"

#define ADDRESS_DEFAULT_PORT 23461
#define ADDRESS_SOCKS_PORT 1080
#define ADDRESS_HTTP_PORT 8080
#define ADDRESS_TEXT_MAX 128 /* "unix-seqpacket:PATH" and its NUL */
#define ADDRESS_PATH_MAX 108 /* of a local socket, with its NUL */
#define ADDRESS_URI_MAX 320  /* a URI for display, without credentials */

/* What may stand at an end of a tunnel. */
enum address_kind {
	ADDRESS_UDP,   /* a socket that is tied to one other */
	ADDRESS_LEARN, /* one that answers whoever sent last */
	/* These have a name. The sockets lose nothing that can be held back. */
	ADDRESS_UNIX,	   /* a local SOCK_DGRAM socket */
	ADDRESS_SEQPACKET, /* a local SOCK_SEQPACKET one, listening */
	ADDRESS_TUN	   /* a network device */
};

/*
 * An end of a tunnel as it is written: `[host:][serv:][rhost:]rserv`, names
 * not yet resolved, or the name of a local socket or of a device.
 */
struct address_tuple {
	char host[MESSAGE_HOST_MAX];
	char rhost[MESSAGE_HOST_MAX]; /* LEARN: empty */
	uint16_t port;
	uint16_t rport; /* LEARN: 0 */
	enum address_kind kind;
	char path[ADDRESS_PATH_MAX];  /* UNIX, SEQPACKET; TUN: its name */
	char rpath[ADDRESS_PATH_MAX]; /* UNIX: empty if it is to be learned */
};

/* `[host:][serv]` of a listener. */
struct address_service {
	char host[MESSAGE_HOST_MAX];
	uint16_t port;
};

/* One hop of a path: `tcp://host[:port]`, `socks://[user:pass@]host` ... */
struct address_uri {
	enum hop_kind kind;
	uint16_t port;
	char host[MESSAGE_HOST_MAX]; /* without brackets */
	char user[MESSAGE_SECRET_MAX];
	char password[MESSAGE_SECRET_MAX];
	char display[ADDRESS_URI_MAX]; /* normal form, never credentials */
};

/* One entry of `permit`: a network and a range of ports, or a name. */
struct address_permit {
	int family; /* AF_INET, AF_INET6, or AF_UNSPEC for "*" */
	uint8_t network[16];
	unsigned int prefix; /* bits */
	uint16_t first_port;
	uint16_t last_port;
	enum address_kind kind;	     /* UDP: the above */
	char path[ADDRESS_PATH_MAX]; /* the others, as in a tuple */
	char rpath[ADDRESS_PATH_MAX];
};

/*
 * The same, resolved: where to bind and where to send. An address that is to
 * be learned is AF_UNSPEC, all zero.
 */
struct address_pair {
	struct sockaddr_storage local;
	struct sockaddr_storage remote;
	enum address_kind kind;
};

/*
 * Parsers. Return 0, or -1 with *error pointing at a static sentence fit for
 * a log line ("the port is above 65535"), without the value. The grammar, its
 * defaults and its ambiguities are described in socktopus(8).
 */
int address_parse_tuple(const char *text, struct address_tuple *tuple,
    const char **error);
int address_parse_service(const char *text, struct address_service *service,
    const char **error);
int address_parse_uri(const char *text, struct address_uri *uri,
    const char **error);
int address_parse_permit(const char *text, struct address_permit *permit,
    const char **error);

/*
 * A chain of URIs separated by commas into uri[0..max-1]. Returns their
 * number, or -1 with *error.
 */
int address_parse_chain(const char *text, struct address_uri *uri, int max,
    const char **error);

/* The same check for a chain that was not one text. 0, or -1 with *error. */
int address_check_chain(const struct address_uri *uri, int count,
    const char **error);

/*
 * Can via be asked for next at all? A SOCKS4 proxy cannot for an IPv6 address.
 * Also part of the checks of a chain. 0, or -1 with *error.
 */
int address_check_next(const struct address_uri *via,
    const struct address_uri *next, const char **error);

/*
 * Set a proxy's credentials from `user[:password]`, length bytes as they are,
 * without percent-encoding. 0, or -1 with *error.
 */
int address_set_credentials(struct address_uri *uri, const char *text,
    size_t length, const char **error);

/*
 * Resolve both ends of a tuple to one address family; localhost means
 * 127.0.0.1 first, then ::1. A port of 0 is refused on the remote end; on the
 * local end it asks the kernel for one. Blocks in getaddrinfo(3). *error may
 * name the host and is valid until the next call.
 */
int address_resolve_tuple(const struct address_tuple *tuple,
    struct address_pair *pair, const char **error);

/*
 * From here on the parsers know ports by their numbers only: the names of
 * services are in a file, and this process opens none any more.
 */
void address_forget_services(void);

/* Nobody has to be asked to resolve it: addresses, or localhost. */
bool address_is_numeric(const char *host);
bool address_tuple_is_numeric(const struct address_tuple *tuple);

/* Resolve a listening service to a stream address. Blocks as above. */
int address_resolve_service(const struct address_service *service,
    struct sockaddr_storage *address, const char **error);

/*
 * The end of one that has a name, as a tuple or a permit gives it. Names stand
 * as AF_UNIX, a device's too.
 */
void address_name_pair(enum address_kind kind, const char *path,
    const char *rpath, struct address_pair *pair);

/* True for the kinds that have a name. */
bool address_is_named(enum address_kind kind);

/* True if both are one address; and one end. */
bool address_same(const struct sockaddr_storage *a,
    const struct sockaddr_storage *b);
bool
address_same_pair(const struct address_pair *a, const struct address_pair *b);

/* "127.0.0.1:1235", "unix:/run/x": what is bound, into text; returns text. */
char *
address_describe(const struct address_pair *pair, char text[ADDRESS_TEXT_MAX]);

/* True if one of the permits is this end, which has a name. */
bool address_permitted_end(const struct address_permit *permits, size_t count,
    const struct address_pair *end);

/* True if one of the permits holds the address and port. */
bool address_permitted(const struct address_permit *permits, size_t count,
    const struct sockaddr_storage *address);

/* The permits of a peer that has none: all of loopback. Static, two entries. */
#define ADDRESS_LOOPBACK_PERMITS 2
extern const struct address_permit
    address_loopback_permits[ADDRESS_LOOPBACK_PERMITS];

/* "127.0.0.1:1235", "[::1]:1235", a path or "*" into text; returns text. */
char *address_format(const struct sockaddr_storage *address,
    char text[ADDRESS_TEXT_MAX]);

/* An IPv4 address that came in as ::ffff:a.b.c.d becomes one, in place. */
void address_unmap(struct sockaddr_storage *address);

/* The length to pass to bind(2) and its kin. */
socklen_t address_length(const struct sockaddr_storage *address);

#endif
