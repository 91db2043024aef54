#include "supervisor/sockets_named.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/config_ends.h"
#include "supervisor/log.h"
#include "supervisor/named_socket.h"
#include "supervisor/sockets.h"
#include "supervisor/tun.h"

/* 0, or -1 having logged. */
static int
find_owner(const struct config_end *end, struct named_socket *named)
{
	const struct config_rights *rights = end->rights;
	const struct passwd *user;
	const struct group *group;

	if (rights->owner[0] != '\0') {
		user = getpwnam(rights->owner);
		if (user == NULL) {
			log_error(end->of, "unix_owner: there is no user %s",
			    rights->owner);
			return -1;
		}
		named->owner = user->pw_uid;
		named->insist = true;
	}
	if (rights->group[0] != '\0') {
		group = getgrnam(rights->group);
		if (group == NULL) {
			log_error(end->of, "unix_group: there is no group %s",
			    rights->group);
			return -1;
		}
		named->group = group->gr_gid;
		named->insist = true;
	}
	return 0;
}

static int
open_socket(const struct config_end *end, uid_t owner, gid_t group)
{
	const struct config_rights *rights = end->rights;
	const struct sockaddr_un *address =
	    (const struct sockaddr_un *)&end->pair.local;
	struct named_socket named = {
		.subject = end->of,
		.path = address->sun_path,
		.type = end->pair.kind == ADDRESS_UNIX ? SOCK_DGRAM :
							 SOCK_SEQPACKET,
		.mode = rights->mode == 0 ? CONFIG_UNIX_MODE : rights->mode,
		.owner = owner,
		.group = group,
	};

	if (find_owner(end, &named) == -1)
		return -1;
	return named_socket_open(&named);
}

static int
open_end(const struct config_end *end, uid_t owner, gid_t group)
{
	char text[ADDRESS_TEXT_MAX];
	int fd;

	if (end->pair.kind == ADDRESS_TUN)
		fd = tun_open(end->of, address_format(&end->pair.local, text),
		    end->rights->tun_mtu);
	else
		fd = open_socket(end, owner, group);
	address_describe(&end->pair, text);
	if (fd != -1 && end->permitted)
		log_info(end->of, "the peer may ask for %s", text);
	else if (fd != -1)
		log_info(end->of, "applications find it at %s", text);
	return fd;
}

int
sockets_named_keep(struct sockets *sockets, const char *path)
{
	char **names;

	names = reallocarray(sockets->names, sockets->names_count + 1,
	    sizeof(*names));
	if (names == NULL)
		return -1;
	sockets->names = names;
	names[sockets->names_count] = strdup(path);
	if (names[sockets->names_count] == NULL)
		return -1;
	sockets->names_count++;
	return 0;
}

/* Where the descriptor of the end belongs. */
static int *
place_of(struct sockets *sockets, const struct config_walk *walk,
    const struct config_end *end)
{
	return end->permitted ? &sockets->permitted[sockets->permitted_count] :
				&sockets->tunnels[walk->tunnel - 1];
}

static size_t
count_ends(const struct config *config)
{
	struct config_walk walk = { 0 };
	struct config_end end;
	size_t count = 0;

	while (config_ends_next(config, &walk, &end))
		count++;
	return count;
}

int
sockets_named_open(struct sockets *sockets, const struct config *config,
    uid_t owner, gid_t group)
{
	struct config_walk walk = { 0 };
	struct config_end end;
	char path[ADDRESS_TEXT_MAX];
	int *fd;

	sockets->permitted = sockets_new_descriptors(count_ends(config));
	if (sockets->permitted == NULL)
		return -1;
	while (config_ends_next(config, &walk, &end)) {
		fd = place_of(sockets, &walk, &end);
		*fd = open_end(&end, owner, group);
		if (*fd == -1)
			return -1;
		sockets->permitted_count += end.permitted;
		if (end.pair.kind != ADDRESS_TUN &&
		    sockets_named_keep(sockets,
			address_format(&end.pair.local, path)) == -1)
			return -1;
	}
	return 0;
}

static void
remove_name(char *name)
{
	if (name != NULL && unlink(name) == -1 && errno != ENOENT)
		log_info(NULL, "socket %s: its name stays: %s", name,
		    strerror(errno));
	free(name);
}

void
sockets_named_remove(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->names_count; i++)
		remove_name(sockets->names[i]);
	free(sockets->names);
	sockets->names = NULL;
	sockets->names_count = 0;
}
