/*
 * Answers are taken by their exact lengths, and the length of the last one
 * comes from itself. A failure is known before the answer is whole: some
 * servers send no more of it than that.
 */
#include "worker/socks.h"

#include <sys/socket.h>

#include <string.h>

enum {
	VERSION_4 = 4,
	VERSION_5 = 5,
	VERSION_AUTH = 1,
	COMMAND_CONNECT = 1
};

enum {
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	METHOD_REFUSED = 0xff
};

enum {
	TYPE_IPV4 = 1,
	TYPE_NAME = 3,
	TYPE_IPV6 = 4
};

enum {
	CODE4_GRANTED = 90,
	CODE4_REJECTED,
	CODE4_NO_IDENTD,
	CODE4_OTHER_USER
};

#define REPLY4_BYTES 8
#define REPLY5_FIXED_BYTES 4 /* version, code, reserved, address type */
#define PORT_BYTES 2

static const char *const words5[] = {
	[1] = "general failure",
	[2] = "not allowed by ruleset",
	[3] = "network unreachable",
	[4] = "host unreachable",
	[5] = "connection refused",
	[6] = "TTL expired",
	[7] = "command not supported",
	[8] = "address type not supported",
};

static void
put_byte(struct proxy *proxy, unsigned int value)
{
	uint8_t byte = (uint8_t)value;

	proxy_put(proxy, &byte, 1);
}

static void
put_port(struct proxy *proxy)
{
	put_byte(proxy, proxy->target.port >> 8);
	put_byte(proxy, proxy->target.port);
}

/* A length of one byte; no string of a job is longer than 255. */
static void
put_counted(struct proxy *proxy, const char *text)
{
	put_byte(proxy, (unsigned int)strlen(text));
	proxy_put_text(proxy, text);
}

static void
put_target5(struct proxy *proxy)
{
	const struct proxy_target *target = &proxy->target;

	switch (target->family) {
	case AF_INET:
		put_byte(proxy, TYPE_IPV4);
		proxy_put(proxy, target->address, 4);
		break;
	case AF_INET6:
		put_byte(proxy, TYPE_IPV6);
		proxy_put(proxy, target->address, 16);
		break;
	default:
		put_byte(proxy, TYPE_NAME);
		put_counted(proxy, target->host);
	}
	put_port(proxy);
}

static enum proxy_result
refuse5(struct proxy *proxy, unsigned int code)
{
	if (code < sizeof(words5) / sizeof(words5[0]))
		return proxy_fail(proxy, REASON_REFUSED, (int)code, "SOCKS: %s",
		    words5[code]);
	return proxy_fail(proxy, REASON_REFUSED, (int)code, "SOCKS: error %u",
	    code);
}

/* Of the address in the reply; 0 while that cannot be said, -1 if never. */
static int
address_bytes(const struct proxy *proxy)
{
	switch (proxy->input[REPLY5_FIXED_BYTES - 1]) {
	case TYPE_IPV4:
		return 4;
	case TYPE_IPV6:
		return 16;
	case TYPE_NAME:
		if (proxy->filled == REPLY5_FIXED_BYTES)
			return 0;
		return 1 + proxy->input[REPLY5_FIXED_BYTES];
	}
	return -1;
}

static enum proxy_result
take_reply5(struct proxy *proxy)
{
	const uint8_t *input = proxy->input;
	size_t total;
	int address;

	if (proxy->filled >= 1 && input[0] != VERSION_5)
		return proxy_fail_foreign(proxy, "SOCKS5");
	if (proxy->filled >= 2 && input[1] != 0)
		return refuse5(proxy, input[1]);
	if (proxy->filled < REPLY5_FIXED_BYTES)
		return PROXY_MORE;
	address = address_bytes(proxy);
	if (address == -1)
		return proxy_fail(proxy, REASON_PROTOCOL, 0,
		    "SOCKS: an address of unknown type %d in the reply",
		    input[REPLY5_FIXED_BYTES - 1]);
	total = REPLY5_FIXED_BYTES + (size_t)address + PORT_BYTES;
	if (address == 0 || proxy->filled < total)
		return PROXY_MORE;
	proxy_consume(proxy, total);
	return PROXY_DONE;
}

static enum proxy_result
send_request5(struct proxy *proxy)
{
	put_byte(proxy, VERSION_5);
	put_byte(proxy, COMMAND_CONNECT);
	put_byte(proxy, 0);
	put_target5(proxy);
	proxy->next = take_reply5;
	return PROXY_SEND;
}

static enum proxy_result
take_verdict(struct proxy *proxy)
{
	const uint8_t *input = proxy->input;

	/* Some servers say 5 here, the version of everything else. */
	if (proxy->filled >= 1 && input[0] != VERSION_AUTH &&
	    input[0] != VERSION_5)
		return proxy_fail_foreign(proxy, "SOCKS5");
	if (proxy->filled < 2)
		return PROXY_MORE;
	if (input[1] != 0)
		return proxy_fail(proxy, REASON_AUTH, input[1],
		    "authentication rejected");
	proxy_consume(proxy, 2);
	return send_request5(proxy);
}

