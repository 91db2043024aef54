/*
 * Packing and unpacking are one walk, so that they cannot differ. The bytes
 * are structs as they lie in memory: both ends are one image, and the reader
 * trusts the writer.
 */
#include "supervisor/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/credentials.h"
#include "supervisor/engine/key.h"

_Static_assert(CONFIG_KEY_BYTES == KEY_BYTES, "a psk is a key");

enum way {
	WAY_COUNT,
	WAY_PACK,
	WAY_COMPARE,
	WAY_UNPACK
};

struct walk {
	enum way way;
	uint8_t *bytes; /* NULL for WAY_COUNT; written to by WAY_PACK only */
	size_t size;
	size_t used;
	int error;
};

static void
pass(struct walk *walk, void *data, size_t bytes)
{
	uint8_t *at = NULL;

	if (walk->way != WAY_COUNT) {
		if (bytes > walk->size - walk->used) {
			walk->error = EPROTO;
			return;
		}
		at = walk->bytes + walk->used;
	}
	walk->used += bytes;
	if (bytes == 0)
		return;
	switch (walk->way) {
	case WAY_COUNT:
		return;
	case WAY_PACK:
		memcpy(at, data, bytes);
		return;
	case WAY_COMPARE:
		if (memcmp(at, data, bytes) != 0)
			walk->error = ESTALE;
		return;
	case WAY_UNPACK:
		memcpy(data, at, bytes);
		return;
	}
}

/*
 * What the pointer at array points to. After a failure the count is 0: the
 * walk goes on, so that no pointer of the other process is left.
 */
static void *
pass_array(struct walk *walk, void *array, size_t *count, size_t size)
{
	void *new;

	if (walk->way != WAY_UNPACK) {
		memcpy(&new, array, sizeof(new));
		pass(walk, new, *count * size);
		return new;
	}
	if (walk->error == 0 && *count > (walk->size - walk->used) / size)
		walk->error = EPROTO;
	new = walk->error == 0 ? calloc(*count + 1, size) : NULL;
	if (walk->error == 0 && new == NULL)
		walk->error = ENOMEM;
	if (new == NULL)
		*count = 0;
	else
		pass(walk, new, *count * size);
	memcpy(array, &new, sizeof(new));
	return new;
}

static void
pass_tunnel(struct walk *walk, struct config_tunnel *tunnel)
{
	pass_array(walk, &tunnel->paths, &tunnel->paths_count,
	    sizeof(*tunnel->paths));
	for (size_t i = 0; i < tunnel->paths_count; i++)
		pass_array(walk, &tunnel->paths[i].hops,
		    &tunnel->paths[i].hops_count,
		    sizeof(*tunnel->paths[i].hops));
}

static void
pass_all(struct walk *walk, struct bundle *bundle)
{
	struct config *config = bundle->config;
	size_t peers, tunnels;

	pass(walk, config, sizeof(*config));
	if (walk->error != 0 && walk->way == WAY_UNPACK) {
		memset(config, 0, sizeof(*config));
		return;
	}
	peers = config->peers_count;
	tunnels = config->tunnels_count;
	pass_array(walk, &config->listens, &config->listens_count,
	    sizeof(*config->listens));
	pass_array(walk, &config->peers, &config->peers_count,
	    sizeof(*config->peers));
	pass_array(walk, &config->tunnels, &config->tunnels_count,
	    sizeof(*config->tunnels));
	for (size_t i = 0; i < config->peers_count; i++)
		pass_array(walk, &config->peers[i].permits,
		    &config->peers[i].permits_count,
		    sizeof(*config->peers[i].permits));
	for (size_t i = 0; i < config->tunnels_count; i++)
		pass_tunnel(walk, &config->tunnels[i]);
	pass(walk, bundle->identity, sizeof(bundle->identity));
	pass_array(walk, &bundle->psks, &peers, sizeof(*bundle->psks));
	pass_array(walk, &bundle->asked, &tunnels, sizeof(*bundle->asked));
}

size_t
bundle_bytes(const struct bundle *bundle)
{
	/* Only read: what is not unpacked is not written to. */
	struct bundle copy = *bundle;
	struct walk walk = { .way = WAY_COUNT };

	pass_all(&walk, &copy);
	key_wipe(&copy, sizeof(copy));
	return walk.used;
}

void
bundle_pack_into(const struct bundle *bundle, void *buffer, size_t bytes)
{
	struct bundle copy = *bundle;
	struct walk walk = { .way = WAY_PACK, .bytes = buffer, .size = bytes };

	pass_all(&walk, &copy);
	key_wipe(&copy, sizeof(copy));
}

