#include <string.h>

#include "supervisor/bundle.h"
#include "supervisor/config.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/noise_identity.h"
#include "supervisor/engine/secret.h"

static void
turn_peer(struct engine_peer *peer, const struct config_peer *config,
    const struct bundle_psk *psk, const struct noise_identity *identity)
{
	peer->config = config;
	memcpy(peer->key,
	    config->self ? noise_identity_public(identity) : config->key,
	    sizeof(peer->key));
	memcpy(peer->psk, psk->key, sizeof(peer->psk));
}

size_t
engine_peers_bytes(const struct config *config)
{
	return (config->peers_count + 1) * sizeof(struct engine_peer);
}

struct engine_peer *
engine_new_peers(const struct bundle *bundle,
    const struct noise_identity *identity)
{
	const struct config *config = bundle->config;
	struct engine_peer *peers = secret_new(engine_peers_bytes(config));

	for (size_t i = 0; peers != NULL && i < config->peers_count; i++)
		turn_peer(&peers[i], &config->peers[i], &bundle->psks[i],
		    identity);
	return peers;
}

void
engine_free_peers(struct engine_peer *peers, const struct config *config)
{
	secret_free(peers, engine_peers_bytes(config));
}

const struct engine_peer *
engine_find_peer(const struct engine *engine, const uint8_t key[KEY_BYTES])
{
	for (size_t i = 0; i < engine->config->peers_count; i++)
		if (memcmp(engine->peers[i].key, key, KEY_BYTES) == 0)
			return &engine->peers[i];
	return NULL;
}
