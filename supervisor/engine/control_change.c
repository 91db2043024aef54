#include "supervisor/engine/control_change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/config_words.h"
#include "supervisor/engine/change.h"
#include "supervisor/engine/control_auth.h"
#include "supervisor/engine/difference.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/key.h"
#include "supervisor/engine/udp.h"
#include "supervisor/log.h"

enum control_result
control_deny(struct control_call *call, const char *what, const char *which)
{
	snprintf(call->error, sizeof(call->error), "%s%.200s", what, which);
	return CONTROL_REFUSED;
}

enum control_result
control_edit(struct control_call *call,
    int (*edit)(struct control_call *call, struct change *change))
{
	struct change change;
	int result = change_copy(&change, call->engine);

	if (result == -1)
		control_deny(call, "out of memory", "");
	else
		result = edit(call, &change);
	if (result == 0 && change.tunnels == NULL &&
	    (result = change_open(&change)) == -1)
		control_deny(call, "out of memory", "");
	if (result == 0)
		result = change_apply(call->engine, &change, call->error);
	change_free(&change);
	if (result == 0)
		log_notice(NULL, "by hand: %s %s %s", call->words[0],
		    call->words[1], call->words[CONTROL_FIRST]);
	return result == 0 ? CONTROL_DONE : CONTROL_REFUSED;
}

struct config_tunnel *
control_find_tunnel(struct control_call *call, struct config *config)
{
	size_t index = difference_find_tunnel(config,
	    call->words[CONTROL_FIRST]);

	if (index != DIFFERENCE_NOTHING)
		return &config->tunnels[index];
	control_deny(call, "there is no tunnel of our own called ",
	    call->words[CONTROL_FIRST]);
	return NULL;
}

/* Names are the loader's to resolve: here there are only addresses. */
static int
resolve(struct control_call *call, const struct address_tuple *tuple,
    struct address_pair *pair)
{
	const char *error = "an address must be numeric here";

	if (address_tuple_is_numeric(tuple) &&
	    address_resolve_tuple(tuple, pair, &error) == 0)
		return 0;
	control_deny(call, "", error);
	return -1;
}

static int
bind_tunnel(struct control_call *call, struct change *change,
    const struct config_tunnel *tunnel, size_t index)
{
	struct bundle *bundle = &change->bundle;
	struct address_pair here, *asked;

	asked = reallocarray(bundle->asked, index + 1, sizeof(*asked));
	if (asked != NULL)
		bundle->asked = asked;
	if (asked == NULL || change_open(change) == -1) {
		control_deny(call, "out of memory", "");
		return -1;
	}
	if (address_is_named(tunnel->local.kind)) {
		control_deny(call, "local: ", CHANGE_WHY_NAMED);
		return -1;
	}
	if (resolve(call, &tunnel->local, &here) == -1 ||
	    resolve(call, &tunnel->remote, &asked[index]) == -1)
		return -1;
	change->tunnels[index].fd = udp_bind(&here);
	if (change->tunnels[index].fd != -1)
		return 0;
	control_deny(call, "local: ", strerror(errno));
	return -1;
}

static int
add_tunnel(struct control_call *call, struct change *change)
{
	struct config *config = change->bundle.config;
	size_t index = config->tunnels_count;

	if (control_auth_take(call, CONTROL_FIRST + 1, 0) == -1 ||
	    config_words_add_tunnel(config, call->words[CONTROL_FIRST],
		call->words + CONTROL_FIRST + 1,
		call->count - CONTROL_FIRST - 1, call->error) == -1 ||
	    control_auth_set_all(call, &config->tunnels[index]) == -1)
		return -1;
	return bind_tunnel(call, change, &config->tunnels[index], index);
}

enum control_result
control_tunnel_add(struct control_call *call)
{
	return control_edit(call, add_tunnel);
}

static int
remove_tunnel(struct control_call *call, struct change *change)
{
	struct config *config = change->bundle.config;
	struct config_tunnel *tunnel = control_find_tunnel(call, config);
	size_t index;

	if (tunnel == NULL)
		return -1;
	index = (size_t)(tunnel - config->tunnels);
	config_remove_tunnel(config, index);
	memmove(change->bundle.asked + index, change->bundle.asked + index + 1,
	    (config->tunnels_count - index) * sizeof(*change->bundle.asked));
	return 0;
}

