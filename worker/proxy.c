#include "worker/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "worker/http.h"
#include "worker/socks.h"

static bool
is_literal(const char *host, struct proxy_target *target)
{
	if (inet_pton(AF_INET, host, target->address) == 1)
		target->family = AF_INET;
	else if (inet_pton(AF_INET6, host, target->address) == 1)
		target->family = AF_INET6;
	else
		return false;
	return true;
}

static bool
resolves_itself(const struct job_hop *via)
{
	return via->kind != HOP_SOCKS5 && via->kind != HOP_SOCKS4;
}

bool
proxy_wants_address(const struct job_hop *via, const char *host, int *family)
{
	struct proxy_target literal;

	*family = via->kind == HOP_SOCKS4 ? AF_INET : AF_UNSPEC;
	return via->kind != HOP_TCP && !resolves_itself(via) &&
	    !is_literal(host, &literal);
}

/* The address that host was resolved to, if it is of use. */
static void
take_address(struct proxy_target *target, const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6;
	const struct sockaddr_in *in;

	target->family = address == NULL ? AF_UNSPEC : address->sa_family;
	switch (target->family) {
	case AF_INET:
		in = (const struct sockaddr_in *)(const void *)address;
		memcpy(target->address, &in->sin_addr, sizeof(in->sin_addr));
		break;
	case AF_INET6:
		in6 = (const struct sockaddr_in6 *)(const void *)address;
		memcpy(target->address, &in6->sin6_addr,
		    sizeof(in6->sin6_addr));
		break;
	default:
		target->family = AF_UNSPEC;
	}
}

/* What no request can carry, whatever its form. */
static bool
is_expressible(const char *host)
{
	size_t i;

	for (i = 0; host[i] != '\0'; i++)
		if (host[i] <= ' ' || host[i] > '~')
			return false;
	return i > 0 && i < MESSAGE_HOST_MAX;
}

static enum proxy_result
set_target(struct proxy *proxy, const char *host, uint32_t port,
    const struct sockaddr *address)
{
	struct proxy_target *target = &proxy->target;

	*target = (struct proxy_target){ .host = host, .port = port };
	if (strchr(host, '%') != NULL)
		return proxy_fail(proxy, REASON_PROTOCOL, 0,
		    "an address with a scope means nothing to a proxy");
	if (!is_expressible(host) || port > UINT16_MAX)
		return proxy_fail(proxy, REASON_PROTOCOL, 0,
		    "the next hop has no proper name");
	if (is_literal(host, target))
		return PROXY_SEND;
	if (!resolves_itself(proxy->via)) {
		take_address(target, address);
		if (target->family == AF_UNSPEC)
			return proxy_fail(proxy, REASON_PROTOCOL, 0,
			    "the next hop's name was not resolved");
	}
	return PROXY_SEND;
}

static enum proxy_result
begin(struct proxy *proxy)
{
	switch ((enum hop_kind)proxy->via->kind) {
	case HOP_TCP:
	case HOP_SRV:
		break;
	case HOP_SOCKS5:
	case HOP_SOCKS5H:
		return socks_begin5(proxy);
	case HOP_SOCKS4:
	case HOP_SOCKS4A:
		return socks_begin4(proxy);
	case HOP_HTTP:
		return http_begin(proxy);
	}
	return proxy_fail(proxy, REASON_PROTOCOL, 0,
	    "a tcp relay cannot be asked");
}

/* It may hold credentials. */
static void
wipe_output(struct proxy *proxy)
{
	explicit_bzero(proxy->output, proxy->output_bytes);
	proxy->output_bytes = 0;
}

enum proxy_result
proxy_begin(struct proxy *proxy, const struct job_hop *via, const char *host,
    uint32_t port, const struct sockaddr *address)
{
	wipe_output(proxy);
	proxy->via = via;
	proxy->next = NULL;
	proxy->reason = REASON_NONE;
	proxy->detail = 0;
	proxy->text[0] = '\0';
	memset(&proxy->http, 0, sizeof(proxy->http));
	if (set_target(proxy, host, port, address) == PROXY_FAILED)
		return PROXY_FAILED;
	return begin(proxy);
}

enum proxy_result
proxy_step(struct proxy *proxy)
{
	wipe_output(proxy);
	return proxy->next(proxy);
}

void
proxy_put(struct proxy *proxy, const void *bytes, size_t count)
{
	assert(count <= sizeof(proxy->output) - proxy->output_bytes);
	memcpy(proxy->output + proxy->output_bytes, bytes, count);
	proxy->output_bytes += count;
}

void
proxy_put_text(struct proxy *proxy, const char *text)
{
	proxy_put(proxy, text, strlen(text));
}

void
proxy_consume(struct proxy *proxy, size_t count)
{
	assert(count <= proxy->filled);
	proxy->filled -= count;
	memmove(proxy->input, proxy->input + count, proxy->filled);
}

enum proxy_result
proxy_fail(struct proxy *proxy, enum event_reason reason, int detail,
    const char *format, ...)
{
	va_list arguments;

	proxy->reason = reason;
	proxy->detail = detail;
	va_start(arguments, format);
	vsnprintf(proxy->text, sizeof(proxy->text), format, arguments);
	va_end(arguments);
	message_make_printable(proxy->text);
	return PROXY_FAILED;
}

enum proxy_result
proxy_fail_foreign(struct proxy *proxy, const char *protocol)
{
	char words[64];
	size_t i;

	for (i = 0; i < proxy->filled && i < sizeof(words) - 1; i++) {
		words[i] = (char)proxy->input[i];
		if (words[i] == '\r' || words[i] == '\n')
			break;
		if (words[i] == '\0')
			words[i] = '?';
	}
	words[i] = '\0';
	return proxy_fail(proxy, REASON_PROTOCOL, 0, "not an answer in %s: %s",
	    protocol, words);
}
