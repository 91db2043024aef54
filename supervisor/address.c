#include "supervisor/address.h"

#include <bsd/string.h>

#include <string.h>

#include "supervisor/address_text.h"

/* The fields of a tuple in their order; each but the last may be left out. */
enum slot {
	SLOT_HOST,
	SLOT_SERV,
	SLOT_RHOST,
	SLOT_RSERV,
};

#define SLOTS 4

static struct address_span
span_of(const char *text)
{
	return (struct address_span){ text, strlen(text) };
}

/* Which field of an incomplete tuple is which: services are told by sight. */
static const enum slot *
tell_slots(const struct address_span *field, int count)
{
	static const enum slot full[] = { SLOT_HOST, SLOT_SERV, SLOT_RHOST,
		SLOT_RSERV };
	static const enum slot host_serv[] = { SLOT_HOST, SLOT_SERV,
		SLOT_RSERV };
	static const enum slot serv_rhost[] = { SLOT_SERV, SLOT_RHOST,
		SLOT_RSERV };
	static const enum slot host_rhost[] = { SLOT_HOST, SLOT_RHOST,
		SLOT_RSERV };
	bool first = address_text_is_service(field[0], "udp");

	switch (count) {
	case 1:
		return full + SLOT_RSERV;
	case 2:
		return first ? host_serv + 1 : full + SLOT_RHOST;
	case 3:
		if (address_text_is_service(field[1], "udp"))
			return host_serv;
		return first ? serv_rhost : host_rhost;
	default:
		return full;
	}
}

/* Whoever sends is answered, so there is no host to name. */
static bool
is_learned(const struct address_span *field, const enum slot *slots, int count)
{
	struct address_span last = field[count - 1];

	if (count > 1 && slots[count - 2] == SLOT_RHOST &&
	    field[count - 2].length != 0)
		return false;
	return (last.length == 1 && *last.start == '*') ||
	    (last.length == 5 && memcmp(last.start, "learn", 5) == 0);
}

static int
read_slot(enum slot slot, struct address_span field,
    struct address_tuple *tuple, const char **error)
{
	if (field.length == 0)
		return 0;
	switch (slot) {
	case SLOT_HOST:
		return address_text_host(field, tuple->host, error);
	case SLOT_SERV:
		return address_text_port(field, "udp", &tuple->port, error);
	case SLOT_RHOST:
		return address_text_host(field, tuple->rhost, error);
	case SLOT_RSERV:
		return address_text_port(field, "udp", &tuple->rport, error);
	}
	return -1;
}

static int
parse_fields(const char *text, struct address_tuple *tuple, const char **error)
{
	struct address_span field[SLOTS];
	const enum slot *slots;
	int count, i;

	strlcpy(tuple->host, "localhost", sizeof(tuple->host));
	strlcpy(tuple->rhost, "localhost", sizeof(tuple->rhost));
	tuple->port = ADDRESS_DEFAULT_PORT;

	count = address_text_split(span_of(text), field, SLOTS, error);
	if (count == -1)
		return -1;
	if (field[count - 1].length == 0) {
		*error = "the last field, the port to send to, is missing";
		return -1;
	}
	slots = tell_slots(field, count);
	if (is_learned(field, slots, count)) {
		tuple->kind = ADDRESS_LEARN;
		tuple->rhost[0] = '\0';
		count--;
	}
	for (i = 0; i < count; i++)
		if (read_slot(slots[i], field[i], tuple, error) == -1)
			return -1;
	if (tuple->kind == ADDRESS_UDP && tuple->rport == 0) {
		*error = "the port to send to is 0";
		return -1;
	}
	return 0;
}

int
address_parse_tuple(const char *text, struct address_tuple *tuple,
    const char **error)
{
	memset(tuple, 0, sizeof(*tuple));
	if (address_text_is_named(text))
		return address_text_named(text, &tuple->kind, tuple->path,
		    tuple->rpath, error);
	if (parse_fields(text, tuple, error) == 0)
		return 0;
	/* A host may be called so; but what follows is no port. */
	if (address_text_is_like_named(text))
		*error = "a local socket is unix:/PATH or unix-seqpacket:/PATH,"
			 " a device tun:NAME, whose first is a letter";
	return -1;
}

int
address_parse_service(const char *text, struct address_service *service,
    const char **error)
{
	struct address_span field[2], host, port;
	int count;

	memset(service, 0, sizeof(*service));
	strlcpy(service->host, "::", sizeof(service->host));
	service->port = ADDRESS_DEFAULT_PORT;

	count = address_text_split(span_of(text), field, 2, error);
	if (count == -1)
		return -1;
	host = field[0];
	port = count == 2 ? field[1] : (struct address_span){ text, 0 };
	if (count == 1 && address_text_is_service(field[0], "tcp")) {
		port = host;
		host.length = 0;
	}
	if (host.length > 0 &&
	    address_text_host(host, service->host, error) == -1)
		return -1;
	if (port.length > 0 &&
	    address_text_port(port, "tcp", &service->port, error) == -1)
		return -1;
	return 0;
}
