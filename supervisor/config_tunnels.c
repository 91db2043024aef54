#include "supervisor/config_tunnels.h"

#include <string.h>

#include "supervisor/config.h"
#include "supervisor/config_ends.h"
#include "supervisor/config_paths.h"
#include "supervisor/config_reader.h"

#define MTU_MIN 68
#define MTU_MAX 65507
#define COPIES_MAX 8
#define REORDER_MAX_MS 10000
#define QUEUE_MAX_MS 10000
#define AGE_MAX_MS 10000
#define HISTORY_MIN_BYTES (256 << 10)
#define HISTORY_MAX_BYTES (1 << 30)
#define DEAD_MAX_S 3600
#define IDLE_MAX_S 65535
#define ROTATE_MAX_S 604800 /* a week */

static int
read_peer(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	const char *name = config_setting_get_string(setting);
	struct config_tunnel *tunnel = object;
	size_t i;

	for (i = 0; i < reader->config->peers_count; i++)
		if (strcmp(reader->config->peers[i].name, name) == 0) {
			tunnel->peer = i;
			return 0;
		}
	return config_reader_fail(reader, setting, "there is no peer %s", name);
}

static int
add_destination(const struct config_reader *reader,
    const config_setting_t *setting, struct config_tunnel *tunnel)
{
	struct address_uri *destination =
	    &tunnel->destinations[tunnel->destinations_count++];
	const char *error;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return config_reader_fail(reader, setting,
		    "destination must be a URI or a list of them");
	if (address_parse_uri(config_setting_get_string(setting), destination,
		&error) == -1)
		return config_reader_fail(reader, setting, "destination: %s",
		    error);
	if (destination->kind == HOP_TCP || destination->kind == HOP_SRV)
		return 0;
	explicit_bzero(destination, sizeof(*destination));
	return config_reader_fail(reader, setting,
	    "destination must be a tcp or srv URI");
}

/* One, or several that stand in for each other. */
static int
read_destination(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	int count = config_setting_length(setting);

	if (!config_setting_is_list(setting) &&
	    !config_setting_is_array(setting))
		return add_destination(reader, setting, object);
	if (count < 1 || count > CONFIG_DESTINATIONS_MAX)
		return config_reader_fail(reader, setting,
		    "destination has 1 to %d URIs", CONFIG_DESTINATIONS_MAX);
	for (int i = 0; i < count; i++)
		if (add_destination(reader,
			config_setting_get_elem(setting, (unsigned int)i),
			object) == -1)
			return -1;
	return 0;
}

static int
read_tuple(const struct config_reader *reader, const config_setting_t *setting,
    struct address_tuple *tuple)
{
	const char *error;

	if (address_parse_tuple(config_setting_get_string(setting), tuple,
		&error) == 0)
		return 0;
	return config_reader_fail(reader, setting, "%s: %s",
	    config_setting_name(setting), error);
}

static int
read_local(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct config_tunnel *tunnel = object;

	return read_tuple(reader, setting, &tunnel->local);
}

static int
read_remote(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct config_tunnel *tunnel = object;

	return read_tuple(reader, setting, &tunnel->remote);
}

static int
read_mode(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct config_tunnel *tunnel = object;

	return config_ends_read_mode(reader, setting, &tunnel->rights);
}

static int
read_scheduler(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	static const enum config_scheduler all[] = { CONFIG_EARLIEST,
		CONFIG_PRIMARY, CONFIG_REDUNDANT };
	struct config_tunnel *tunnel = object;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(config_scheduler_name(all[i]),
			config_setting_get_string(setting)) == 0) {
			tunnel->scheduler = all[i];
			return 0;
		}
	return config_reader_fail(reader, setting,
	    "scheduler must be earliest, primary or redundant");
}

