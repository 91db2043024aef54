#include "tests/proxy_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static const struct sockaddr *
resolved(const char *text, struct sockaddr_storage *storage)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)storage;
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)storage;

	memset(storage, 0, sizeof(*storage));
	if (text == NULL)
		return NULL;
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		storage->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		storage->ss_family = AF_INET6;
	return (const struct sockaddr *)storage;
}

static void
check_failure(const struct proxy *proxy)
{
	const char *at;

	must(proxy->reason != REASON_NONE && proxy->text[0] != '\0');
	must(strlen(proxy->text) < MESSAGE_TEXT_MAX);
	for (at = proxy->text; *at != '\0'; at++)
		must(*at >= ' ' && *at <= '~');
}

static void
keep_output(struct proxy_rig *rig)
{
	const struct proxy *proxy = &rig->proxy;

	must(proxy->output_bytes > 0 &&
	    proxy->output_bytes <= sizeof(proxy->output));
	must(proxy->output_bytes <= sizeof(rig->sent) - rig->sent_bytes);
	memcpy(rig->sent + rig->sent_bytes, proxy->output, proxy->output_bytes);
	rig->sent_bytes += proxy->output_bytes;
}

/* Do everything that needs no byte from the proxy. */
static void
settle(struct proxy_rig *rig)
{
	size_t i, sent;

	must(rig->proxy.filled <= sizeof(rig->proxy.input));
	while (rig->result == PROXY_SEND) {
		keep_output(rig);
		sent = rig->proxy.output_bytes;
		rig->result = proxy_step(&rig->proxy);
		if (rig->result == PROXY_SEND)
			continue;
		for (i = 0; i < sent; i++)
			must(rig->proxy.output[i] == 0);
	}
	if (rig->result == PROXY_MORE)
		must(rig->proxy.filled < sizeof(rig->proxy.input));
	if (rig->result == PROXY_FAILED)
		check_failure(&rig->proxy);
}

void
proxy_rig_begin(struct proxy_rig *rig, enum hop_kind kind, const char *user,
    const char *password, const char *host, uint32_t port, const char *address)
{
	struct sockaddr_storage storage;

	memset(rig, 0, sizeof(*rig));
	rig->via.kind = kind;
	strlcpy(rig->via.user, user, sizeof(rig->via.user));
	strlcpy(rig->via.password, password, sizeof(rig->via.password));
	rig->result = proxy_begin(&rig->proxy, &rig->via, host, port,
	    resolved(address, &storage));
	must(rig->result == PROXY_SEND || rig->result == PROXY_FAILED);
	settle(rig);
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

void
proxy_rig_feed(struct proxy_rig *rig, const void *answer, size_t bytes,
    size_t first, size_t piece)
{
	struct proxy *proxy = &rig->proxy;
	size_t count;

	while (rig->result == PROXY_MORE && rig->fed_bytes < bytes) {
		count = smallest(rig->fed_bytes == 0 ? first : piece,
		    bytes - rig->fed_bytes,
		    sizeof(proxy->input) - proxy->filled);
		memcpy(proxy->input + proxy->filled,
		    (const uint8_t *)answer + rig->fed_bytes, count);
		proxy->filled += count;
		rig->fed_bytes += count;
		rig->result = proxy_step(proxy);
		settle(rig);
	}
}

size_t
proxy_rig_consumed(const struct proxy_rig *rig)
{
	return rig->fed_bytes - rig->proxy.filled;
}
