#include "supervisor/activation.h"

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/log.h"

/* A number of 1 to most in the environment, else 0. */
static long
read_number(const char *name, long most)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && value <= most ? value : 0;
}

static bool
prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

void
activation_open(struct activation *activation)
{
	long count = 0;

	if (read_number("LISTEN_PID", INT_MAX) == getpid())
		count = read_number("LISTEN_FDS", ACTIVATION_MAX);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	*activation = (struct activation){ .count = (size_t)count };
	for (int i = 0; i < (int)count; i++) {
		activation->fd[i] = ACTIVATION_FIRST + i;
		if (!prepare(activation->fd[i]))
			activation->fd[i] = -1;
	}
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		    a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	    a6->sin6_scope_id == b6->sin6_scope_id &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static bool
has(int fd, int option, int wanted)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 &&
	    value == wanted;
}

/* Does it listen, and where? */
static bool
find_address(int fd, struct sockaddr_storage *address)
{
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
	return has(fd, SO_TYPE, SOCK_STREAM) && has(fd, SO_ACCEPTCONN, 1) &&
	    getsockname(fd, (struct sockaddr *)address, &length) == 0 &&
	    (address->ss_family == AF_INET || address->ss_family == AF_INET6);
}

int
activation_take(struct activation *activation,
    const struct sockaddr_storage *address)
{
	struct sockaddr_storage here;
	int fd;

	for (size_t i = 0; i < activation->count; i++) {
		fd = activation->fd[i];
		if (fd == -1 || !find_address(fd, &here) ||
		    !same_address(&here, address))
			continue;
		activation->fd[i] = -1;
		return fd;
	}
	return -1;
}

void
activation_close(struct activation *activation)
{
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_MAX];
	int fd;

	for (size_t i = 0; i < activation->count; i++) {
		fd = activation->fd[i];
		if (fd == -1)
			continue;
		if (find_address(fd, &address))
			log_warn(NULL, "passed socket %s is not in `listen`",
			    address_format(&address, text));
		else
			log_warn(NULL,
			    "passed descriptor %d is no listening "
			    "TCP socket",
			    fd);
		close(fd);
	}
	activation->count = 0;
}
