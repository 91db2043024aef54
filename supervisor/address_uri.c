#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "supervisor/address.h"
#include "supervisor/address_text.h"

struct scheme {
	const char *name;
	enum hop_kind kind;
	uint16_t port;
};

static const struct scheme schemes[] = {
	{ "tcp", HOP_TCP, ADDRESS_DEFAULT_PORT },
	{ "socks", HOP_SOCKS5H, ADDRESS_SOCKS_PORT },
	{ "socks5h", HOP_SOCKS5H, ADDRESS_SOCKS_PORT },
	{ "socks5", HOP_SOCKS5, ADDRESS_SOCKS_PORT },
	{ "socks4", HOP_SOCKS4, ADDRESS_SOCKS_PORT },
	{ "socks4a", HOP_SOCKS4A, ADDRESS_SOCKS_PORT },
	{ "http", HOP_HTTP, ADDRESS_HTTP_PORT },
	{ "srv", HOP_SRV, 0 },
};

static int
fail(const char **error, const char *sentence)
{
	*error = sentence;
	return -1;
}

static const struct scheme *
find_scheme(const char *text, size_t length, const char **error)
{
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strlen(schemes[i].name) == length &&
		    strncasecmp(schemes[i].name, text, length) == 0)
			return &schemes[i];
	if (length == 5 && strncasecmp("https", text, length) == 0)
		*error = "https:// is not supported: the proxy is asked in "
			 "clear text, with http://";
	else
		*error = "the scheme is none of tcp, srv, socks, socks5, "
			 "socks5h, socks4, socks4a and http";
	return NULL;
}

static int
check_characters(struct address_span span, const char **error)
{
	size_t i;

	for (i = 0; i < span.length; i++) {
		unsigned char c = (unsigned char)span.start[i];

		if (c == ' ')
			return fail(error, "there is a space in the URI");
		if (c < ' ' || c > '~')
			return fail(error,
			    "there is a control byte or a "
			    "non-ASCII one in the URI");
		if (c == '/')
			return fail(error,
			    "a path after the port has no "
			    "meaning here");
		if (c == '?' || c == '#')
			return fail(error,
			    "a query or fragment has no "
			    "meaning here");
	}
	return 0;
}

static int
hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (isxdigit((unsigned char)c))
		return tolower((unsigned char)c) - 'a' + 10;
	return -1;
}

