#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <bsd/string.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "supervisor/address.h"

#define CANDIDATES_MAX 16

struct candidates {
	struct sockaddr_storage address[CANDIDATES_MAX];
	int count;
};

/* What *error points at when it has to name the host. */
static char sentence[MESSAGE_HOST_MAX + 128];

static void
set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

static void
add_candidate(struct candidates *list, const struct sockaddr *address,
    socklen_t length)
{
	struct sockaddr_storage *slot;

	if (list->count == CANDIDATES_MAX || length > sizeof(*slot))
		return;
	slot = &list->address[list->count++];
	memset(slot, 0, sizeof(*slot));
	memcpy(slot, address, length);
}

static void
add_localhost(struct candidates *list)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	add_candidate(list, (const struct sockaddr *)&in, sizeof(in));
	add_candidate(list, (const struct sockaddr *)&in6, sizeof(in6));
}

/* A mapped address is its IPv4 address: the two ends must be of one family. */
static void
add_found(struct candidates *list, const struct addrinfo *found)
{
	const struct sockaddr_in6 *in6 =
	    (const struct sockaddr_in6 *)(const void *)found->ai_addr;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (found->ai_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		memcpy(&in.sin_addr, &in6->sin6_addr.s6_addr[12],
		    sizeof(in.sin_addr));
		add_candidate(list, (const struct sockaddr *)&in, sizeof(in));
	} else if (found->ai_family == AF_INET || found->ai_family == AF_INET6)
		add_candidate(list, found->ai_addr, found->ai_addrlen);
}

/* The library would read files even for these. */
static bool
add_numeric(struct candidates *list, const char *host)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct addrinfo found = { .ai_family = AF_INET6,
		.ai_addr = (struct sockaddr *)&in6,
		.ai_addrlen = sizeof(in6) };

	if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
		add_candidate(list, (const struct sockaddr *)&in, sizeof(in));
	else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
		add_found(list, &found);
	return list->count > 0;
}

bool
address_is_numeric(const char *host)
{
	struct candidates list = { .count = 0 };

	return strcasecmp(host, "localhost") == 0 || add_numeric(&list, host);
}

bool
address_tuple_is_numeric(const struct address_tuple *tuple)
{
	if (address_is_named(tuple->kind))
		return true;
	return address_is_numeric(tuple->host) &&
	    (tuple->kind == ADDRESS_LEARN || address_is_numeric(tuple->rhost));
}

static int
look_up(const char *host, int type, struct candidates *list, const char **error)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = type };
	struct addrinfo *found = NULL, *at;
	int code;

	list->count = 0;
	if (strcasecmp(host, "localhost") == 0) {
		add_localhost(list);
		return 0;
	}
	if (add_numeric(list, host))
		return 0;
	code = getaddrinfo(host, NULL, &hints, &found);
	if (code != 0) {
		snprintf(sentence, sizeof(sentence), "%s: %s", host,
		    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
		*error = sentence;
		return -1;
	}
	for (at = found; at != NULL; at = at->ai_next)
		add_found(list, at);
	freeaddrinfo(found);
	if (list->count > 0)
		return 0;
	snprintf(sentence, sizeof(sentence), "%s: no address", host);
	*error = sentence;
	return -1;
}

static int
resolve_learned(const struct address_tuple *tuple, struct address_pair *pair,
    const char **error)
{
	struct candidates local;

	if (look_up(tuple->host, SOCK_DGRAM, &local, error) == -1)
		return -1;
	pair->local = local.address[0];
	set_port(&pair->local, tuple->port);
	return 0;
}

int
address_resolve_tuple(const struct address_tuple *tuple,
    struct address_pair *pair, const char **error)
{
	struct candidates local, remote;
	int i, j;

	memset(pair, 0, sizeof(*pair));
	pair->kind = tuple->kind;
	if (address_is_named(tuple->kind)) {
		address_name_pair(tuple->kind, tuple->path, tuple->rpath, pair);
		return 0;
	}
	if (tuple->kind == ADDRESS_LEARN)
		return resolve_learned(tuple, pair, error);
	if (tuple->rport == 0) {
		*error = "the port to send to is 0";
		return -1;
	}
	if (look_up(tuple->host, SOCK_DGRAM, &local, error) == -1 ||
	    look_up(tuple->rhost, SOCK_DGRAM, &remote, error) == -1)
		return -1;
	for (i = 0; i < local.count; i++)
		for (j = 0; j < remote.count; j++) {
			if (local.address[i].ss_family !=
			    remote.address[j].ss_family)
				continue;
			pair->local = local.address[i];
			pair->remote = remote.address[j];
			set_port(&pair->local, tuple->port);
			set_port(&pair->remote, tuple->rport);
			return 0;
		}
	*error = "one end has only IPv4 addresses and the other only IPv6 ones";
	return -1;
}

int
address_resolve_service(const struct address_service *service,
    struct sockaddr_storage *address, const char **error)
{
	struct candidates list;

	if (look_up(service->host, SOCK_STREAM, &list, error) == -1)
		return -1;
	*address = list.address[0];
	set_port(address, service->port);
	return 0;
}

char *
address_format(const struct sockaddr_storage *address,
    char text[ADDRESS_TEXT_MAX])
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN] = "";

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host,
		    ntohs(in->sin_port));
	} else if (address->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_MAX, "[%s]:%u", host,
		    ntohs(in6->sin6_port));
	} else if (address->ss_family == AF_UNIX)
		strlcpy(text, ((const struct sockaddr_un *)address)->sun_path,
		    ADDRESS_TEXT_MAX);
	else if (address->ss_family == AF_UNSPEC)
		snprintf(text, ADDRESS_TEXT_MAX, "*");
	else
		snprintf(text, ADDRESS_TEXT_MAX, "family %u",
		    (unsigned int)address->ss_family);
	return text;
}

socklen_t
address_length(const struct sockaddr_storage *address)
{
	switch (address->ss_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_UNIX:
		return sizeof(struct sockaddr_un);
	}
	return sizeof(struct sockaddr_in6);
}

void
address_unmap(struct sockaddr_storage *address)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four = { .sin_family = AF_INET };

	memcpy(&six, address, sizeof(six));
	if (six.sin6_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
		return;
	memcpy(&four.sin_addr, &six.sin6_addr.s6_addr[12],
	    sizeof(four.sin_addr));
	four.sin_port = six.sin6_port;
	memset(address, 0, sizeof(*address));
	memcpy(address, &four, sizeof(four));
}
