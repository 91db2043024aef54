#include "supervisor/config_relays.h"

#include <stddef.h>

#include "supervisor/config.h"

/* For a proxy that resolves names itself one is as good as an address. */
static bool
takes_names(const struct address_uri *via)
{
	return via->kind != HOP_SOCKS5 && via->kind != HOP_SOCKS4;
}

bool
config_relays_ask(const struct config_tunnel *tunnel,
    const struct config_path *path, bool (*is_numeric)(const char *host))
{
	const struct address_uri *last = &path->hops[path->hops_count - 1];
	const struct address_uri *to = tunnel->destinations;

	if (!path->direct && !is_numeric(path->hops[0].host))
		return true;
	for (const struct address_uri *hop = path->hops; hop < last; hop++)
		if (!takes_names(hop) && !is_numeric(hop[1].host))
			return true;
	if (!path->direct && last->kind == HOP_TCP)
		return false;
	for (; to < tunnel->destinations + tunnel->destinations_count; to++)
		if (to->kind == HOP_SRV ||
		    ((path->direct || !takes_names(last)) &&
			!is_numeric(to->host)))
			return true;
	return false;
}
