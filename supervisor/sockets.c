#include "supervisor/sockets.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
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
#include "supervisor/config_ends.h"
#include "supervisor/engine/udp.h"
#include "supervisor/holding_want.h"
#include "supervisor/listening.h"
#include "supervisor/log.h"

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

/* A socket that was passed to us; all of IPv4 will do for "[::]". */
static int
take_listener(struct activation *activation, struct sockaddr_storage address)
{
	int fd = activation_take(activation, &address);

	if (fd == -1 && listening_narrow(&address))
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
		listening_defer(fd);
		log_info(NULL, "%s was passed to us", describe(fd, text));
		return fd;
	}
	fd = listening_bind(&address, true);
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
	} while (fd == -1 && listening_wait(&tries));
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
static int *
new_descriptors(size_t count)
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
	sockets->listens = new_descriptors(config->listens_count);
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
	sockets->tunnels = new_descriptors(config->tunnels_count);
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

static void
describe_end(const struct config_end *end)
{
	char text[ADDRESS_TEXT_MAX];

	address_describe(&end->pair, text);
	if (end->permitted)
		log_info(end->of, "the peer may ask for %s", text);
	else
		log_info(end->of, "applications find it at %s", text);
}

/* Each where the engine looks for it. */
static void
spread(struct sockets *sockets, const struct config *config)
{
	const struct holding_item *item = sockets->held.items;
	struct config_walk walk = { 0 };
	struct config_end end;

	for (; config_ends_next(config, &walk, &end); item++) {
		describe_end(&end);
		if (end.permitted)
			sockets->permitted[sockets->permitted_count++] =
			    item->fd;
		else
			sockets->tunnels[walk.tunnel - 1] = item->fd;
	}
	if (config->control[0] != '\0')
		sockets->control = item->fd;
}

static int
open_named(struct sockets *sockets, const struct config *config, uid_t owner,
    gid_t group)
{
	const struct holding none = { .count = 0 };
	char why[HOLDING_WHY_MAX];

	if (holding_want(&sockets->held, config, owner, group, why) == -1 ||
	    holding_open(&sockets->held, &none, why) == -1) {
		log_error(NULL, "%s", why);
		holding_drop(&sockets->held);
		return -1;
	}
	sockets->permitted = new_descriptors(sockets->held.count);
	if (sockets->permitted == NULL) {
		holding_drop(&sockets->held);
		return -1;
	}
	spread(sockets, config);
	return 0;
}

int
sockets_open(struct sockets *sockets, const struct config *config,
    struct activation *activation, uid_t owner, gid_t group)
{
	*sockets = (struct sockets){ .control = -1 };
	if (open_listeners(sockets, config, activation) == 0 &&
	    open_tunnels(sockets, config) == 0 &&
	    open_named(sockets, config, owner, group) == 0)
		return 0;
	sockets_close(sockets);
	return -1;
}

int
sockets_try_listener(const struct address_service *service, const int *there,
    size_t count, char why[SOCKETS_WHY_MAX])
{
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT_MAX];
	const char *error;
	int fd;

	if (address_resolve_service(service, &address, &error) == -1) {
		snprintf(why, SOCKETS_WHY_MAX, "listen on %.200s", error);
		return -1;
	}
	fd = listening_again(&address, there, count);
	if (fd == -1)
		fd = listening_bind(&address, false);
	if (fd == -1 && errno == EADDRINUSE)
		fd = listening_beside(&address, there, count);
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

static bool
is_held(const struct holding *held, int fd)
{
	for (size_t i = 0; i < held->count; i++)
		if (held->items[i].fd == fd)
			return true;
	return false;
}

struct holding
sockets_keep_names(struct sockets *sockets)
{
	struct holding held = sockets->held;

	for (size_t i = 0; i < sockets->tunnels_count; i++)
		if (is_held(&held, sockets->tunnels[i]))
			sockets->tunnels[i] = -1;
	sockets->permitted_count = 0;
	sockets->control = -1;
	sockets->held = (struct holding){ .count = 0 };
	sockets_close(sockets);
	return held;
}

void
sockets_close(struct sockets *sockets)
{
	close_all(&sockets->listens, &sockets->listens_count);
	close_all(&sockets->tunnels, &sockets->tunnels_count);
	close_all(&sockets->permitted, &sockets->permitted_count);
	if (sockets->control != -1)
		close(sockets->control);
	sockets->control = -1;
	holding_forget(&sockets->held);
}
