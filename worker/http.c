/*
 * Of an answer only its status line counts, and it ends with the first empty
 * line: framing headers mean nothing after CONNECT (RFC 9110 section 9.3.6),
 * and the others are not for us. Whatever follows is the tunnel's.
 */
#include "worker/http.h"

#include <sys/socket.h>

#include <stdio.h>
#include <string.h>

#define LINES_MAX 100
#define INTERIM_MAX 8
#define STATUS_AT 9 /* in `HTTP/1.1 200` */
#define STATUS_END 12

enum {
	STATUS_SWITCHING = 101,
	STATUS_UNAUTHORIZED = 401, /* tinyproxy, of a wrong password */
	STATUS_PROXY_UNAUTHORIZED = 407
};

/* The first line of the input. */
struct line {
	const char *text;
	size_t length; /* without its end */
	size_t bytes;  /* with it */
};

static bool
find_line(const struct proxy *proxy, struct line *line)
{
	const uint8_t *end = memchr(proxy->input, '\n', proxy->filled);

	if (end == NULL)
		return false;
	line->text = (const char *)proxy->input;
	line->length = (size_t)(end - proxy->input);
	line->bytes = line->length + 1;
	if (line->length > 0 && line->text[line->length - 1] == '\r')
		line->length--;
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* `HTTP/1.x NNN`, then a space or the end. Returns the status, or -1. */
static int
parse_status(const struct line *line)
{
	const char *text = line->text;
	int status = 0;
	size_t i;

	if (line->length < STATUS_END || memcmp(text, "HTTP/1.", 7) != 0 ||
	    (text[7] != '0' && text[7] != '1') || text[8] != ' ')
		return -1;
	for (i = STATUS_AT; i < STATUS_END; i++) {
		if (!is_digit(text[i]))
			return -1;
		status = status * 10 + text[i] - '0';
	}
	if (line->length > STATUS_END && text[STATUS_END] != ' ')
		return -1;
	return status >= 100 && status < 600 ? status : -1;
}

static bool
is_interim(int status)
{
	return status < 200 && status != STATUS_SWITCHING;
}

static bool
is_success(int status)
{
	return status >= 200 && status < 300;
}

static bool
is_about_credentials(int status)
{
	return status == STATUS_PROXY_UNAUTHORIZED ||
	    status == STATUS_UNAUTHORIZED;
}

/* In the proxy's own words. */
static enum proxy_result
refuse(struct proxy *proxy, int status, const struct line *line)
{
	const char *words = line->text + STATUS_AT;
	size_t length = line->length - STATUS_AT;

	while (length > 0 && words[length - 1] == ' ')
		length--;
	if (!is_about_credentials(status))
		return proxy_fail(proxy, REASON_REFUSED, status, "%.*s",
		    (int)length, words);
	return proxy_fail(proxy, REASON_AUTH, status, "%s: %.*s",
	    proxy->via->user[0] != '\0' ?
		"authentication rejected" :
		"authentication wanted, and no user is set",
	    (int)length, words);
}

static enum proxy_result
take_status(struct proxy *proxy, const struct line *line)
{
	int status = parse_status(line);

	if (status == -1)
		return proxy_fail_foreign(proxy, "HTTP/1.1");
	if (!is_interim(status) && !is_success(status))
		return refuse(proxy, status, line);
	if (is_interim(status) && ++proxy->http.interim > INTERIM_MAX)
		return proxy_fail(proxy, REASON_PROTOCOL, status,
		    "more than %d interim answers", INTERIM_MAX);
	proxy->http.status = status;
	return PROXY_MORE;
}

static enum proxy_result
take_header(struct proxy *proxy, const struct line *line)
{
	if (line->length > 0)
		return PROXY_MORE;
	if (is_success(proxy->http.status))
		return PROXY_DONE;
	proxy->http.status = 0;
	return PROXY_MORE;
}

static enum proxy_result
fail_long(struct proxy *proxy)
{
	return proxy_fail(proxy, REASON_PROTOCOL, 0,
	    "an answer of more than %d bytes or %d lines", PROXY_INPUT_MAX,
	    LINES_MAX);
}

static enum proxy_result
take_line(struct proxy *proxy, const struct line *line)
{
	enum proxy_result result;

	proxy->http.bytes += line->bytes;
	if (proxy->http.bytes > PROXY_INPUT_MAX ||
	    ++proxy->http.lines > LINES_MAX)
		return fail_long(proxy);
	if (memchr(line->text, '\0', line->bytes) != NULL)
		return proxy_fail(proxy, REASON_PROTOCOL, 0,
		    "a NUL in the answer");
	result = proxy->http.status == 0 ? take_status(proxy, line) :
					   take_header(proxy, line);
	if (result != PROXY_FAILED)
		proxy_consume(proxy, line->bytes);
	return result;
}

/* A line that has not ended yet; is it worth to wait for the rest? */
static enum proxy_result
look_ahead(struct proxy *proxy)
{
	static const char start[] = "HTTP/1.";
	size_t known = sizeof(start) - 1;

	if (proxy->http.bytes + proxy->filled >= PROXY_INPUT_MAX)
		return fail_long(proxy);
	if (known > proxy->filled)
		known = proxy->filled;
	if (proxy->http.status == 0 && memcmp(proxy->input, start, known) != 0)
		return proxy_fail_foreign(proxy, "HTTP/1.1");
	return PROXY_MORE;
}

static enum proxy_result
take_answer(struct proxy *proxy)
{
	enum proxy_result result = PROXY_MORE;
	struct line line;

	while (result == PROXY_MORE && find_line(proxy, &line))
		result = take_line(proxy, &line);
	return result == PROXY_MORE ? look_ahead(proxy) : result;
}

static void
put_authority(struct proxy *proxy)
{
	const struct proxy_target *target = &proxy->target;
	bool ipv6 = target->family == AF_INET6;
	char port[sizeof(":65535")];

	proxy_put_text(proxy, ipv6 ? "[" : "");
	proxy_put_text(proxy, target->host);
	proxy_put_text(proxy, ipv6 ? "]" : "");
	snprintf(port, sizeof(port), ":%hu", (unsigned short)target->port);
	proxy_put_text(proxy, port);
}

static void
put_base64(struct proxy *proxy, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t three[3];
	char four[4];
	uint32_t bits;
	size_t i, used;

	for (; count > 0; bytes += used, count -= used) {
		used = count < sizeof(three) ? count : sizeof(three);
		memset(three, 0, sizeof(three));
		memcpy(three, bytes, used);
		bits = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 |
		    three[2];
		for (i = 0; i < sizeof(four); i++)
			four[i] = i <= used ?
			    digits[bits >> (18 - 6 * i) & 63] :
			    '=';
		proxy_put(proxy, four, sizeof(four));
	}
}

static void
put_credentials(struct proxy *proxy)
{
	const struct job_hop *via = proxy->via;
	char both[2 * MESSAGE_SECRET_MAX];

	snprintf(both, sizeof(both), "%s:%s", via->user, via->password);
	proxy_put_text(proxy, "Proxy-Authorization: Basic ");
	put_base64(proxy, (const uint8_t *)both, strlen(both));
	proxy_put_text(proxy, "\r\n");
	explicit_bzero(both, sizeof(both));
}

enum proxy_result
http_begin(struct proxy *proxy)
{
	if (strchr(proxy->via->user, ':') != NULL)
		return proxy_fail(proxy, REASON_AUTH, 0,
		    "HTTP allows no colon in the user");
	proxy_put_text(proxy, "CONNECT ");
	put_authority(proxy);
	proxy_put_text(proxy, " HTTP/1.1\r\nHost: ");
	put_authority(proxy);
	proxy_put_text(proxy, "\r\n");
	if (proxy->via->user[0] != '\0')
		put_credentials(proxy);
	proxy_put_text(proxy, "\r\n");
	proxy->next = take_answer;
	return PROXY_SEND;
}
