/*
 * Spans of text that hold a host or a port: what tuples, services, URIs and
 * permits have in common.
 */
#ifndef SUPERVISOR_ADDRESS_TEXT_H
#define SUPERVISOR_ADDRESS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"
#include "supervisor/address.h"

struct address_span {
	const char *start;
	size_t length;
};

/*
 * Split at colons outside of brackets into at most max fields. Returns their
 * number, 1 or more, or -1 with *error.
 */
int address_text_split(struct address_span text, struct address_span *fields,
    int max, const char **error);

bool address_text_is_digits(struct address_span span);

/* True if it is all digits or a service that getservbyname(3) knows. */
bool address_text_is_service(struct address_span span, const char *protocol);

/*
 * A name, an IPv4 address, or an IPv6 address in brackets, which are taken
 * off. An empty span is an error. 0, or -1 with *error.
 */
int address_text_host(struct address_span span, char host[MESSAGE_HOST_MAX],
    const char **error);

/* True for what begins like an end that has a name. */
bool address_text_is_named(const char *text);

/* True for what may have been meant to be one, and is not. */
bool address_text_is_like_named(const char *text);

/*
 * `unix:PATH[:PATH]` or `unix-seqpacket:PATH`, each path from the root, of
 * printable ASCII without blanks and colons, or `tun:DEVICE`, which goes to
 * path. 0, or -1 with *error.
 */
int address_text_named(const char *text, enum address_kind *kind,
    char path[ADDRESS_PATH_MAX], char rpath[ADDRESS_PATH_MAX],
    const char **error);

/* The same bounds, for what comes over the wire. */
bool address_text_is_path(const char *text);
bool address_text_is_device(const char *text);

/* A number from 0 to 65535, or a service's name. 0, or -1 with *error. */
int address_text_port(struct address_span span, const char *protocol,
    uint16_t *port, const char **error);

#endif
