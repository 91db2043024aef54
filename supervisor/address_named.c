/*
 * Ends that have a name: local sockets, and network devices.
 */
#include <sys/un.h>

#include <bsd/string.h>
#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/address_text.h"

_Static_assert(ADDRESS_PATH_MAX == sizeof(((struct sockaddr_un *)0)->sun_path),
    "a path is what the kernel takes");

/* By kind; NULL: it has no name. */
static const char *const prefixes[] = {
	[ADDRESS_UDP] = NULL,
	[ADDRESS_LEARN] = NULL,
	[ADDRESS_UNIX] = "unix:",
	[ADDRESS_SEQPACKET] = "unix-seqpacket:",
	[ADDRESS_TUN] = "tun:",
};

#define KINDS (sizeof(prefixes) / sizeof(prefixes[0]))

bool
address_is_named(enum address_kind kind)
{
	return prefixes[kind] != NULL;
}

/* The kind that a text begins like, and what follows; KINDS: none. */
static size_t
tell_kind(const char *text, const char **name)
{
	size_t kind, length;

	for (kind = 0; kind < KINDS; kind++) {
		if (prefixes[kind] == NULL)
			continue;
		length = strlen(prefixes[kind]);
		if (strncmp(text, prefixes[kind], length) == 0) {
			*name = text + length;
			break;
		}
	}
	return kind;
}

bool
address_text_is_named(const char *text)
{
	const char *name;
	size_t kind = tell_kind(text, &name);

	/* unix:9 and tun:9 are a port of a host of that name. */
	if (kind == ADDRESS_TUN)
		return isalpha((unsigned char)*name) &&
		    strchr(name, ':') == NULL;
	return kind != KINDS && *name == '/';
}

bool
address_text_is_like_named(const char *text)
{
	return strncmp(text, "unix:", 5) == 0 ||
	    strncmp(text, "tun:", 4) == 0 ||
	    (strncmp(text, "unix-", 5) == 0 && strstr(text, ":/") != NULL);
}

bool
address_text_is_device(const char *text)
{
	const char *at;

	for (at = text; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr("-._", *at) == NULL)
			return false;
	return isalpha((unsigned char)*text) && at - text < IFNAMSIZ;
}

static int
read_device(const char *name, char path[ADDRESS_PATH_MAX], const char **error)
{
	if (address_text_is_device(name)) {
		strlcpy(path, name, ADDRESS_PATH_MAX);
		return 0;
	}
	*error = "a device's name has up to 15 letters, digits, '-', '.' and "
		 "'_', the first a letter";
	return -1;
}

bool
address_text_is_path(const char *text)
{
	const char *at;

	for (at = text; *at != '\0'; at++)
		if (*at < 0x21 || *at > 0x7e || *at == ':')
			return false;
	return *text == '/' && at - text > 1 && at[-1] != '/';
}

static int
read_path(struct address_span span, char path[ADDRESS_PATH_MAX],
    const char **error)
{
	if (span.length >= ADDRESS_PATH_MAX) {
		*error = "a local socket's path is longer than 107 bytes";
		return -1;
	}
	memcpy(path, span.start, span.length);
	path[span.length] = '\0';
	if (address_text_is_path(path))
		return 0;
	*error = "a local socket's path begins with a slash, does not end in "
		 "one, and has only printable ASCII without blanks and colons";
	return -1;
}

int
address_text_named(const char *text, enum address_kind *kind,
    char path[ADDRESS_PATH_MAX], char rpath[ADDRESS_PATH_MAX],
    const char **error)
{
	struct address_span field[2];
	const char *name;
	int count;

	*kind = (enum address_kind)tell_kind(text, &name);
	rpath[0] = '\0';
	if (*kind == ADDRESS_TUN)
		return read_device(name, path, error);
	count = address_text_split((struct address_span){ name, strlen(name) },
	    field, *kind == ADDRESS_UNIX ? 2 : 1, error);
	if (count == -1 || read_path(field[0], path, error) == -1)
		return -1;
	return count == 1 ? 0 : read_path(field[1], rpath, error);
}

static void
set_path(struct sockaddr_storage *address, const char *path)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };

	memset(address, 0, sizeof(*address));
	if (*path == '\0')
		return;
	strlcpy(local.sun_path, path, sizeof(local.sun_path));
	memcpy(address, &local, sizeof(local));
}

void
address_name_pair(enum address_kind kind, const char *path, const char *rpath,
    struct address_pair *pair)
{
	pair->kind = kind;
	set_path(&pair->local, path);
	set_path(&pair->remote, rpath);
}

bool
address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	char text_a[ADDRESS_TEXT_MAX], text_b[ADDRESS_TEXT_MAX];

	return strcmp(address_format(a, text_a), address_format(b, text_b)) ==
	    0;
}

bool
address_same_pair(const struct address_pair *a, const struct address_pair *b)
{
	return a->kind == b->kind && address_same(&a->local, &b->local) &&
	    address_same(&a->remote, &b->remote);
}

char *
address_describe(const struct address_pair *pair, char text[ADDRESS_TEXT_MAX])
{
	char name[ADDRESS_TEXT_MAX];
	const char *prefix = prefixes[pair->kind];

	snprintf(text, ADDRESS_TEXT_MAX, "%s%.*s", prefix == NULL ? "" : prefix,
	    ADDRESS_PATH_MAX, address_format(&pair->local, name));
	return text;
}
