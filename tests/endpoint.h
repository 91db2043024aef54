/*
 * The sockets of the measuring tools: from the text of the command line to a
 * bound and perhaps connected descriptor. Errors end the program.
 */
#ifndef TESTS_ENDPOINT_H
#define TESTS_ENDPOINT_H

#include <sys/socket.h>

#define ENDPOINT_TEXT_MAX 80 /* "[v6]:port" with a scope */

struct endpoint {
	int family;		/* AF_UNSPEC, AF_INET, AF_INET6 */
	const char *local_host; /* NULL: any, or the one that fits */
	const char *local_port; /* NULL: the kernel's choice */
	const char *host;	/* NULL: not connected */
	const char *port;
	int buffer_bytes; /* of the socket, each way */
	/* A local socket instead, if a type is given. */
	int unix_type;
	const char *unix_bind; /* NULL: it has no name */
	const char *unix_path; /* NULL: not connected */
};

/* Returns a blocking descriptor. */
int endpoint_open(const struct endpoint *endpoint);

/* The local port that the socket is bound to. */
unsigned int endpoint_port(int fd);

/* "127.0.0.1:1235" or "[::1]:1235" into text; returns text. */
char *endpoint_format(const struct sockaddr_storage *address,
    char text[ENDPOINT_TEXT_MAX]);

/*
 * A port that was free a moment ago for TCP and UDP alike, chosen at random
 * below the range from which the kernel gives ephemeral ones.
 */
unsigned int endpoint_free_port(void);

#endif
