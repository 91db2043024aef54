#include "supervisor/sockets.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/activation.h"
#include "supervisor/address.h"
#include "supervisor/config.h"
#include "supervisor/engine/udp.h"
#include "supervisor/log.h"
#include "supervisor/named_socket.h"
#include "supervisor/sockets_named.h"

#define LISTEN_BACKLOG 256
/* The kernel keeps connections that say nothing for so long to itself. */
#define DEFER_ACCEPT_S 1
#define BUSY_TRIES 25
#define BUSY_PAUSE_MS 20

/*
 * The processes of a supervisor that was killed a moment ago may hold its
 * addresses for another moment. True: waited, try again.
 */
static bool
wait_if_busy(int *tries)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_MS * 1000000L };

	if (errno != EADDRINUSE || (*tries)++ >= BUSY_TRIES)
		return false;
	nanosleep(&pause, NULL);
	errno = EADDRINUSE;
	return true;
}

/* Listen on the address; -1 with errno. */
static int
listen_on(const struct sockaddr_storage *address)
{
	const int on = 1, off = 0;
	int fd, saved;

	fd = socket(address->ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
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
static bool
narrow_to_ipv4(struct sockaddr_storage *address)
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

/* The address that the kernel gave, port and all, for the log. */
static const char *
describe(int fd, char text[ADDRESS_TEXT_MAX])
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		return "?";
	return address_format(&address, text);
}

/* A wish: without it everything works, with more to do for the engine. */
static void
defer_accept(int fd)
{
	const int seconds = DEFER_ACCEPT_S;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
	    sizeof(seconds));
}

/* A new listener, from that try on; -1 with errno. */
static int
bind_listener(struct sockaddr_storage *address, int tries)
{
	int fd;

	do {
		fd = listen_on(address);
		if (fd == -1 && errno == EAFNOSUPPORT &&
		    narrow_to_ipv4(address)) {
			log_info(NULL,
			    "the kernel has no IPv6: listening on IPv4 only");
			fd = listen_on(address);
		}
	} while (fd == -1 && wait_if_busy(&tries));
	if (fd != -1)
		defer_accept(fd);
	return fd;
}

/* A socket that was passed to us; all of IPv4 will do for "[::]". */
static int
take_listener(struct activation *activation, struct sockaddr_storage address)
{
	int fd = activation_take(activation, &address);

	if (fd == -1 && narrow_to_ipv4(&address))
		fd = activation_take(activation, &address);
	return fd;
}

static int
open_listener(const struct address_service *service,
    struct activation *activation)
{
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_MAX];
	const char *error;
	int fd;

	if (address_resolve_service(service, &address, &error) == -1) {
		log_error(NULL, "listen on %s: %s", service->host, error);
		return -1;
	}
	fd = take_listener(activation, address);
	if (fd != -1) {
		defer_accept(fd);
		log_info(NULL, "%s was passed to us", describe(fd, text));
		return fd;
	}
	fd = bind_listener(&address, 0);
	if (fd == -1) {
		log_error(NULL, "listen on %s: %s",
		    address_format(&address, text), strerror(errno));
		return -1;
	}
	log_debug(NULL, "bound to %s", describe(fd, text));
	return fd;
}

static int
open_udp(const struct config_tunnel *tunnel)
{
	struct address_pair pair;
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	const char *error;
	int fd, tries = 0;

	if (address_resolve_tuple(&tunnel->local, &pair, &error) == -1) {
		log_error(tunnel->name, "local UDP address: %s", error);
		return -1;
	}
	do {
		fd = udp_bind(&pair);
	} while (fd == -1 && wait_if_busy(&tries));
	if (fd == -1) {
		log_error(tunnel->name, "bind %s: %s",
		    address_format(&pair.local, local), strerror(errno));
		return -1;
	}
	log_info(tunnel->name, "UDP on %s, with %s", describe(fd, local),
	    address_format(&pair.remote, remote));
	return fd;
}

/* count descriptors that are not open yet; NULL when memory ran out. */
int *
sockets_new_descriptors(size_t count)
{
	int *fds = calloc(count + 1, sizeof(*fds));

	if (fds == NULL)
		log_error(NULL, "no memory for sockets");
	for (size_t i = 0; fds != NULL && i < count; i++)
		fds[i] = -1;
	return fds;
}

static int
open_listeners(struct sockets *sockets, const struct config *config,
    struct activation *activation)
{
	sockets->listens_count = config->listens_count;
	sockets->listens = sockets_new_descriptors(config->listens_count);
	if (sockets->listens == NULL)
		return -1;
	for (size_t i = 0; i < config->listens_count; i++) {
		sockets->listens[i] = open_listener(&config->listens[i],
		    activation);
		if (sockets->listens[i] == -1)
			return -1;
	}
	activation_close(activation);
	return 0;
}

