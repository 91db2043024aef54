#include "supervisor/listening.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/log.h"

#define LISTEN_BACKLOG 256
/* The kernel keeps connections that say nothing for so long to itself. */
#define DEFER_ACCEPT_S 1
#define BUSY_TRIES 25
#define BUSY_PAUSE_MS 20

/*
 * The processes of a supervisor that was killed a moment ago may hold its
 * addresses for another moment. True: waited, try again.
 */
bool
listening_wait(int *tries)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_MS * 1000000L };

	if (errno != EADDRINUSE || (*tries)++ >= BUSY_TRIES)
		return false;
	nanosleep(&pause, NULL);
	errno = EADDRINUSE;
	return true;
}

static bool
set_shared(int fd, int shared)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared,
		   sizeof(shared)) == 0;
}

/* Listen on the address; -1 with errno. */
static int
listen_on(const struct sockaddr_storage *address, bool shared)
{
	const int on = 1, off = 0;
	int fd, saved;

	fd = socket(address->ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (!shared || set_shared(fd, 1)) &&
	    (address->ss_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ==
		    0) &&
	    bind(fd, (const struct sockaddr *)address,
		address_length(address)) == 0 &&
	    listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* "[::]" without IPv6 means all of IPv4. */
bool
listening_narrow(struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *wide = (const struct sockaddr_in6 *)address;
	struct sockaddr_in narrow = { .sin_family = AF_INET };

	if (address->ss_family != AF_INET6 ||
	    !IN6_IS_ADDR_UNSPECIFIED(&wide->sin6_addr))
		return false;
	narrow.sin_port = wide->sin6_port;
	memset(address, 0, sizeof(*address));
	memcpy(address, &narrow, sizeof(narrow));
	return true;
}

/* A wish: without it everything works, with more to do for the engine. */
void
listening_defer(int fd)
{
	const int seconds = DEFER_ACCEPT_S;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
	    sizeof(seconds));
}

int
listening_bind(struct sockaddr_storage *address, bool patient)
{
	int fd, tries = patient ? 0 : BUSY_TRIES;

	do {
		fd = listen_on(address, false);
		if (fd == -1 && errno == EAFNOSUPPORT &&
		    listening_narrow(address)) {
			log_info(NULL,
			    "the kernel has no IPv6: listening on IPv4 only");
			fd = listen_on(address, false);
		}
	} while (fd == -1 && listening_wait(&tries));
	if (fd != -1)
		listening_defer(fd);
	return fd;
}

int
listening_again(const struct sockaddr_storage *address, const int *there,
    size_t count)
{
	struct sockaddr_storage own;
	socklen_t length;

	for (size_t i = 0; i < count; i++) {
		own = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
		length = sizeof(own);
		if (getsockname(there[i], (struct sockaddr *)&own, &length) ==
			0 &&
		    address_same(&own, address))
			return fcntl(there[i], F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

/*
 * Beside those that are there, which agree to it for a moment: addresses that
 * overlap are refused else.
 */
int
listening_beside(const struct sockaddr_storage *address, const int *there,
    size_t count)
{
	int fd, saved;

	for (size_t i = 0; i < count; i++)
		(void)set_shared(there[i], 1);
	fd = listen_on(address, true);
	saved = errno;
	for (size_t i = 0; i < count; i++)
		(void)set_shared(there[i], 0);
	if (fd != -1) {
		(void)set_shared(fd, 0);
		listening_defer(fd);
	}
	errno = saved;
	return fd;
}
