#include "supervisor/config_paths.h"

#include <arpa/inet.h>

#include <string.h>

#include "supervisor/config.h"
#include "supervisor/config_reader.h"

#define COUNT_MAX 64

static int
read_chain(const struct config_reader *reader, const config_setting_t *setting,
    struct address_uri *hops)
{
	const char *error;
	int count;

	count = address_parse_chain(config_setting_get_string(setting), hops,
	    MESSAGE_HOPS_MAX, &error);
	if (count == -1)
		config_reader_fail(reader, setting, "uri: %s", error);
	return count;
}

static int
read_hops(const struct config_reader *reader, const config_setting_t *setting,
    struct address_uri *hops)
{
	int i, count = config_setting_length(setting);
	const char *error;

	if (count > MESSAGE_HOPS_MAX)
		return config_reader_fail(reader, setting,
		    "uri has more than %d hops", MESSAGE_HOPS_MAX);
	for (i = 0; i < count; i++) {
		const config_setting_t *hop = config_setting_get_elem(setting,
		    (unsigned int)i);

		if (config_setting_type(hop) != CONFIG_TYPE_STRING)
			return config_reader_fail(reader, hop,
			    "a hop of uri must be a string");
		if (address_parse_uri(config_setting_get_string(hop), &hops[i],
			&error) == -1)
			return config_reader_fail(reader, hop, "uri: %s",
			    error);
	}
	if (address_check_chain(hops, count, &error) == -1)
		return config_reader_fail(reader, setting, "uri: %s", error);
	return count;
}

static int
read_uri(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct address_uri hops[MESSAGE_HOPS_MAX];
	int count;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		count = read_chain(reader, setting, hops);
		break;
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		count = read_hops(reader, setting, hops);
		break;
	default:
		return config_reader_fail(reader, setting,
		    "uri must be a string or a list of strings");
	}
	if (count != -1 &&
	    config_path_set_hops(object, hops, (size_t)count) == -1)
		count = config_reader_fail(reader, setting, "out of memory");
	explicit_bzero(hops, sizeof(hops));
	return count == -1 ? -1 : 0;
}

static int
check_source(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	const char *text = config_setting_get_string(setting);
	struct in6_addr binary;

	(void)object;
	if (*text == '\0' || inet_pton(AF_INET, text, &binary) == 1 ||
	    inet_pton(AF_INET6, text, &binary) == 1)
		return 0;
	return config_reader_fail(reader, setting,
	    "source must be a numeric address");
}

/* What the kernel takes for the name of an interface or an algorithm. */
static int
check_word(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	const char *text = config_setting_get_string(setting);

	(void)object;
	if (strcmp(text, ".") != 0 && strcmp(text, "..") != 0 &&
	    text[strcspn(text, " /:")] == '\0')
		return 0;
	return config_reader_fail(reader, setting, "%s cannot have that name",
	    config_setting_name(setting));
}

const struct config_key config_path_keys[] = { { "uri", .required = true,
						   .kind = CONFIG_KIND_OTHER,
						   .read = read_uri },
	{ "backup", CONFIG_KEY_BOOL(struct config_path, backup) },
	{ "mptcp", CONFIG_KEY_BOOL(struct config_path, mptcp) },
	{ "count", CONFIG_KEY_NUMBER(struct config_path, count, 1, COUNT_MAX) },
	{ "interface", CONFIG_KEY_TEXT(struct config_path, interface),
	    .read = check_word },
	{ "source", CONFIG_KEY_TEXT(struct config_path, source),
	    .read = check_source },
	{ "congestion", CONFIG_KEY_TEXT(struct config_path, congestion),
	    .read = check_word },
	{ "auth", CONFIG_KEY_TEXT(struct config_path, auth),
	    .read = config_reader_key_file },
	{ "rate_limit",
	    CONFIG_KEY_NUMBER(struct config_path, rate_limit_bytes, 0,
		INT64_MAX) },
	{ .name = NULL } };

/* What can only be said of all keys together. */
static int
check_path(const struct config_reader *reader, const config_setting_t *setting,
    const struct config_path *path, const struct config_tunnel *tunnel)
{
	const struct address_uri *hop, *last;
	const char *error;
	bool proxies = false, users = false;

	for (hop = path->hops; hop < path->hops + path->hops_count; hop++) {
		proxies |= hop->kind != HOP_TCP;
		users |= hop->user[0] != '\0';
	}
	last = hop - 1;
	for (size_t i = 0; i < tunnel->destinations_count; i++)
		if (address_check_next(last, &tunnel->destinations[i],
			&error) == -1)
			return config_reader_fail(reader, setting, "uri: %s",
			    error);
	if (path->auth[0] != '\0' && (users || !proxies))
		return config_reader_fail(reader,
		    config_setting_get_member(setting, "auth"), "auth: %s",
		    users ? "there is a user in the uri already" :
			    "there is no proxy in the uri");
	return 0;
}

int
config_path_read(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	struct config_tunnel *tunnel = object;
	struct config_path *path = config_add_path(tunnel);

	if (path == NULL)
		return config_reader_fail(reader, setting, "out of memory");
	if (config_reader_group(reader, setting, config_path_keys, path) == -1)
		return -1;
	return check_path(reader, setting, path, tunnel);
}

static int
read_candidate(const struct config_reader *reader,
    const config_setting_t *setting, struct config_tunnel *tunnel)
{
	struct config_path *path = config_add_path(tunnel);

	if (path == NULL)
		return config_reader_fail(reader, setting, "out of memory");
	path->pooled = true;
	if (read_uri(reader, setting, path) == -1)
		return -1;
	return check_path(reader, setting, path, tunnel);
}

/* Each candidate is what `uri` of a path may be. */
static int
read_candidates(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	int i, count = config_setting_length(setting);

	if (count < 1 || count > CONFIG_POOL_MAX)
		return config_reader_fail(reader, setting,
		    "a pool has 1 to %d uris", CONFIG_POOL_MAX);
	for (i = 0; i < count; i++)
		if (read_candidate(reader,
			config_setting_get_elem(setting, (unsigned int)i),
			object) == -1)
			return -1;
	return 0;
}

static int
check_use(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	const config_setting_t *uris =
	    config_setting_get_member(config_setting_parent(setting), "uris");
	const struct config_tunnel *tunnel = object;

	if (uris == NULL ||
	    tunnel->pool_use <= (uint32_t)config_setting_length(uris))
		return 0;
	return config_reader_fail(reader, setting,
	    "use is more than there are uris");
}

static const struct config_key pool_keys[] = {
	{ "use", .required = true,
	    CONFIG_KEY_NUMBER(struct config_tunnel, pool_use, 1,
		CONFIG_POOL_MAX),
	    .read = check_use },
	{ "uris", .required = true, .kind = CONFIG_KIND_LIST,
	    .read = read_candidates },
	{ .name = NULL }
};

int
config_pool_read(const struct config_reader *reader,
    const config_setting_t *tunnel, void *object)
{
	const config_setting_t *pool = config_setting_get_member(tunnel,
	    "pool");

	if (pool == NULL)
		return 0;
	return config_reader_group(reader, pool, pool_keys, object);
}

int
config_paths_check(const struct config_tunnel *tunnel, char *error, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < tunnel->paths_count; i++)
		count += tunnel->paths[i].count;
	if (count <= CONFIG_CONNECTIONS_MAX)
		return 0;
	snprintf(error, size, "tunnel %s: more than %d connections",
	    tunnel->name, CONFIG_CONNECTIONS_MAX);
	return -1;
}