static int
open_tunnels(struct sockets *sockets, const struct config *config)
{
	sockets->tunnels_count = config->tunnels_count;
	sockets->tunnels = sockets_new_descriptors(config->tunnels_count);
	if (sockets->tunnels == NULL)
		return -1;
	for (size_t i = 0; i < config->tunnels_count; i++) {
		if (address_is_named(config->tunnels[i].local.kind))
			continue;
		sockets->tunnels[i] = open_udp(&config->tunnels[i]);
		if (sockets->tunnels[i] == -1)
			return -1;
	}
	return 0;
}

/*
 * Its members may connect; the engine lets them look. The one that nobody need
 * have named is the package's, and for a service of root's.
 */
static int
share_control(struct named_socket *named, const char *name)
{
	const struct group *entry = getgrnam(name);
	bool ours = strcmp(name, CONFIG_MONITORS) == 0;

	if (ours &&
	    (entry == NULL || (geteuid() != 0 && !group_member(entry->gr_gid))))
		return 0;
	if (entry == NULL) {
		log_error(NULL, "control_group: there is no group %s", name);
		return -1;
	}
	named->group = entry->gr_gid;
	named->mode = 0660;
	/* Root has its own way where it may not give files away. */
	named->insist = geteuid() != 0;
	return 0;
}

static int
open_control(struct sockets *sockets, const struct config *config, uid_t owner,
    gid_t group)
{
	struct named_socket named = {
		.path = config->control,
		.type = SOCK_STREAM,
		.mode = 0600,
		.owner = owner,
		.group = group,
	};

	if (config->control[0] == '\0')
		return 0;
	if (config->control_group[0] != '\0' &&
	    share_control(&named, config->control_group) == -1)
		return -1;
	sockets->control = named_socket_open(&named);
	if (sockets->control == -1)
		return -1;
	return sockets_named_keep(sockets, config->control);
}

int
sockets_open(struct sockets *sockets, const struct config *config,
    struct activation *activation, uid_t owner, gid_t group)
{
	*sockets = (struct sockets){ .control = -1 };
	if (open_listeners(sockets, config, activation) == 0 &&
	    open_tunnels(sockets, config) == 0 &&
	    sockets_named_open(sockets, config, owner, group) == 0 &&
	    open_control(sockets, config, owner, group) == 0)
		return 0;
	sockets_close(sockets);
	return -1;
}

int
sockets_try_listener(const struct address_service *service,
    char why[SOCKETS_WHY_MAX])
{
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_MAX];
	const char *error;
	int fd;

	if (address_resolve_service(service, &address, &error) == -1) {
		snprintf(why, SOCKETS_WHY_MAX, "listen on %.200s", error);
		return -1;
	}
	fd = bind_listener(&address, BUSY_TRIES);
	if (fd == -1)
		snprintf(why, SOCKETS_WHY_MAX, "listen on %s: %s",
		    address_format(&address, text), strerror(errno));
	return fd;
}

int
sockets_try_tunnel(const struct address_tuple *tuple, char why[SOCKETS_WHY_MAX])
{
	struct address_pair pair;
	char text[ADDRESS_TEXT_MAX];
	const char *error;
	int fd;

	if (address_is_named(tuple->kind)) {
		snprintf(why, SOCKETS_WHY_MAX,
		    "what has a name is made at the start only");
		return -1;
	}
	if (address_resolve_tuple(tuple, &pair, &error) == -1) {
		snprintf(why, SOCKETS_WHY_MAX, "local UDP address: %.200s",
		    error);
		return -1;
	}
	fd = udp_bind(&pair);
	if (fd == -1)
		snprintf(why, SOCKETS_WHY_MAX, "bind %s: %s",
		    address_format(&pair.local, text), strerror(errno));
	return fd;
}

static void
close_all(int **fds, size_t *count)
{
	for (size_t i = 0; *fds != NULL && i < *count; i++)
		if ((*fds)[i] != -1)
			close((*fds)[i]);
	free(*fds);
	*fds = NULL;
	*count = 0;
}

void
sockets_drop(struct sockets *sockets)
{
	close_all(&sockets->listens, &sockets->listens_count);
	close_all(&sockets->tunnels, &sockets->tunnels_count);
	close_all(&sockets->permitted, &sockets->permitted_count);
	if (sockets->control != -1)
		close(sockets->control);
	sockets->control = -1;
}

void
sockets_keep_names(struct sockets *sockets, const struct config *config)
{
	close_all(&sockets->listens, &sockets->listens_count);
	for (size_t i = 0; i < sockets->tunnels_count; i++) {
		if (address_is_named(config->tunnels[i].local.kind))
			continue;
		close(sockets->tunnels[i]);
		sockets->tunnels[i] = -1;
	}
}

void
sockets_close(struct sockets *sockets)
{
	sockets_named_remove(sockets);
	sockets_drop(sockets);
}
