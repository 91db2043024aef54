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

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "supervisor/named_socket.h"
#include "supervisor/tun.h"

#define BESIDE ".new"

int
holding_refuse(char why[HOLDING_WHY_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, HOLDING_WHY_MAX, format, arguments);
	va_end(arguments);
	return -1;
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

/* A name that is gone or another's, a device that was deleted. */
static bool
is_lost(const struct holding_item *item)
{
	if (is_device(item))
		return tun_set_offload(item->fd, item->offload) == -1 &&
		    errno == EBADFD;
	return named_file_check(item->name, &item->file) == -1 &&
	    (errno == ENOENT || errno == ENOTDIR || errno == ESTALE);
}

/* If it cannot be, all else is to be done all the same. */
static bool
open_again(struct holding_item *item, char *why)
{
	item->again = open_item(item, why) == 0;
	if (item->again)
		log_notice(NULL, "%s was gone, and is opened again",
		    item->name);
	else
		log_warn(NULL, "what has lost its name stays without: %s", why);
	return item->again;
}

static int
open_beside(struct holding_item *item, const struct holding_item *same,
    char why[HOLDING_WHY_MAX])
{
	item->shared = same != NULL && may_share(item, same);
	item->beside = same != NULL && !item->shared;
	if (item->shared) {
		share(item, same);
		return 0;
	}
	if (item->beside && socket_type(item) == SOCK_DGRAM)
		return holding_refuse(why,
		    "%s: socket %s: is of another kind now, and must go first",
		    item->of, item->name);
	return open_item(item, why);
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
		if (same != NULL && is_lost(same) && open_again(item, why))
			continue;
		if (open_beside(item, same, why) == -1)
			return -1;
	}
	return 0;
}

static void
remove_name(const struct holding_item *item, const char *name)
{
	if (named_file_remove(name, &item->file) == 0 || errno == ENOENT)
		return;
	if (errno == ESTALE)
		log_warn(NULL,
		    "socket %s: something else has its name by now, and stays",
		    name);
	else
		log_info(NULL, "socket %s: its name stays: %s", name,
		    strerror(errno));
}

static void
close_item(const struct holding_item *item)
{
	char path[PATH_MAX];

	if (item->fd == -1)
		return;
	if (!is_device(item))
		remove_name(item,
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

/* From the one before, which is open still, or from nobody. */
static void
take_name(const struct holding_item *item, const struct holding_item *before)
{
	char path[PATH_MAX];

	if ((named_file_check(item->name, &before->file) == 0 ||
		errno == ENOENT) &&
	    rename(name_beside(item, path), item->name) == 0)
		return;
	log_warn(NULL, "socket %s: stays the old one: %s", item->name,
	    named_file_error());
	remove_name(item, name_beside(item, path));
}

static void
succeed(const struct holding_item *item, const struct holding_item *before)
{
	if (item == NULL) {
		close_item(before);
	} else if (item->shared) {
		fit(item, before);
	} else {
		if (item->beside)
			take_name(item, before);
		close(before->fd);
	}
}

void
holding_keep(struct holding *held, struct holding *wanted)
{
	for (size_t i = 0; i < held->count; i++)
		succeed(find(wanted, &held->items[i]), &held->items[i]);
	for (size_t i = 0; i < wanted->count; i++)
		wanted->items[i].beside = wanted->items[i].shared = false;
	holding_forget(held);
	*held = *wanted;
	*wanted = (struct holding){ .count = 0 };
}