/* Percent-decode; what comes out has no control byte, so never a NUL. */
static int
decode(struct address_span span, char out[MESSAGE_SECRET_MAX],
    const char **error)
{
	size_t i, used = 0;

	for (i = 0; i < span.length; i++) {
		int c = (unsigned char)span.start[i];

		if (c == '%') {
			int high = -1, low = -1;

			if (span.length - i > 2) {
				high = hex_digit(span.start[i + 1]);
				low = hex_digit(span.start[i + 2]);
			}
			if (high == -1 || low == -1)
				return fail(error,
				    "a percent sign is not "
				    "followed by two hexadecimal digits");
			c = high << 4 | low;
			i += 2;
		}
		if (c < ' ' || c == 0x7f)
			return fail(error,
			    "there is a control byte in the "
			    "user or password");
		if (used == MESSAGE_SECRET_MAX - 1)
			return fail(error,
			    "the user or password is longer "
			    "than 255 bytes");
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return 0;
}

/* What each proxy protocol can carry. */
static int
check_credentials(const struct address_uri *uri, bool password,
    const char **error)
{
	if (uri->user[0] == '\0')
		return fail(error, "the user is empty");
	switch (uri->kind) {
	case HOP_TCP:
	case HOP_SRV:
		return fail(error, "a tcp relay takes no user");
	case HOP_SOCKS5:
	case HOP_SOCKS5H:
		if (uri->password[0] == '\0')
			return fail(error,
			    "SOCKS5 needs a password with "
			    "the user");
		return 0;
	case HOP_SOCKS4:
	case HOP_SOCKS4A:
		if (password)
			return fail(error, "SOCKS4 has no password");
		return 0;
	case HOP_HTTP:
		if (strchr(uri->user, ':') != NULL)
			return fail(error, "HTTP allows no colon in the user");
		return 0;
	}
	return 0;
}

/* The text up to the first colon, and what is behind it, if there is one. */
static bool
split_credentials(struct address_span text, struct address_span *user,
    struct address_span *password)
{
	const char *colon = memchr(text.start, ':', text.length);

	*user = text;
	*password = (struct address_span){ text.start + text.length, 0 };
	if (colon == NULL)
		return false;
	user->length = (size_t)(colon - text.start);
	password->start = colon + 1;
	password->length = text.length - user->length - 1;
	return true;
}

static int
copy_secret(struct address_span text, char out[MESSAGE_SECRET_MAX],
    const char **error)
{
	size_t i;

	if (text.length >= MESSAGE_SECRET_MAX)
		return fail(error,
		    "the user or password is longer "
		    "than 255 bytes");
	for (i = 0; i < text.length; i++)
		if ((unsigned char)text.start[i] < ' ' || text.start[i] == 0x7f)
			return fail(error,
			    "there is a control byte in the "
			    "user or password");
	memcpy(out, text.start, text.length);
	out[text.length] = '\0';
	return 0;
}

int
address_set_credentials(struct address_uri *uri, const char *text,
    size_t length, const char **error)
{
	struct address_span user, password;
	bool colon = split_credentials((struct address_span){ text, length },
	    &user, &password);

	if (copy_secret(user, uri->user, error) == -1 ||
	    copy_secret(password, uri->password, error) == -1)
		return -1;
	return check_credentials(uri, colon, error);
}

static int
read_credentials(struct address_span span, struct address_uri *uri,
    const char **error)
{
	struct address_span user, password;
	bool colon = split_credentials(span, &user, &password);

	if (decode(password, uri->password, error) == -1 ||
	    decode(user, uri->user, error) == -1)
		return -1;
	return check_credentials(uri, colon, error);
}

/* `[user[:password]@]` is taken off the front of *rest. */
static int
take_credentials(struct address_span *rest, struct address_uri *uri,
    const char **error)
{
	const char *at = memchr(rest->start, '@', rest->length);
	struct address_span front;

	if (at == NULL)
		return 0;
	front = (struct address_span){ rest->start,
		(size_t)(at - rest->start) };
	rest->start = at + 1;
	rest->length -= front.length + 1;
	if (memchr(rest->start, '@', rest->length) != NULL)
		return fail(error,
		    "an @ in the user or password is "
		    "written %40");
	return read_credentials(front, uri, error);
}

static int
read_authority(struct address_span rest, struct address_uri *uri,
    const char **error)
{
	struct address_span field[2];
	int count;
	char *c;

	count = address_text_split(rest, field, 2, error);
	if (count == -1 || address_text_host(field[0], uri->host, error) == -1)
		return -1;
	for (c = uri->host; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (uri->kind == HOP_SRV && count == 2)
		return fail(error, "the port of srv is in its records");
	if (uri->kind == HOP_SRV && strchr(uri->host, ':') != NULL)
		return fail(error, "srv takes a name");
	if (uri->kind == HOP_SRV)
		return 0;
	if (count == 2 &&
	    address_text_port(field[1], "tcp", &uri->port, error) == -1)
		return -1;
	if (uri->port == 0)
		return fail(error, "the port is 0");
	return 0;
}

static void
write_display(struct address_uri *uri, const struct scheme *scheme)
{
	bool ipv6 = strchr(uri->host, ':') != NULL;

	if (uri->kind == HOP_SRV) {
		snprintf(uri->display, sizeof(uri->display), "%s://%s",
		    scheme->name, uri->host);
		return;
	}
	snprintf(uri->display, sizeof(uri->display), "%s://%s%s%s:%u",
	    scheme->name, ipv6 ? "[" : "", uri->host, ipv6 ? "]" : "",
	    uri->port);
}

static int
parse_span(struct address_span text, struct address_uri *uri,
    const char **error)
{
	const char *separator = memmem(text.start, text.length, "://", 3);
	const struct scheme *scheme;
	struct address_span rest;

	memset(uri, 0, sizeof(*uri));
	if (separator == NULL)
		return fail(error,
		    "it does not begin with a scheme such "
		    "as tcp://");
	scheme = find_scheme(text.start, (size_t)(separator - text.start),
	    error);
	if (scheme == NULL)
		return -1;
	uri->kind = scheme->kind;
	uri->port = scheme->port;
	rest.start = separator + 3;
	rest.length = text.length - (size_t)(rest.start - text.start);
	if (check_characters(rest, error) == -1 ||
	    take_credentials(&rest, uri, error) == -1 ||
	    read_authority(rest, uri, error) == -1)
		return -1;
	write_display(uri, scheme);
	return 0;
}

int
address_parse_uri(const char *text, struct address_uri *uri, const char **error)
{
	struct address_span span = { text, strlen(text) };

	if (memchr(text, ',', span.length) != NULL)
		return fail(error,
		    "a comma joins a chain, and one URI is "
		    "asked for");
	return parse_span(span, uri, error);
}

int
address_check_next(const struct address_uri *via,
    const struct address_uri *next, const char **error)
{
	bool socks4 = via->kind == HOP_SOCKS4 || via->kind == HOP_SOCKS4A;

	if (socks4 && strchr(next->host, ':') != NULL)
		return fail(error,
		    "a SOCKS4 proxy cannot be asked for an "
		    "IPv6 address");
	return 0;
}

int
address_check_chain(const struct address_uri *uri, int count,
    const char **error)
{
	int i;

	if (count < 1 || count > MESSAGE_HOPS_MAX)
		return fail(error, "a chain has 1 to 8 hops");
	for (i = 0; i < count; i++)
		if (uri[i].kind == HOP_SRV)
			return fail(error,
			    "srv stands for a listener, and not for a relay");
	for (i = 1; i < count; i++) {
		if (uri[i].kind == HOP_TCP)
			return fail(error,
			    "a tcp relay can only be the "
			    "first hop: it cannot be asked for");
		if (address_check_next(&uri[i - 1], &uri[i], error) == -1)
			return -1;
	}
	return 0;
}

int
address_parse_chain(const char *text, struct address_uri *uri, int max,
    const char **error)
{
	struct address_span hop;
	int count = 0;

	for (;;) {
		if (count == max)
			return fail(error, "the chain has too many hops");
		hop.start = text;
		hop.length = strcspn(text, ",");
		if (parse_span(hop, &uri[count++], error) == -1)
			return -1;
		text += hop.length;
		if (*text == '\0')
			break;
		text++;
	}
	return address_check_chain(uri, count, error) == -1 ? -1 : count;
}
