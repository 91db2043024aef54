#include "supervisor/address_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <ctype.h>
#include <netdb.h>
#include <string.h>

#include "supervisor/address.h"

#define SERVICE_MAX 64 /* no service's name is longer */
#define PORT_DIGITS_MAX 5

int
address_text_split(struct address_span text, struct address_span *fields,
    int max, const char **error)
{
	const char *end = text.start + text.length;
	const char *at, *start = text.start;
	bool bracket = false;
	int count = 0;

	for (at = text.start; at < end; at++) {
		if (*at == '[')
			bracket = true;
		else if (*at == ']')
			bracket = false;
		else if (*at == ':' && !bracket) {
			if (count == max - 1) {
				*error = "too many fields between colons "
					 "(an IPv6 address needs brackets)";
				return -1;
			}
			fields[count++] = (struct address_span){ start,
				(size_t)(at - start) };
			start = at + 1;
		}
	}
	if (bracket) {
		*error = "a bracket is not closed";
		return -1;
	}
	fields[count++] = (struct address_span){ start, (size_t)(end - start) };
	return count;
}

bool
address_text_is_digits(struct address_span span)
{
	size_t i;

	for (i = 0; i < span.length; i++)
		if (!isdigit((unsigned char)span.start[i]))
			return false;
	return span.length > 0;
}

static bool forgotten;

void
address_forget_services(void)
{
	forgotten = true;
}

static const struct servent *
look_up_service(struct address_span span, const char *protocol)
{
	char name[SERVICE_MAX];

	if (forgotten || span.length == 0 || span.length >= sizeof(name))
		return NULL;
	memcpy(name, span.start, span.length);
	name[span.length] = '\0';
	return getservbyname(name, protocol);
}

bool
address_text_is_service(struct address_span span, const char *protocol)
{
	return address_text_is_digits(span) ||
	    look_up_service(span, protocol) != NULL;
}

static bool
is_name(struct address_span span)
{
	size_t i;

	for (i = 0; i < span.length; i++) {
		unsigned char c = (unsigned char)span.start[i];

		if (!isalnum(c) && strchr("-._", c) == NULL)
			return false;
	}
	return span.length > 0;
}

/* An address with perhaps a scope: `fe80::1%eth0`. */
static bool
is_ipv6(const char *text)
{
	const char *scope = strchr(text, '%');
	size_t length = scope == NULL ? strlen(text) : (size_t)(scope - text);
	char address[INET6_ADDRSTRLEN];
	struct in6_addr binary;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	return inet_pton(AF_INET6, address, &binary) == 1 &&
	    (scope == NULL ||
		is_name((struct address_span){ scope + 1, strlen(scope + 1) }));
}

static int
copy_host(struct address_span span, char host[MESSAGE_HOST_MAX],
    const char **error)
{
	if (span.length >= MESSAGE_HOST_MAX) {
		*error = "the host is longer than 255 bytes";
		return -1;
	}
	memcpy(host, span.start, span.length);
	host[span.length] = '\0';
	return 0;
}

static int
read_bracketed(struct address_span span, char host[MESSAGE_HOST_MAX],
    const char **error)
{
	struct address_span inside;

	if (span.length < 2 || span.start[span.length - 1] != ']') {
		*error = "there is something after the closing bracket";
		return -1;
	}
	inside = (struct address_span){ span.start + 1, span.length - 2 };
	if (copy_host(inside, host, error) == -1)
		return -1;
	if (strlen(host) != inside.length || !is_ipv6(host)) {
		*error = "what is in brackets is not an IPv6 address";
		return -1;
	}
	return 0;
}

int
address_text_host(struct address_span span, char host[MESSAGE_HOST_MAX],
    const char **error)
{
	if (span.length == 0) {
		*error = "the host is missing";
		return -1;
	}
	if (span.start[0] == '[')
		return read_bracketed(span, host, error);
	if (address_text_is_digits(span)) {
		*error = "a host of digits alone is not one";
		return -1;
	}
	if (!is_name(span)) {
		*error = "a host's name has only letters, digits, '-', '.' "
			 "and '_'";
		return -1;
	}
	return copy_host(span, host, error);
}

static int
read_number(struct address_span span, uint16_t *port, const char **error)
{
	unsigned long value = 0;
	size_t i;

	while (span.length > 1 && *span.start == '0') {
		span.start++;
		span.length--;
	}
	for (i = 0; i < span.length && i <= PORT_DIGITS_MAX; i++)
		value = value * 10 + (unsigned long)(span.start[i] - '0');
	if (value > UINT16_MAX) {
		*error = "the port is above 65535";
		return -1;
	}
	*port = (uint16_t)value;
	return 0;
}

int
address_text_port(struct address_span span, const char *protocol,
    uint16_t *port, const char **error)
{
	const struct servent *service;

	if (span.length == 0) {
		*error = "the port is missing";
		return -1;
	}
	if (address_text_is_digits(span))
		return read_number(span, port, error);
	service = look_up_service(span, protocol);
	if (service == NULL) {
		*error = "the port is neither a number nor a known service";
		return -1;
	}
	*port = ntohs((uint16_t)service->s_port);
	return 0;
}