void *
bundle_pack(const struct bundle *bundle, size_t *bytes)
{
	void *buffer;

	*bytes = bundle_bytes(bundle);
	buffer = malloc(*bytes);
	if (buffer != NULL)
		bundle_pack_into(bundle, buffer, *bytes);
	return buffer;
}

bool
bundle_is_packed(const struct bundle *bundle, const void *buffer, size_t bytes)
{
	struct bundle copy = *bundle;
	struct walk walk = { .way = WAY_COMPARE, .size = bytes };

	memcpy(&walk.bytes, &buffer, sizeof(walk.bytes));
	pass_all(&walk, &copy);
	key_wipe(&copy, sizeof(copy));
	return walk.error == 0 && walk.used == bytes;
}

int
bundle_unpack(struct bundle *bundle, const void *buffer, size_t bytes)
{
	struct walk walk = { .way = WAY_UNPACK, .size = bytes };

	/* It is only read from, and the walk knows that. */
	memcpy(&walk.bytes, &buffer, sizeof(walk.bytes));
	*bundle = (struct bundle){ .config = calloc(1, sizeof(struct config)) };
	if (bundle->config == NULL)
		return -1;
	pass_all(&walk, bundle);
	if (walk.error == 0 && walk.used == bytes)
		return 0;
	bundle_free(bundle);
	errno = walk.error == 0 ? EPROTO : walk.error;
	return -1;
}

void
bundle_discard(void *buffer, size_t bytes)
{
	if (buffer != NULL)
		key_wipe(buffer, bytes);
	free(buffer);
}

void
bundle_free(struct bundle *bundle)
{
	if (bundle->psks != NULL)
		key_wipe(bundle->psks,
		    bundle->config->peers_count * sizeof(*bundle->psks));
	free(bundle->psks);
	free(bundle->asked);
	config_free(bundle->config);
	key_wipe(bundle, sizeof(*bundle));
}

static int
read_identity(struct bundle *bundle, char *error)
{
	const struct config *config = bundle->config;
	char words[KEY_ERROR_MAX] = "no random numbers";
	int made = 0, result;

	/* Without peers there is nobody to show it to. */
	if (config->identity[0] == '\0')
		result = key_generate_private(bundle->identity);
	else if (config->identity_make)
		result = key_read_or_make_file(config->identity,
		    bundle->identity, &made, words);
	else
		result = key_read_file(config->identity, bundle->identity,
		    words);
	bundle->identity_made = made != 0;
	if (result == -1)
		snprintf(error, CONFIG_ERROR_MAX, "identity: %.480s", words);
	return result;
}

static int
read_psk(const struct config_peer *peer, struct bundle_psk *psk, char *error)
{
	char words[KEY_ERROR_MAX];

	if (peer->psk_file[0] == '\0' ||
	    key_read_file(peer->psk_file, psk->key, words) == 0)
		return 0;
	snprintf(error, CONFIG_ERROR_MAX, "peer %s: %.400s", peer->name, words);
	return -1;
}

static int
read_tunnel(struct config_tunnel *tunnel, struct address_pair *asked,
    char *error)
{
	char words[KEY_ERROR_MAX];
	const char *why;

	if (address_resolve_tuple(&tunnel->remote, asked, &why) == -1) {
		snprintf(error, CONFIG_ERROR_MAX, "tunnel %s: remote: %.400s",
		    tunnel->name, why);
		return -1;
	}
	for (size_t i = 0; i < tunnel->paths_count; i++) {
		if (credentials_read(&tunnel->paths[i], words) == 0)
			continue;
		snprintf(error, CONFIG_ERROR_MAX, "tunnel %s: %.400s",
		    tunnel->name, words);
		return -1;
	}
	return 0;
}

static int
read_all(struct bundle *bundle, char *error)
{
	struct config *config = bundle->config;

	bundle->psks = calloc(config->peers_count + 1, sizeof(*bundle->psks));
	bundle->asked = calloc(config->tunnels_count + 1,
	    sizeof(*bundle->asked));
	if (bundle->psks == NULL || bundle->asked == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "out of memory");
		return -1;
	}
	if (read_identity(bundle, error) == -1)
		return -1;
	for (size_t i = 0; i < config->peers_count; i++)
		if (read_psk(&config->peers[i], &bundle->psks[i], error) == -1)
			return -1;
	for (size_t i = 0; i < config->tunnels_count; i++)
		if (read_tunnel(&config->tunnels[i], &bundle->asked[i],
			error) == -1)
			return -1;
	return 0;
}

int
bundle_read(struct bundle *bundle, struct config *config,
    char error[CONFIG_ERROR_MAX])
{
	*bundle = (struct bundle){ .config = config };
	if (read_all(bundle, error) == 0)
		return 0;
	bundle_free(bundle);
	return -1;
}
