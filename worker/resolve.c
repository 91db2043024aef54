#include "worker/resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static bool
usable(const struct addrinfo *found)
{
	return (found->ai_family == AF_INET || found->ai_family == AF_INET6) &&
	    found->ai_addrlen <= sizeof(struct sockaddr_storage);
}

/* The next usable one of the family from here on, NULL if there is none. */
static const struct addrinfo *
skip_to(const struct addrinfo *found, int family)
{
	while (found != NULL && (!usable(found) || found->ai_family != family))
		found = found->ai_next;
	return found;
}

static void
append(struct resolve_list *list, const struct addrinfo *found)
{
	struct resolve_address *item = &list->item[list->count++];

	memset(&item->address, 0, sizeof(item->address));
	memcpy(&item->address, found->ai_addr, found->ai_addrlen);
	item->length = found->ai_addrlen;
}

void
resolve_order(const struct addrinfo *found, struct resolve_list *list)
{
	const struct addrinfo *next[2];
	size_t round, i;
	int family[2];

	list->count = 0;
	while (found != NULL && !usable(found))
		found = found->ai_next;
	if (found == NULL)
		return;
	/* The resolver's first choice decides which family goes first. */
	family[0] = found->ai_family;
	family[1] = found->ai_family == AF_INET ? AF_INET6 : AF_INET;
	for (i = 0; i < 2; i++)
		next[i] = skip_to(found, family[i]);
	for (round = 0; round < RESOLVE_FAMILY_MAX; round++)
		for (i = 0; i < 2; i++) {
			if (next[i] == NULL)
				continue;
			append(list, next[i]);
			next[i] = skip_to(next[i]->ai_next, family[i]);
		}
}

static int
look_up(const char *host, uint32_t port, int family, int flags,
    struct resolve_list *list)
{
	struct addrinfo hints = {
		.ai_flags = flags | AI_NUMERICSERV,
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
	};
	struct addrinfo *found;
	char service[sizeof("4294967295")];
	int error;

	snprintf(service, sizeof(service), "%u", port);
	error = getaddrinfo(host, service, &hints, &found);
	if (error != 0)
		return error;
	resolve_order(found, list);
	freeaddrinfo(found);
	return list->count == 0 ? EAI_NONAME : 0;
}

bool
resolve_literal(const char *host, uint32_t port, struct resolve_list *list)
{
	struct resolve_list second;

	if (strcasecmp(host, "localhost") != 0)
		return !look_up(host, port, AF_UNSPEC, AI_NUMERICHOST, list);
	if (look_up("127.0.0.1", port, AF_INET, AI_NUMERICHOST, list) != 0 ||
	    look_up("::1", port, AF_INET6, AI_NUMERICHOST, &second) != 0)
		return false;
	list->item[list->count++] = second.item[0];
	return true;
}

int
resolve_name(const char *host, uint32_t port, int family,
    struct resolve_list *list)
{
	return look_up(host, port, family, 0, list);
}
