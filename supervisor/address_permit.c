#include <arpa/inet.h>
#include <netinet/in.h>

#include <string.h>

#include "supervisor/address.h"
#include "supervisor/address_text.h"

#define PREFIX_DIGITS_MAX 3

const struct address_permit address_loopback_permits[] = {
	{ AF_INET, { 127 }, 8, 0, UINT16_MAX, ADDRESS_UDP, "", "" },
	{ AF_INET6, { [15] = 1 }, 128, 0, UINT16_MAX, ADDRESS_UDP, "", "" },
};

static int
read_prefix(struct address_span span, unsigned int bits, unsigned int *prefix,
    const char **error)
{
	size_t i;

	*prefix = 0;
	if (address_text_is_digits(span) && span.length <= PREFIX_DIGITS_MAX)
		for (i = 0; i < span.length; i++)
			*prefix = *prefix * 10 +
			    (unsigned int)(span.start[i] - '0');
	else
		*prefix = bits + 1;
	if (*prefix <= bits)
		return 0;
	*error = "the prefix length after the slash is not one";
	return -1;
}

static bool
has_host_bits(const struct address_permit *permit, unsigned int bits)
{
	unsigned int i;

	for (i = permit->prefix; i < bits; i++)
		if (permit->network[i / 8] & (0x80 >> i % 8))
			return true;
	return false;
}

static int
read_address(struct address_span span, struct address_permit *permit,
    const char **error)
{
	char host[MESSAGE_HOST_MAX];

	if (address_text_host(span, host, error) == -1)
		return -1;
	permit->family = span.start[0] == '[' ? AF_INET6 : AF_INET;
	if (inet_pton(permit->family, host, permit->network) == 1)
		return 0;
	*error = "a permit needs a numeric address";
	return -1;
}

/* `*`, or an address with perhaps a prefix length. */
static int
read_network(struct address_span span, struct address_permit *permit,
    const char **error)
{
	const char *slash = memchr(span.start, '/', span.length);
	struct address_span address = span, prefix;
	unsigned int bits;

	if (span.length == 1 && *span.start == '*')
		return 0;
	if (slash != NULL)
		address.length = (size_t)(slash - span.start);
	if (read_address(address, permit, error) == -1)
		return -1;
	bits = permit->family == AF_INET ? 32 : 128;
	permit->prefix = bits;
	if (slash != NULL) {
		prefix.start = slash + 1;
		prefix.length = span.length - address.length - 1;
		if (read_prefix(prefix, bits, &permit->prefix, error) == -1)
			return -1;
	}
	if (!has_host_bits(permit, bits))
		return 0;
	*error = "the address has bits beyond its prefix length";
	return -1;
}

/* `*`, a port, or a range of numbers. */
static int
read_ports(struct address_span span, struct address_permit *permit,
    const char **error)
{
	struct address_span first = span, last = span;
	const char *dash = memchr(span.start, '-', span.length);

	permit->last_port = UINT16_MAX;
	if (span.length == 1 && *span.start == '*')
		return 0;
	if (dash != NULL && !address_text_is_service(span, "udp")) {
		first.length = (size_t)(dash - span.start);
		last.start = dash + 1;
		last.length = span.length - first.length - 1;
	}
	if (address_text_port(first, "udp", &permit->first_port, error) == -1 ||
	    address_text_port(last, "udp", &permit->last_port, error) == -1)
		return -1;
	if (permit->first_port > permit->last_port) {
		*error = "the range of ports is upside down";
		return -1;
	}
	return 0;
}

int
address_parse_permit(const char *text, struct address_permit *permit,
    const char **error)
{
	struct address_span field[2];
	int count;

	memset(permit, 0, sizeof(*permit));
	permit->family = AF_UNSPEC;
	if (address_text_is_named(text))
		return address_text_named(text, &permit->kind, permit->path,
		    permit->rpath, error);
	count = address_text_split((struct address_span){ text, strlen(text) },
	    field, 2, error);
	if (count == -1)
		return -1;
	if (count == 1) {
		*error = "a permit is ADDRESS:PORTS";
		return -1;
	}
	if (read_network(field[0], permit, error) == -1)
		return -1;
	return read_ports(field[1], permit, error);
}

static bool
same_network(const uint8_t *a, const uint8_t *b, unsigned int prefix)
{
	unsigned int bytes = prefix / 8, rest = prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return memcmp(a, b, bytes) == 0 &&
	    (rest == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0);
}

static bool
is_within(const struct address_permit *permit, int family,
    const uint8_t *address, uint16_t port)
{
	if (permit->kind != ADDRESS_UDP)
		return false;
	if (port < permit->first_port || port > permit->last_port)
		return false;
	if (permit->family == AF_UNSPEC)
		return true;
	return permit->family == family &&
	    same_network(permit->network, address, permit->prefix);
}

bool
address_permitted(const struct address_permit *permits, size_t count,
    const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	const uint8_t *bytes = (const uint8_t *)&in->sin_addr;
	int family = address->ss_family;
	uint16_t port = ntohs(in->sin_port);
	size_t i;

	if (family == AF_INET6) {
		bytes = in6->sin6_addr.s6_addr;
		port = ntohs(in6->sin6_port);
		/* The kernel takes a mapped address for the IPv4 one in it. */
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			family = AF_INET;
			bytes += 12;
		}
	} else if (family != AF_INET)
		return false;
	for (i = 0; i < count; i++)
		if (is_within(&permits[i], family, bytes, port))
			return true;
	return false;
}

bool
address_permitted_end(const struct address_permit *permits, size_t count,
    const struct address_pair *end)
{
	struct address_pair permitted;

	for (size_t i = 0; i < count; i++) {
		if (!address_is_named(permits[i].kind))
			continue;
		address_name_pair(permits[i].kind, permits[i].path,
		    permits[i].rpath, &permitted);
		if (address_same_pair(&permitted, end))
			return true;
	}
	return false;
}
