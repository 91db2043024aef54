#include "supervisor/config_peers.h"

#include <string.h>

#include "supervisor/config.h"
#include "supervisor/config_ends.h"
#include "supervisor/config_reader.h"
#include "supervisor/engine/key.h"

#define MTU_MIN 68
#define MTU_MAX 65507 /* of a datagram */

static int
read_key(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct config_peer *peer = object;

	if (key_from_text(config_setting_get_string(setting), peer->key) == 0)
		return 0;
	return config_reader_fail(reader, setting,
	    "key is not a public key, 44 characters of base64");
}

static int
read_permit(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct address_permit *permit = config_add_permit(object);
	const char *error = "out of memory";

	if (permit != NULL &&
	    address_parse_permit(config_setting_get_string(setting), permit,
		&error) == 0)
		return 0;
	return config_reader_fail(reader, setting, "permit: %s", error);
}

static int
read_permits(const struct config_reader *reader, const config_setting_t *list,
    void *object)
{
	struct config_peer *peer = object;

	peer->permits_count = 0;
	return config_reader_list(reader, list, CONFIG_KIND_TEXT, read_permit,
	    peer);
}

static int
read_mode(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct config_peer *peer = object;

	return config_ends_read_mode(reader, setting, &peer->rights);
}

const struct config_key config_peer_keys[] = {
	{ "name", .required = true, CONFIG_KEY_TEXT(struct config_peer, name),
	    .read = config_reader_name },
	{ "key", .required = true, .kind = CONFIG_KIND_TEXT, .read = read_key },
	{ "psk", CONFIG_KEY_TEXT(struct config_peer, psk_file),
	    .read = config_reader_key_file },
	{ "permit", .kind = CONFIG_KIND_LIST, .read = read_permits },
	{ "clients",
	    CONFIG_KEY_NUMBER(struct config_peer, clients, 0,
		CONFIG_CLIENTS_MAX) },
	{ "tun_mtu",
	    CONFIG_KEY_NUMBER(struct config_peer, rights.tun_mtu, MTU_MIN,
		MTU_MAX) },
	{ "tun_offload",
	    CONFIG_KEY_BOOL(struct config_peer, rights.tun_offload) },
	{ "unix_mode", .kind = CONFIG_KIND_TEXT, .read = read_mode },
	{ "unix_owner", CONFIG_KEY_TEXT(struct config_peer, rights.owner) },
	{ "unix_group", CONFIG_KEY_TEXT(struct config_peer, rights.group) },
	{ .name = NULL }
};

static int
check_unique(const struct config_reader *reader,
    const config_setting_t *setting, const struct config_peer *peer)
{
	const struct config_peer *other;

	for (other = reader->config->peers; other < peer; other++) {
		if (strcmp(other->name, peer->name) == 0)
			return config_reader_fail(reader,
			    config_setting_get_member(setting, "name"),
			    "there is a peer %s already", peer->name);
		if (memcmp(other->key, peer->key, sizeof(peer->key)) == 0)
			return config_reader_fail(reader,
			    config_setting_get_member(setting, "key"),
			    "this is the key of peer %s already", other->name);
	}
	return 0;
}

int
config_peer_read(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	struct config_peer *peer = config_add_peer(object);

	if (peer == NULL)
		return config_reader_fail(reader, setting, "out of memory");
	if (config_reader_group(reader, setting, config_peer_keys, peer) == -1)
		return -1;
	return check_unique(reader, setting, peer);
}

int
config_peers_read(const struct config_reader *reader,
    const config_setting_t *list, void *object)
{
	return config_reader_list(reader, list, CONFIG_KIND_GROUP,
	    config_peer_read, object);
}
