/*
 * A socket of applications stays, with all that waits in it, and is given other
 * rights. A control socket of other rights is another socket, since not
 * everybody who may make one for a group may give it away later: like a
 * listening socket in place of another kind, it is bound beside the one that is
 * there, and takes its name when it is kept. Whoever is sent datagrams sees the
 * name that a socket was bound to, so that is no way for those.
 */
#include "supervisor/holding.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config_ends.h"
#include "supervisor/log.h"
#include "supervisor/named_socket.h"
#include "supervisor/tun.h"

#define BESIDE ".new"

static int refuse(char why[HOLDING_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int
refuse(char why[HOLDING_WHY_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, HOLDING_WHY_MAX, format, arguments);
	va_end(arguments);
	return -1;
}

static struct holding_item *
add(struct holding *wanted, const char *name, uid_t owner, gid_t group)
{
	struct holding_item *items, *item;

	items = reallocarray(wanted->items, wanted->count + 1, sizeof(*items));
	if (items == NULL)
		return NULL;
	wanted->items = items;
	item = &items[wanted->count];
	*item = (struct holding_item){ .name = strdup(name),
		.owner = owner,
		.group = group,
		.fd = -1 };
	if (item->name == NULL)
		return NULL;
	wanted->count++;
	return item;
}

/* Of an end that says who is to have it. */
static int
find_owner(struct holding_item *item, const struct config_rights *rights,
    char *why)
{
	const struct passwd *user;
	const struct group *group;

	if (rights->owner[0] != '\0') {
		user = getpwnam(rights->owner);
		if (user == NULL)
			return refuse(why,
			    "%s: unix_owner: there is no user %s", item->of,
			    rights->owner);
		item->owner = user->pw_uid;
		item->insist = true;
	}
	if (rights->group[0] != '\0') {
		group = getgrnam(rights->group);
		if (group == NULL)
			return refuse(why,
			    "%s: unix_group: there is no group %s", item->of,
			    rights->group);
		item->group = group->gr_gid;
		item->insist = true;
	}
	return 0;
}

static int
want_end(struct holding *wanted, const struct config_end *end, uid_t owner,
    gid_t group, char *why)
{
	char text[ADDRESS_TEXT_MAX];
	struct holding_item *item = add(wanted,
	    address_format(&end->pair.local, text), owner, group);

	if (item == NULL)
		return refuse(why, "named ends: %s", strerror(errno));
	snprintf(item->of, sizeof(item->of), "%s", end->of);
	item->kind = end->pair.kind;
	item->mode = end->rights->mode == 0 ? CONFIG_UNIX_MODE :
					      end->rights->mode;
	item->mtu = end->rights->tun_mtu;
	item->offload = end->rights->tun_offload;
	return find_owner(item, end->rights, why);
}

/*
 * The group's members may connect; the engine lets them look. The one that
 * nobody need have named is the package's, and for a service of root's.
 */
static int
share_control(struct holding_item *item, const char *name, char *why)
{
	const struct group *entry = getgrnam(name);
	bool ours = strcmp(name, CONFIG_MONITORS) == 0;

	if (ours &&
	    (entry == NULL || (geteuid() != 0 && !group_member(entry->gr_gid))))
		return 0;
	if (entry == NULL)
		return refuse(why, "control_group: there is no group %s", name);
	item->group = entry->gr_gid;
	item->mode = 0660;
	/* Root has its own way where it may not give files away. */
	item->insist = geteuid() != 0;
	return 0;
}

static int
want_control(struct holding *wanted, const struct config *config, uid_t owner,
    gid_t group, char *why)
{
	struct holding_item *item;

	if (config->control[0] == '\0')
		return 0;
	item = add(wanted, config->control, owner, group);
	if (item == NULL)
		return refuse(why, "named ends: %s", strerror(errno));
	item->control = true;
	item->mode = 0600;
	return config->control_group[0] == '\0' ?
	    0 :
	    share_control(item, config->control_group, why);
}

int
holding_want(struct holding *wanted, const struct config *config, uid_t owner,
    gid_t group, char why[HOLDING_WHY_MAX])
{
	struct config_walk walk = { 0 };
	struct config_end end;
	int result = 0;

	*wanted = (struct holding){ .count = 0 };
	while (result == 0 && config_ends_next(config, &walk, &end))
		result = want_end(wanted, &end, owner, group, why);
	if (result == 0)
		result = want_control(wanted, config, owner, group, why);
	if (result == -1)
		holding_drop(wanted);
	return result;
}

static int
socket_type(const struct holding_item *item)
{
	if (item->control)
		return SOCK_STREAM;
	return item->kind == ADDRESS_UNIX ? SOCK_DGRAM : SOCK_SEQPACKET;
}

static int
open_socket(struct holding_item *item, const char *path, char *why)
{
	const struct named_socket named = { .path = path,
		.why = why,
		.file = &item->file,
		.type = socket_type(item),
		.mode = item->mode,
		.owner = item->owner,
		.group = item->group,
		.insist = item->insist };

	return named_socket_open(&named);
}

static bool
is_device(const struct holding_item *item)
{
	return !item->control && item->kind == ADDRESS_TUN;
}

/* The name of a control socket that is not kept yet. */
static const char *
name_beside(const struct holding_item *item, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s%s", item->name, BESIDE);
	return path;
}

static int
open_item(struct holding_item *item, char *why)
{
	char words[NAMED_SOCKET_WHY_MAX] = "", path[PATH_MAX];

	_Static_assert(TUN_WHY_MAX == NAMED_SOCKET_WHY_MAX, "one for both");
	if (is_device(item))
		item->fd = tun_open(item->name, item->mtu, item->offload,
		    words);
	else
		item->fd = open_socket(item,
		    item->beside ? name_beside(item, path) : item->name, words);
	if (item->fd != -1)
		return 0;
	snprintf(why, HOLDING_WHY_MAX, "%s: %s",
	    item->control ? "control" : item->of, words);
	return -1;
}

static const struct holding_item *
find(const struct holding *held, const struct holding_item *item)
{
	for (size_t i = 0; i < held->count; i++)
		if (is_device(&held->items[i]) == is_device(item) &&
		    strcmp(held->items[i].name, item->name) == 0)
			return &held->items[i];
	return NULL;
}

static bool
same_rights(const struct holding_item *a, const struct holding_item *b)
{
	return a->mode == b->mode && a->owner == b->owner &&
	    a->group == b->group && a->insist == b->insist;
}

static bool
may_share(const struct holding_item *a, const struct holding_item *b)
{
	return a->control == b->control && a->kind == b->kind &&
	    (!a->control || same_rights(a, b));
}

static void
share(struct holding_item *item, const struct holding_item *same)
{
	item->fd = same->fd;
	item->file = same->file;
}

int
holding_open(struct holding *wanted, const struct holding *held,
    char why[HOLDING_WHY_MAX])
{
	const struct holding_item *same;
	struct holding_item *item;

	for (size_t i = 0; i < wanted->count; i++) {
		item = &wanted->items[i];
		same = find(held, item);
		item->shared = same != NULL && may_share(item, same);
		item->beside = same != NULL && !item->shared;
		if (item->shared)
			share(item, same);
		else if (item->beside && socket_type(item) == SOCK_DGRAM)
			return refuse(why,
			    "%s: socket %s: is of another kind now, and must "
			    "go first",
			    item->of, item->name);
		else if (open_item(item, why) == -1)
			return -1;
	}
	return 0;
}

static void
remove_name(const char *name)
{
	if (unlink(name) == -1 && errno != ENOENT)
		log_info(NULL, "socket %s: its name stays: %s", name,
		    strerror(errno));
}

static void
close_item(struct holding_item *item)
{
	char path[PATH_MAX];

	if (item->fd == -1)
		return;
	if (!is_device(item))
		remove_name(
		    item->beside ? name_beside(item, path) : item->name);
	close(item->fd);
}

void
holding_forget(struct holding *held)
{
	for (size_t i = 0; i < held->count; i++)
		free(held->items[i].name);
	free(held->items);
	*held = (struct holding){ .count = 0 };
}

void
holding_drop(struct holding *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (!wanted->items[i].shared)
			close_item(&wanted->items[i]);
	holding_forget(wanted);
}

void
holding_end(struct holding *held)
{
	for (size_t i = 0; i < held->count; i++)
		close_item(&held->items[i]);
	holding_forget(held);
}

static void
fail_rights(const struct holding_item *item)
{
	log_warn(item->of, "%s keeps the rights that it has: %s", item->name,
	    named_file_error());
}

/* Its folder may be its owner's, who can have put something else there. */
static void
fit_socket(const struct holding_item *item)
{
	int file = named_file_open(item->name, &item->file);

	if (file == -1) {
		fail_rights(item);
		return;
	}
	if (((geteuid() == 0 || item->insist) &&
		named_file_give(file, item->owner, item->group) == -1) ||
	    named_file_set_mode(file, item->mode) == -1)
		fail_rights(item);
	close(file);
}

static void
fit(const struct holding_item *item, const struct holding_item *before)
{
	if (is_device(item)) {
		if ((item->mtu != 0 && item->mtu != before->mtu &&
			tun_set_mtu(item->name, item->mtu) == -1) ||
		    tun_set_offload(item->fd, item->offload) == -1)
			fail_rights(item);
		return;
	}
	if (!same_rights(item, before))
		fit_socket(item);
}

static void
settle(struct holding_item *item)
{
	char path[PATH_MAX];

	if (item->beside && rename(name_beside(item, path), item->name) == -1)
		log_warn(NULL, "socket %s: stays the old one: %s", item->name,
		    strerror(errno));
	item->beside = item->shared = false;
}

void
holding_keep(struct holding *held, struct holding *wanted)
{
	const struct holding_item *next;

	for (size_t i = 0; i < held->count; i++) {
		next = find(wanted, &held->items[i]);
		if (next == NULL)
			close_item(&held->items[i]);
		else if (next->shared)
			fit(next, &held->items[i]);
		else /* Another one takes its name. */
			close(held->items[i].fd);
	}
	for (size_t i = 0; i < wanted->count; i++)
		settle(&wanted->items[i]);
	holding_forget(held);
	*held = *wanted;
	*wanted = (struct holding){ .count = 0 };
}