static enum proxy_result
send_credentials(struct proxy *proxy)
{
	put_byte(proxy, VERSION_AUTH);
	put_counted(proxy, proxy->via->user);
	put_counted(proxy, proxy->via->password);
	proxy->next = take_verdict;
	return PROXY_SEND;
}

static bool
has_user(const struct proxy *proxy)
{
	return proxy->via->user[0] != '\0';
}

static enum proxy_result
refuse_methods(struct proxy *proxy)
{
	return proxy_fail(proxy, REASON_AUTH, METHOD_REFUSED,
	    has_user(proxy) ? "authentication rejected: no method in common" :
			      "authentication wanted, and no user is set");
}

static enum proxy_result
take_method(struct proxy *proxy)
{
	unsigned int method;

	if (proxy->filled >= 1 && proxy->input[0] != VERSION_5)
		return proxy_fail_foreign(proxy, "SOCKS5");
	if (proxy->filled < 2)
		return PROXY_MORE;
	method = proxy->input[1];
	if (method == METHOD_REFUSED)
		return refuse_methods(proxy);
	if (method != METHOD_NONE &&
	    (method != METHOD_PASSWORD || !has_user(proxy)))
		return proxy_fail(proxy, REASON_PROTOCOL, (int)method,
		    "SOCKS: chose method %u, which was not offered", method);
	proxy_consume(proxy, 2);
	if (method == METHOD_PASSWORD)
		return send_credentials(proxy);
	return send_request5(proxy);
}

enum proxy_result
socks_begin5(struct proxy *proxy)
{
	static const uint8_t open[] = { VERSION_5, 1, METHOD_NONE };
	static const uint8_t with_user[] = { VERSION_5, 2, METHOD_PASSWORD,
		METHOD_NONE };

	if (has_user(proxy) != (proxy->via->password[0] != '\0'))
		return proxy_fail(proxy, REASON_AUTH, 0,
		    "SOCKS5 takes a user and a password, or neither");
	if (has_user(proxy))
		proxy_put(proxy, with_user, sizeof(with_user));
	else
		proxy_put(proxy, open, sizeof(open));
	proxy->next = take_method;
	return PROXY_SEND;
}

static enum proxy_result
refuse4(struct proxy *proxy, unsigned int code)
{
	switch (code) {
	case CODE4_REJECTED:
		return proxy_fail(proxy, REASON_REFUSED, (int)code,
		    "SOCKS: rejected or failed");
	case CODE4_NO_IDENTD:
		return proxy_fail(proxy, REASON_AUTH, (int)code,
		    "SOCKS: found no identd to ask for the user");
	case CODE4_OTHER_USER:
		return proxy_fail(proxy, REASON_AUTH, (int)code,
		    "SOCKS: identd names another user");
	}
	return proxy_fail(proxy, REASON_REFUSED, (int)code, "SOCKS: error %u",
	    code);
}

static enum proxy_result
take_reply4(struct proxy *proxy)
{
	if (proxy->filled >= 1 && proxy->input[0] != 0)
		return proxy_fail_foreign(proxy, "SOCKS4");
	if (proxy->filled >= 2 && proxy->input[1] != CODE4_GRANTED)
		return refuse4(proxy, proxy->input[1]);
	if (proxy->filled < REPLY4_BYTES)
		return PROXY_MORE;
	proxy_consume(proxy, REPLY4_BYTES);
	return PROXY_DONE;
}

/* 0.0.0.x is how SOCKS4a says that a name follows. */
static bool
means_name(const uint8_t address[4])
{
	return (address[0] | address[1] | address[2]) == 0;
}

static void
put_request4(struct proxy *proxy)
{
	static const uint8_t name_follows[] = { 0, 0, 0, 1 };
	const struct proxy_target *target = &proxy->target;
	bool named = target->family == AF_UNSPEC;

	put_byte(proxy, VERSION_4);
	put_byte(proxy, COMMAND_CONNECT);
	put_port(proxy);
	proxy_put(proxy, named ? name_follows : target->address, 4);
	proxy_put_text(proxy, proxy->via->user);
	put_byte(proxy, 0);
	if (named) {
		proxy_put_text(proxy, target->host);
		put_byte(proxy, 0);
	}
}

enum proxy_result
socks_begin4(struct proxy *proxy)
{
	const struct proxy_target *target = &proxy->target;

	if (target->family == AF_INET6)
		return proxy_fail(proxy, REASON_PROTOCOL, 0,
		    "SOCKS4 cannot be asked for an IPv6 address");
	if (target->family == AF_INET && means_name(target->address))
		return proxy_fail(proxy, REASON_PROTOCOL, 0,
		    "SOCKS4 cannot be asked for %s", target->host);
	if (proxy->via->password[0] != '\0')
		return proxy_fail(proxy, REASON_AUTH, 0,
		    "SOCKS4 has no password");
	put_request4(proxy);
	proxy->next = take_reply4;
	return PROXY_SEND;
}
