#include "tests/endpoint.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#define FREE_PORT_FIRST 10240
#define FREE_PORT_COUNT 22000

static struct addrinfo *
resolve(int family, const char *host, const char *port, int flags)
{
	struct addrinfo hints, *list;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = family;
	hints.ai_socktype = SOCK_DGRAM;
	hints.ai_flags = flags;
	error = getaddrinfo(host, port, &hints, &list);
	if (error != 0)
		errx(1, "%s port %s: %s", host == NULL ? "*" : host, port,
		    gai_strerror(error));
	return list;
}

/* Beyond rmem_max where that is permitted, up to it elsewhere. */
static void
set_buffers(int fd, int bytes)
{
	if (bytes == 0)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ==
	    -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
		    sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) ==
	    -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes,
		    sizeof(bytes));
}

static int
bind_local(const struct endpoint *endpoint, int family)
{
	const char *port = endpoint->local_port;
	struct addrinfo *local;
	int fd, on = 1;

	local = resolve(family, endpoint->local_host, port == NULL ? "0" : port,
	    AI_PASSIVE);
	fd = socket(local->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	set_buffers(fd, endpoint->buffer_bytes);
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (bind(fd, local->ai_addr, local->ai_addrlen) == -1)
		err(1, "bind port %s", port == NULL ? "0" : port);
	freeaddrinfo(local);
	return fd;
}

static void
name_local(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlcpy(address->sun_path, path, sizeof(address->sun_path)) >=
	    sizeof(address->sun_path))
		errx(2, "%s: too long", path);
}

static int
open_unix(const struct endpoint *endpoint)
{
	struct sockaddr_un address;
	int fd;

	fd = socket(AF_UNIX, endpoint->unix_type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	if (endpoint->unix_bind != NULL) {
		name_local(&address, endpoint->unix_bind);
		unlink(address.sun_path);
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ==
		    -1)
			err(1, "bind %s", address.sun_path);
	}
	if (endpoint->unix_path != NULL) {
		name_local(&address, endpoint->unix_path);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ==
		    -1)
			err(1, "connect %s", address.sun_path);
	}
	return fd;
}

int
endpoint_open(const struct endpoint *endpoint)
{
	struct addrinfo *remote;
	int fd;

	if (endpoint->unix_type != 0)
		return open_unix(endpoint);

	if (endpoint->host == NULL)
		return bind_local(endpoint, endpoint->family);
	remote = resolve(endpoint->family, endpoint->host, endpoint->port, 0);
	fd = bind_local(endpoint, remote->ai_family);
	if (connect(fd, remote->ai_addr, remote->ai_addrlen) == -1)
		err(1, "connect %s port %s", endpoint->host, endpoint->port);
	freeaddrinfo(remote);
	return fd;
}

unsigned int
endpoint_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		err(1, "getsockname");
	if (address.ss_family == AF_UNIX)
		return 0;
	if (getnameinfo((struct sockaddr *)&address, length, NULL, 0, port,
		sizeof(port), NI_NUMERICSERV) != 0)
		errx(1, "getnameinfo");
	return (unsigned int)strtonum(port, 0, UINT16_MAX, NULL);
}

char *
endpoint_format(const struct sockaddr_storage *address,
    char text[ENDPOINT_TEXT_MAX])
{
	const char *bare;
	char host[64], port[8];

	if (getnameinfo((const struct sockaddr *)address, sizeof(*address),
		host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		snprintf(text, ENDPOINT_TEXT_MAX, "unknown");
		return text;
	}
	bare = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host;
	snprintf(text, ENDPOINT_TEXT_MAX,
	    strchr(bare, ':') == NULL ? "%s:%s" : "[%s]:%s", bare, port);
	return text;
}

/* A family that the kernel does not have holds no port. */
static bool
port_is_free(unsigned int port, int family, int type)
{
	struct sockaddr_in6 any; /* as long as any, the port in its place */
	bool is_free;
	int fd;

	fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return true;
	memset(&any, 0, sizeof(any));
	any.sin6_family = (sa_family_t)family;
	any.sin6_port = htons((uint16_t)port);
	is_free = bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;
	close(fd);
	return is_free;
}

unsigned int
endpoint_free_port(void)
{
	unsigned int port, tries;

	for (tries = 0; tries < 1000; tries++) {
		port = FREE_PORT_FIRST + arc4random_uniform(FREE_PORT_COUNT);
		if (port_is_free(port, AF_INET, SOCK_STREAM) &&
		    port_is_free(port, AF_INET6, SOCK_STREAM) &&
		    port_is_free(port, AF_INET, SOCK_DGRAM) &&
		    port_is_free(port, AF_INET6, SOCK_DGRAM))
			return port;
	}
	errx(1, "no free port found");
}
