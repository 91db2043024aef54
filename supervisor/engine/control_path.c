#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/config_words.h"
#include "supervisor/engine/change.h"
#include "supervisor/engine/control_auth.h"
#include "supervisor/engine/control_change.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_change.h"

static struct tunnel *
find_running(struct control_call *call)
{
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &call->engine->tunnels, entry)
		if (tunnel->config != NULL &&
		    strcmp(tunnel->name, call->words[CONTROL_FIRST]) == 0)
			return tunnel;
	return NULL;
}

/* As it is displayed, which is without credentials. */
static int
normal_uri(struct control_call *call, struct config_path *path)
{
	struct address_uri hops[MESSAGE_HOPS_MAX];
	const char *error = "out of memory";
	int count;

	memset(path, 0, sizeof(*path));
	count = address_parse_chain(call->words[CONTROL_FIRST + 1], hops,
	    MESSAGE_HOPS_MAX, &error);
	if (count > 0 && config_path_set_hops(path, hops, (size_t)count) == -1)
		count = -1;
	explicit_bzero(hops, sizeof(hops));
	if (count > 0)
		return 0;
	control_deny(call, "uri: ", error);
	return -1;
}

static void
free_hops(struct config_path *path)
{
	explicit_bzero(path->hops, path->hops_count * sizeof(*path->hops));
	free(path->hops);
}

/* Have it done with every path of the URI; how many there are, or -1. */
static int
for_paths(struct control_call *call, struct config_tunnel *tunnel,
    int (*edit)(struct control_call *call, struct config_tunnel *tunnel,
	size_t index))
{
	struct config_path wanted;
	int count = 0;

	if (normal_uri(call, &wanted) == -1)
		return -1;
	for (size_t i = tunnel->paths_count; i > 0 && count >= 0; i--) {
		if (strcmp(tunnel->paths[i - 1].uri, wanted.uri) != 0)
			continue;
		count = edit(call, tunnel, i - 1) == 0 ? count + 1 : -1;
	}
	free_hops(&wanted);
	if (count == 0)
		control_deny(call, "there is no such path in tunnel ",
		    tunnel->name);
	return count > 0 ? 0 : -1;
}

static int
add_path(struct control_call *call, struct change *change)
{
	struct config *config = change->bundle.config;
	struct config_tunnel *tunnel = control_find_tunnel(call, config);

	if (tunnel == NULL ||
	    control_auth_take(call, CONTROL_FIRST + 2, 1) == -1 ||
	    config_words_add_path(config, tunnel,
		call->words[CONTROL_FIRST + 1], call->words + CONTROL_FIRST + 2,
		call->count - CONTROL_FIRST - 2, call->error) == -1)
		return -1;
	return control_auth_set(call, &tunnel->paths[tunnel->paths_count - 1],
	    0);
}

enum control_result
control_path_add(struct control_call *call)
{
	return control_edit(call, add_path);
}

static int
remove_path(struct control_call *call, struct config_tunnel *tunnel,
    size_t index)
{
	(void)call;
	config_remove_path(tunnel, index);
	return 0;
}

static int
remove_paths(struct control_call *call, struct change *change)
{
	struct config_tunnel *tunnel = control_find_tunnel(call,
	    change->bundle.config);
	uint32_t use, left = 0;

	if (tunnel == NULL)
		return -1;
	use = tunnel->pool_use;
	if (for_paths(call, tunnel, remove_path) == -1)
		return -1;
	if (tunnel->paths_count == 0) {
		control_deny(call, "it is the last path of tunnel ",
		    tunnel->name);
		return -1;
	}
	/* Of those that are left as many serve as before, if there are. */
	for (size_t i = 0; i < tunnel->paths_count; i++)
		left += tunnel->paths[i].pooled;
	tunnel->pool_use = use < left ? use : left;
	return 0;
}

enum control_result
control_path_drain(struct control_call *call)
{
	return control_edit(call, remove_paths);
}

enum control_result
control_path_del(struct control_call *call)
{
	struct tunnel *tunnel = find_running(call);
	enum control_result result;

	if (tunnel != NULL)
		tunnel_hurry(tunnel, true);
	result = control_edit(call, remove_paths);
	if (tunnel != NULL)
		tunnel_hurry(tunnel, false);
	return result;
}

static int
set_path(struct control_call *call, struct config_tunnel *tunnel, size_t index)
{
	struct config_path *path = &tunnel->paths[index];

	if (config_words_set_path(call->engine->config, path,
		call->words + CONTROL_FIRST + 2,
		call->count - CONTROL_FIRST - 2, call->error) == -1)
		return -1;
	if (path->pooled && path->count != 1) {
		control_deny(call, "a pool's candidate is one path", "");
		return -1;
	}
	return control_auth_set(call, path, 0);
}

static int
set_paths(struct control_call *call, struct change *change)
{
	struct config_tunnel *tunnel = control_find_tunnel(call,
	    change->bundle.config);

	if (tunnel == NULL ||
	    control_auth_take(call, CONTROL_FIRST + 2, 1) == -1)
		return -1;
	return for_paths(call, tunnel, set_path);
}

enum control_result
control_path_set(struct control_call *call)
{
	return control_edit(call, set_paths);
}
