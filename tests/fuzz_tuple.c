/*
 * A UDP tuple, a listening service and a permit from the fuzzer. What is let
 * through, written out in full, parses to the same again.
 */
#include "supervisor/address.h"

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static const char *
bracket(const char *host, const char *with)
{
	return strchr(host, ':') != NULL ? with : "";
}

static void
write_tuple(const struct address_tuple *tuple, char full[TEXT_MAX])
{
	struct address_pair pair;
	int length;

	if (address_is_named(tuple->kind)) {
		address_name_pair(tuple->kind, tuple->path, tuple->rpath,
		    &pair);
		address_describe(&pair, full);
		if (tuple->rpath[0] != '\0') {
			strcat(full, ":");
			strcat(full, tuple->rpath);
		}
		return;
	}
	length = snprintf(full, TEXT_MAX,
	    "%s%s%s:%u:", bracket(tuple->host, "["), tuple->host,
	    bracket(tuple->host, "]"), tuple->port);

	if (tuple->kind == ADDRESS_LEARN)
		snprintf(full + length, TEXT_MAX - (size_t)length, "*");
	else
		snprintf(full + length, TEXT_MAX - (size_t)length, "%s%s%s:%u",
		    bracket(tuple->rhost, "["), tuple->rhost,
		    bracket(tuple->rhost, "]"), tuple->rport);
}

static void
check_tuple(const char *text)
{
	struct address_tuple tuple, again;
	const char *error = NULL;
	char full[TEXT_MAX];

	if (address_parse_tuple(text, &tuple, &error) == -1) {
		if (error == NULL)
			abort();
		return;
	}
	write_tuple(&tuple, full);
	if ((tuple.rport == 0) != (tuple.kind != ADDRESS_UDP) ||
	    address_parse_tuple(full, &again, &error) == -1 ||
	    memcmp(&tuple, &again, sizeof(tuple)) != 0)
		abort();
}

static void
check_service(const char *text)
{
	struct address_service service, again;
	const char *error = NULL;
	char full[TEXT_MAX];

	if (address_parse_service(text, &service, &error) == -1) {
		if (error == NULL)
			abort();
		return;
	}
	snprintf(full, sizeof(full), "%s%s%s:%u", bracket(service.host, "["),
	    service.host, bracket(service.host, "]"), service.port);
	if (address_parse_service(full, &again, &error) == -1 ||
	    memcmp(&service, &again, sizeof(service)) != 0)
		abort();
}

/* Its own first address is within it, but on no port outside of its range. */
static void
check_network(const struct address_permit *permit)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(permit->first_port) };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(permit->first_port) };
	struct sockaddr_storage address;

	memset(&address, 0, sizeof(address));
	memcpy(&in.sin_addr, permit->network, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, permit->network, sizeof(in6.sin6_addr));
	if (permit->family == AF_INET6)
		memcpy(&address, &in6, sizeof(in6));
	else
		memcpy(&address, &in, sizeof(in));
	if (!address_permitted(permit, 1, &address))
		abort();
	if (permit->last_port == UINT16_MAX)
		return;
	((struct sockaddr_in *)&address)->sin_port = htons(
	    (uint16_t)(permit->last_port + 1));
	if (address_permitted(permit, 1, &address))
		abort();
}

static void
check_name(const struct address_permit *permit)
{
	struct address_pair end;

	address_name_pair(permit->kind, permit->path, permit->rpath, &end);
	if (!address_permitted_end(permit, 1, &end))
		abort();
}

static void
check_permit(const char *text)
{
	struct address_permit permit;
	const char *error = NULL;

	if (address_parse_permit(text, &permit, &error) == -1) {
		if (error == NULL)
			abort();
		return;
	}
	if (permit.first_port > permit.last_port ||
	    permit.prefix > (permit.family == AF_INET ? 32 : 128))
		abort();
	if (address_is_named(permit.kind))
		check_name(&permit);
	else
		check_network(&permit);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char text[TEXT_MAX];

	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	if (size > 0)
		memcpy(text, input, size);
	text[size] = '\0';
	check_tuple(text);
	check_service(text);
	check_permit(text);
	return 0;
}
