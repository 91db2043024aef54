#include "supervisor/config.h"

#include <bsd/string.h>

#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONTROL "/run/socktopus/control.sock"
#define DEFAULT_CLIENTS 64
#define DEFAULT_CLIENTS_IDLE_S 120
#define DEFAULT_COPIES 2
#define DEFAULT_HISTORY_BYTES (16 << 20)
#define DEFAULT_DEAD_S 5
#define DEFAULT_ROTATE_S 3600
#define DEFAULT_FAILOVER_S 3

struct config *
config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		return NULL;
	config->sandbox = CONFIG_SANDBOX_REQUIRED;
	config->log.level = LOG_INFO_LEVEL;
	config->log.target = LOG_TO_STDERR;
	strlcpy(config->control, DEFAULT_CONTROL, sizeof(config->control));
	strlcpy(config->control_group, CONFIG_MONITORS,
	    sizeof(config->control_group));
	return config;
}

/* Room for one more element, zeroed; *array moves. */
static void *
append(void *array, size_t *count, size_t size)
{
	char *old, *new, *element;

	memcpy(&old, array, sizeof(old));
	new = reallocarray(old, *count + 1, size);
	if (new == NULL)
		return NULL;
	memcpy(array, &new, sizeof(new));
	element = new + *count *size;
	(*count)++;
	return memset(element, 0, size);
}

struct address_service *
config_add_listen(struct config *config)
{
	return append(&config->listens, &config->listens_count,
	    sizeof(*config->listens));
}

struct address_permit *
config_add_permit(struct config_peer *peer)
{
	return append(&peer->permits, &peer->permits_count,
	    sizeof(*peer->permits));
}

struct config_peer *
config_add_peer(struct config *config)
{
	struct config_peer *peer = append(&config->peers, &config->peers_count,
	    sizeof(*config->peers));
	struct address_permit *permit;
	size_t i;

	if (peer != NULL)
		peer->clients = DEFAULT_CLIENTS;
	for (i = 0; peer != NULL && i < ADDRESS_LOOPBACK_PERMITS; i++) {
		permit = config_add_permit(peer);
		if (permit == NULL)
			return NULL;
		*permit = address_loopback_permits[i];
	}
	return peer;
}

struct config_tunnel *
config_add_tunnel(struct config *config)
{
	struct config_tunnel *tunnel = append(&config->tunnels,
	    &config->tunnels_count, sizeof(*config->tunnels));

	if (tunnel == NULL)
		return NULL;
	tunnel->scheduler = CONFIG_EARLIEST;
	tunnel->copies = DEFAULT_COPIES;
	tunnel->max_queue_ms = CONFIG_MAX_QUEUE_MS;
	tunnel->rotate_s = DEFAULT_ROTATE_S;
	tunnel->resend = true;
	tunnel->clients_idle_s = DEFAULT_CLIENTS_IDLE_S;
	tunnel->history_bytes = DEFAULT_HISTORY_BYTES;
	tunnel->dead_s = DEFAULT_DEAD_S;
	tunnel->failover_s = DEFAULT_FAILOVER_S;
	return tunnel;
}

struct config_path *
config_add_path(struct config_tunnel *tunnel)
{
	struct config_path *path = append(&tunnel->paths, &tunnel->paths_count,
	    sizeof(*tunnel->paths));

	if (path != NULL)
		path->count = 1;
	return path;
}

static void
free_hops(struct config_path *path)
{
	if (path->hops != NULL)
		explicit_bzero(path->hops,
		    path->hops_count * sizeof(*path->hops));
	free(path->hops);
}

int
config_path_set_hops(struct config_path *path, const struct address_uri *hops,
    size_t count)
{
	struct address_uri *copy = calloc(count + 1, sizeof(*copy));
	size_t i;

	if (copy == NULL)
		return -1;
	memcpy(copy, hops, count * sizeof(*copy));
	free_hops(path);
	path->hops = copy;
	path->hops_count = count;
	path->uri[0] = '\0';
	for (i = 0; i < count; i++) {
		if (i > 0)
			strlcat(path->uri, ",", sizeof(path->uri));
		strlcat(path->uri, hops[i].display, sizeof(path->uri));
	}
	return 0;
}

static void
free_tunnel(struct config_tunnel *tunnel)
{
	size_t i;

	for (i = 0; i < tunnel->paths_count; i++)
		free_hops(&tunnel->paths[i]);
	free(tunnel->paths);
}

/* What was moved up remains at the end as well, which no longer counts. */
static void
close_gap(void *array, size_t *count, size_t size, size_t index)
{
	char *at = (char *)array + index * size;

	(*count)--;
	memmove(at, at + size, (*count - index) * size);
}

void
config_remove_path(struct config_tunnel *tunnel, size_t index)
{
	free_hops(&tunnel->paths[index]);
	close_gap(tunnel->paths, &tunnel->paths_count, sizeof(*tunnel->paths),
	    index);
}

void
config_remove_tunnel(struct config *config, size_t index)
{
	free_tunnel(&config->tunnels[index]);
	close_gap(config->tunnels, &config->tunnels_count,
	    sizeof(*config->tunnels), index);
}

void
config_remove_peer(struct config *config, size_t index)
{
	free(config->peers[index].permits);
	close_gap(config->peers, &config->peers_count, sizeof(*config->peers),
	    index);
	for (size_t i = 0; i < config->tunnels_count; i++)
		if (config->tunnels[i].peer > index)
			config->tunnels[i].peer--;
}

void
config_forget_users(struct config *config)
{
	config->user[0] = '\0';
	config->worker_user[0] = '\0';
}

void
config_free(struct config *config)
{
	size_t i;

	if (config == NULL)
		return;
	for (i = 0; i < config->peers_count; i++)
		free(config->peers[i].permits);
	for (i = 0; i < config->tunnels_count; i++)
		free_tunnel(&config->tunnels[i]);
	free(config->listens);
	free(config->peers);
	free(config->tunnels);
	free(config);
}

const char *
config_scheduler_name(enum config_scheduler scheduler)
{
	switch (scheduler) {
	case CONFIG_EARLIEST:
		return "earliest";
	case CONFIG_PRIMARY:
		return "primary";
	case CONFIG_REDUNDANT:
		return "redundant";
	}
	return "unknown";
}
