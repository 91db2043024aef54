#include "supervisor/config_ends.h"

#include <string.h>

#include "supervisor/config.h"
#include "supervisor/config_reader.h"

#define MODE_DIGITS_MAX 4
#define OFFLOAD_MTU_MAX 65497

static bool
next_of_tunnels(const struct config *config, struct config_walk *walk,
    struct config_end *end)
{
	const struct config_tunnel *tunnel;

	while (walk->tunnel < config->tunnels_count) {
		tunnel = &config->tunnels[walk->tunnel++];
		if (!address_is_named(tunnel->local.kind))
			continue;
		end->of = tunnel->name;
		end->rights = &tunnel->rights;
		end->permitted = false;
		address_name_pair(tunnel->local.kind, tunnel->local.path,
		    tunnel->local.rpath, &end->pair);
		return true;
	}
	return false;
}

static bool
next_of_peer(const struct config_peer *peer, struct config_walk *walk,
    struct config_end *end)
{
	const struct address_permit *permit;

	while (walk->permit < peer->permits_count) {
		permit = &peer->permits[walk->permit++];
		if (!address_is_named(permit->kind))
			continue;
		end->of = peer->name;
		end->rights = &peer->rights;
		end->permitted = true;
		address_name_pair(permit->kind, permit->path, permit->rpath,
		    &end->pair);
		return true;
	}
	return false;
}

bool
config_ends_next(const struct config *config, struct config_walk *walk,
    struct config_end *end)
{
	if (next_of_tunnels(config, walk, end))
		return true;
	while (walk->peer < config->peers_count) {
		if (next_of_peer(&config->peers[walk->peer], walk, end))
			return true;
		walk->peer++;
		walk->permit = 0;
	}
	return false;
}

/* Before what may be one packet there is a header. */
static bool
fits(const struct config_rights *rights)
{
	return !rights->tun_offload || rights->tun_mtu <= OFFLOAD_MTU_MAX;
}

static bool
is_control(const struct config *config, const struct config_end *end)
{
	char text[ADDRESS_TEXT_MAX];

	return end->pair.kind != ADDRESS_TUN &&
	    strcmp(address_format(&end->pair.local, text), config->control) ==
	    0;
}

int
config_ends_check(const struct config_reader *reader,
    const config_setting_t *root)
{
	struct config_walk walk = { 0 }, behind;
	struct config_end end, other;
	char text[ADDRESS_TEXT_MAX];

	while (config_ends_next(reader->config, &walk, &end)) {
		if (!fits(end.rights))
			return config_reader_fail(reader,
			    config_setting_get_member(root,
				end.permitted ? "peers" : "tunnels"),
			    "%s: with tun_offload, tun_mtu is at most %d",
			    end.of, OFFLOAD_MTU_MAX);
		if (is_control(reader->config, &end))
			return config_reader_fail(reader,
			    config_setting_get_member(root,
				end.permitted ? "peers" : "tunnels"),
			    "%s: the control socket has that path", end.of);
		behind = walk;
		while (config_ends_next(reader->config, &behind, &other))
			if (address_same(&end.pair.local, &other.pair.local))
				return config_reader_fail(reader,
				    config_setting_get_member(root,
					other.permitted ? "peers" : "tunnels"),
				    "%s stands twice, for %s and for %s",
				    address_describe(&end.pair, text), end.of,
				    other.of);
	}
	return 0;
}

int
config_ends_read_mode(const struct config_reader *reader,
    const config_setting_t *setting, struct config_rights *rights)
{
	const char *text = config_setting_get_string(setting);
	size_t length = strspn(text, "01234567");

	rights->mode = 0;
	if (length >= 1 && length <= MODE_DIGITS_MAX && text[length] == '\0')
		for (const char *at = text; *at != '\0'; at++)
			rights->mode = rights->mode * 8 + (uint32_t)(*at - '0');
	if (rights->mode != 0 && (rights->mode & ~0666U) == 0)
		return 0;
	return config_reader_fail(reader, setting,
	    "unix_mode must be octal digits in quotes, such as \"0660\", of "
	    "reading and writing alone");
}