enum control_result
control_tunnel_del(struct control_call *call)
{
	return control_edit(call, remove_tunnel);
}

static int
set_down(struct control_call *call, struct change *change)
{
	struct config_tunnel *tunnel = control_find_tunnel(call,
	    change->bundle.config);

	if (tunnel == NULL)
		return -1;
	tunnel->down = strcmp(call->words[1], "down") == 0;
	return 0;
}

enum control_result
control_tunnel_up(struct control_call *call)
{
	return control_edit(call, set_down);
}

enum control_result
control_tunnel_down(struct control_call *call)
{
	return control_edit(call, set_down);
}

/* `psk=` holds the key itself: what comes from a file was read by the client.
 */
static int
take_psk(struct control_call *call, struct bundle_psk *psk)
{
	static const char word[] = "psk=";
	size_t from = CONTROL_FIRST + 2, to = from;
	int result = 0;

	for (; from < call->count; from++) {
		if (strncmp(call->words[from], word, sizeof(word) - 1) != 0) {
			call->words[to++] = call->words[from];
			continue;
		}
		if (key_from_text(call->words[from] + sizeof(word) - 1,
			psk->key) == -1)
			result = -1;
		key_wipe(call->words[from], strlen(call->words[from]));
	}
	call->count = to;
	if (result == -1)
		control_deny(call, "psk is no key, 44 characters of base64",
		    "");
	return result;
}

static int
add_peer(struct control_call *call, struct change *change)
{
	struct bundle *bundle = &change->bundle;
	struct config *config = bundle->config;
	size_t index = config->peers_count;
	struct bundle_psk *psks;

	/* Not moved by the library: it holds keys. */
	psks = calloc(index + 2, sizeof(*psks));
	if (psks == NULL) {
		control_deny(call, "out of memory", "");
		return -1;
	}
	memcpy(psks, bundle->psks, index * sizeof(*psks));
	key_wipe(bundle->psks, index * sizeof(*psks));
	free(bundle->psks);
	bundle->psks = psks;
	if (take_psk(call, &psks[index]) == -1)
		return -1;
	if (config_words_add_peer(config, call->words[CONTROL_FIRST],
		call->words[CONTROL_FIRST + 1], call->words + CONTROL_FIRST + 2,
		call->count - CONTROL_FIRST - 2, call->error) == 0)
		return 0;
	key_wipe(&psks[index], sizeof(psks[index]));
	return -1;
}

enum control_result
control_peer_add(struct control_call *call)
{
	if (call->engine->config->identity[0] == '\0')
		return control_deny(call, "there is no identity in the file",
		    "");
	return control_edit(call, add_peer);
}

static const char *
find_user(const struct config *config, size_t peer)
{
	for (size_t i = 0; i < config->tunnels_count; i++)
		if (config->tunnels[i].peer == peer)
			return config->tunnels[i].name;
	return NULL;
}

static int
remove_peer(struct control_call *call, struct change *change)
{
	struct bundle *bundle = &change->bundle;
	struct config *config = bundle->config;
	size_t index = 0;

	while (index < config->peers_count &&
	    strcmp(config->peers[index].name, call->words[CONTROL_FIRST]) != 0)
		index++;
	if (index == config->peers_count) {
		control_deny(call, "there is no peer ",
		    call->words[CONTROL_FIRST]);
		return -1;
	}
	if (find_user(config, index) != NULL) {
		control_deny(call, "it is the peer of tunnel ",
		    find_user(config, index));
		return -1;
	}
	config_remove_peer(config, index);
	memmove(bundle->psks + index, bundle->psks + index + 1,
	    (config->peers_count - index) * sizeof(*bundle->psks));
	/* The last one is behind the end now. */
	key_wipe(bundle->psks + config->peers_count, sizeof(*bundle->psks));
	return 0;
}

enum control_result
control_peer_del(struct control_call *call)
{
	return control_edit(call, remove_peer);
}
