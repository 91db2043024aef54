#include "supervisor/sandbox.h"

#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "supervisor/config.h"
#include "supervisor/config_relays.h"
#include "supervisor/log.h"
#include "supervisor/sandbox_landlock.h"

/* As the worker sees it: nobody has to be asked. */
static bool
is_numeric(const char *host)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static int
check_paths(const struct config_tunnel *tunnel)
{
	const struct config_path *path;

	for (size_t i = 0; i < tunnel->paths_count; i++) {
		path = &tunnel->paths[i];
		if (!config_relays_ask(tunnel, path, is_numeric))
			continue;
		log_error(tunnel->name,
		    "%s: engine and workers share a user "
		    "id and this kernel has no Landlock: relays must be "
		    "numeric addresses",
		    path->uri);
		return -1;
	}
	return 0;
}

/* The first answer holds: later ones are our own filter's. */
static int
kernel_level(void)
{
	static int level = -1;

	if (level == -1)
		level = sandbox_landlock_level();
	return level;
}

int
sandbox_check_config(struct config *config, bool shared_user)
{
	int level = kernel_level();

	if (level == -1) {
		log_error(NULL, "lock-in: Landlock: %s", strerror(errno));
		return -1;
	}
	config->numeric = level == 0 && shared_user;
	if (!config->numeric)
		return 0;
	for (size_t i = 0; i < config->tunnels_count; i++)
		if (check_paths(&config->tunnels[i]) == -1)
			return -1;
	return 0;
}