const struct config_key config_tunnel_keys[] = {
	{ "name", .required = true, CONFIG_KEY_TEXT(struct config_tunnel, name),
	    .read = config_reader_name },
	{ "peer", .required = true, .kind = CONFIG_KIND_TEXT,
	    .read = read_peer },
	{ "destination", .required = true, .kind = CONFIG_KIND_OTHER,
	    .read = read_destination },
	{ "direct", .kind = CONFIG_KIND_BOOL },
	{ "local", .required = true, .kind = CONFIG_KIND_TEXT,
	    .read = read_local },
	{ "remote", .required = true, .kind = CONFIG_KIND_TEXT,
	    .read = read_remote },
	{ "clients",
	    CONFIG_KEY_NUMBER(struct config_tunnel, clients, 1,
		CONFIG_CLIENTS_MAX) },
	{ "clients_idle",
	    CONFIG_KEY_NUMBER(struct config_tunnel, clients_idle_s, 1,
		IDLE_MAX_S) },
	{ "tun_mtu",
	    CONFIG_KEY_NUMBER(struct config_tunnel, rights.tun_mtu, MTU_MIN,
		MTU_MAX) },
	{ "tun_offload",
	    CONFIG_KEY_BOOL(struct config_tunnel, rights.tun_offload) },
	{ "unix_mode", .kind = CONFIG_KIND_TEXT, .read = read_mode },
	{ "unix_owner", CONFIG_KEY_TEXT(struct config_tunnel, rights.owner) },
	{ "unix_group", CONFIG_KEY_TEXT(struct config_tunnel, rights.group) },
	{ "scheduler", .kind = CONFIG_KIND_TEXT, .read = read_scheduler },
	{ "copies",
	    CONFIG_KEY_NUMBER(struct config_tunnel, copies, 1, COPIES_MAX) },
	{ "reorder",
	    CONFIG_KEY_NUMBER(struct config_tunnel, reorder_ms, 0,
		REORDER_MAX_MS) },
	{ "max_queue",
	    CONFIG_KEY_NUMBER(struct config_tunnel, max_queue_ms, 1,
		QUEUE_MAX_MS) },
	{ "max_age",
	    CONFIG_KEY_NUMBER(struct config_tunnel, max_age_ms, 0,
		AGE_MAX_MS) },
	{ "resend", CONFIG_KEY_BOOL(struct config_tunnel, resend) },
	{ "history",
	    CONFIG_KEY_NUMBER(struct config_tunnel, history_bytes,
		HISTORY_MIN_BYTES, HISTORY_MAX_BYTES) },
	{ "dead",
	    CONFIG_KEY_NUMBER(struct config_tunnel, dead_s, 1, DEAD_MAX_S) },
	{ "failover",
	    CONFIG_KEY_NUMBER(struct config_tunnel, failover_s, 1,
		DEAD_MAX_S) },
	{ "rotate",
	    CONFIG_KEY_NUMBER(struct config_tunnel, rotate_s, 0,
		ROTATE_MAX_S) },
	{ "paths", .kind = CONFIG_KIND_LIST },
	{ "pool", .kind = CONFIG_KIND_GROUP }, { .name = NULL }
};

/* The direct path comes first, wherever its key stands. */
static int
add_direct(const struct config_reader *reader, const config_setting_t *setting,
    struct config_tunnel *tunnel)
{
	struct config_path *path;
	int direct = CONFIG_TRUE;

	config_setting_lookup_bool(setting, "direct", &direct);
	if (!direct)
		return 0;
	path = config_add_path(tunnel);
	if (path != NULL &&
	    config_path_set_hops(path, tunnel->destinations, 1) == 0) {
		path->direct = true;
		return 0;
	}
	return config_reader_fail(reader, setting, "out of memory");
}

static int
check_unique(const struct config_reader *reader,
    const config_setting_t *setting, const struct config_tunnel *tunnel)
{
	const struct config_tunnel *other;

	for (other = reader->config->tunnels; other < tunnel; other++)
		if (strcmp(other->name, tunnel->name) == 0)
			return config_reader_fail(reader,
			    config_setting_get_member(setting, "name"),
			    "there is a tunnel %s already", tunnel->name);
	return 0;
}

/* One end has the clients, the other has a socket for each of them. */
static int
check_clients(const struct config_reader *reader,
    const config_setting_t *setting, const struct config_tunnel *tunnel)
{
	bool here = tunnel->local.kind == ADDRESS_LEARN;
	const struct address_tuple *fan = here ? &tunnel->remote :
						 &tunnel->local;

	if (tunnel->clients == 0)
		return 0;
	setting = config_setting_get_member(setting, "clients");
	if (here == (tunnel->remote.kind == ADDRESS_LEARN) ||
	    fan->kind != ADDRESS_UDP)
		return config_reader_fail(reader, setting,
		    "clients need one end that learns, and UDP at the other");
	if (fan->port == 0)
		return 0;
	return config_reader_fail(reader, setting,
	    "where each client gets a port, %s must ask for port 0",
	    here ? "remote" : "local");
}

int
config_tunnel_read(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	struct config_tunnel *tunnel = config_add_tunnel(object);
	const config_setting_t *paths;
	char error[CONFIG_ERROR_MAX];

	if (tunnel == NULL)
		return config_reader_fail(reader, setting, "out of memory");
	if (config_reader_group(reader, setting, config_tunnel_keys, tunnel) ==
		-1 ||
	    check_unique(reader, setting, tunnel) == -1 ||
	    check_clients(reader, setting, tunnel) == -1 ||
	    add_direct(reader, setting, tunnel) == -1)
		return -1;
	paths = config_setting_get_member(setting, "paths");
	if (paths != NULL &&
	    config_reader_list(reader, paths, CONFIG_KIND_GROUP,
		config_path_read, tunnel) == -1)
		return -1;
	if (config_pool_read(reader, setting, tunnel) == -1)
		return -1;
	if (tunnel->paths_count == 0)
		return config_reader_fail(reader, setting,
		    "tunnel %s has no path", tunnel->name);
	if (config_paths_check(tunnel, error, sizeof(error)) == -1)
		return config_reader_fail(reader, setting, "%s", error);
	return 0;
}

int
config_tunnels_read(const struct config_reader *reader,
    const config_setting_t *list, void *object)
{
	return config_reader_list(reader, list, CONFIG_KIND_GROUP,
	    config_tunnel_read, object);
}
