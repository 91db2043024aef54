#include "supervisor/holding_want.h"

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/config_ends.h"

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
			return holding_refuse(why,
			    "%s: unix_owner: there is no user %s", item->of,
			    rights->owner);
		item->owner = user->pw_uid;
		item->insist = true;
	}
	if (rights->group[0] != '\0') {
		group = getgrnam(rights->group);
		if (group == NULL)
			return holding_refuse(why,
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
		return holding_refuse(why, "named ends: %s", strerror(errno));
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
		return holding_refuse(why,
		    "control_group: there is no group %s", name);
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
		return holding_refuse(why, "named ends: %s", strerror(errno));
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
