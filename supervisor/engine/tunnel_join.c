/*
 * A listener's path that has proven its keys joins the tunnel of its session,
 * begins it, or hears why not. A session that started later takes over from an
 * older one of the same peer and UDP socket, so a connector that restarts has
 * its tunnel back at once, and of two that share a key the newer one wins.
 */
#include <bsd/string.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

/* Tunnels of one peer at a time. */
#define SESSIONS_MAX 64
/* In all of them. */
#define PATHS_MAX TUNNEL_PATHS_MAX

static void refuse(struct path *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
refuse(struct path *path, const char *format, ...)
{
	char words[FRAME_REASON_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	path_refuse(path, words);
}

static bool
is_permitted(const struct engine_peer *peer,
    const struct sockaddr_storage *address)
{
	return address_permitted(peer->config->permits,
	    peer->config->permits_count, address);
}

const struct sockaddr_storage *
tunnel_find_refused(const struct engine_peer *peer,
    const struct address_pair *end)
{
	const struct config_peer *config = peer->config;

	if (address_is_named(end->kind))
		return address_permitted_end(config->permits,
			   config->permits_count, end) ?
		    NULL :
		    &end->local;
	if (!is_permitted(peer, &end->local))
		return &end->local;
	/* Whom it learns is judged when they send. */
	if (end->kind != ADDRESS_LEARN && !is_permitted(peer, &end->remote))
		return &end->remote;
	return NULL;
}

static struct tunnel *
find_session(const struct path *path)
{
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &path->engine->tunnels, entry)
		if (tunnel->config == NULL && tunnel->peer == path->peer &&
		    memcmp(tunnel->session, path->hello.session,
			sizeof(tunnel->session)) == 0)
			return tunnel;
	return NULL;
}

/* Of the kernel's choice: another one each time. */
static bool
is_any_port(const struct sockaddr_storage *address)
{
	switch (address->ss_family) {
	case AF_INET:
		return ((const struct sockaddr_in *)address)->sin_port == 0;
	case AF_INET6:
		return ((const struct sockaddr_in6 *)address)->sin6_port == 0;
	}
	return false;
}

static struct tunnel *
find_socket(const struct path *path, const struct sockaddr_storage *local)
{
	struct tunnel *tunnel;

	if (is_any_port(local))
		return NULL;
	TAILQ_FOREACH(tunnel, &path->engine->tunnels, entry)
		if (tunnel->config == NULL && tunnel->peer == path->peer &&
		    address_same(&tunnel->end->local, local))
			return tunnel;
	return NULL;
}

static size_t
count_sessions(const struct path *path)
{
	struct tunnel *tunnel;
	size_t count = 0;

	TAILQ_FOREACH(tunnel, &path->engine->tunnels, entry)
		count += tunnel->config == NULL && tunnel->peer == path->peer;
	return count;
}

static size_t
count_paths(const struct path *path)
{
	struct tunnel *tunnel;
	size_t count = 0;

	TAILQ_FOREACH(tunnel, &path->engine->tunnels, entry)
		if (tunnel->config == NULL && tunnel->peer == path->peer)
			count += tunnel->paths_count;
	return count;
}

static struct end *
take_permitted(struct path *path, const struct address_pair *asked)
{
	struct end *end = permitted_find(&path->engine->permitted, asked);
	char text[ADDRESS_TEXT_MAX];

	if (end != NULL && !end->taken)
		return end;
	address_describe(asked, text);
	if (end == NULL)
		refuse(path, "%s: was not made", text);
	else
		refuse(path, "%s: in use by another peer", text);
	return NULL;
}

/* One is bound now, one with a name stands ready. NULL having refused. */
static struct end *
open_end(struct path *path, const struct frame_open *open)
{
	const struct address_pair *asked = &open->end;
	char text[ADDRESS_TEXT_MAX];
	struct end *end;
	int socket;

	if (address_is_named(asked->kind))
		return take_permitted(path, asked);
	socket = udp_bind(asked);
	if (socket == -1) {
		refuse(path, "bind %s: %s", address_describe(asked, text),
		    strerror(errno));
		return NULL;
	}
	end = end_new(asked, socket);
	if (end != NULL && open->clients > 0 &&
	    end_set_clients(end, open->clients,
		open->idle_s * UINT64_C(1000000)) == -1) {
		end_free(end);
		end = NULL;
	}
	if (end == NULL)
		refuse(path, "%s: no memory for the tunnel",
		    address_describe(asked, text));
	else
		end_permit(end, path->peer->config->permits,
		    path->peer->config->permits_count);
	return end;
}

static struct tunnel *
begin_session(struct path *path, const struct frame_open *open)
{
	char text[ADDRESS_TEXT_MAX];
	struct tunnel *tunnel;
	struct end *end;

	address_describe(&open->end, text);
	if (count_sessions(path) >= SESSIONS_MAX) {
		refuse(path, "%s: this key has too many tunnels", text);
		return NULL;
	}
	if (open->clients > path->peer->config->clients) {
		refuse(path, "%s: %u clients, this key may have %u", text,
		    open->clients, path->peer->config->clients);
		return NULL;
	}
	end = open_end(path, open);
	if (end == NULL)
		return NULL;
	tunnel = tunnel_allocate(path->engine, open->name, path->peer,
	    &open->policy, HISTORY_BYTES_DEFAULT, end);
	if (tunnel == NULL) {
		refuse(path, "%s: no memory for the tunnel", text);
		return NULL;
	}
	memcpy(tunnel->session, path->hello.session, sizeof(tunnel->session));
	tunnel->started_ms = path->hello.started_ms;
	return tunnel;
}

/* The socket asked for belongs to another session of the peer. */
static bool
take_over(struct path *path, struct tunnel *other)
{
	char text[ADDRESS_TEXT_MAX];

	if (other->paths_up > 0 && other->started_ms > path->hello.started_ms) {
		refuse(path, "%s: in use by a newer session of the same key",
		    address_format(&other->end->local, text));
		return false;
	}
	tunnel_free(other, "replaced by a newer session of the same key");
	return true;
}

static void
displace(struct tunnel *tunnel, uint16_t id)
{
	struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry) {
		if (path->id == id) {
			path_finish(path, "replaced by a new connection");
			return;
		}
	}
}

static struct tunnel *
find_or_begin(struct path *path, const struct frame_open *open)
{
	struct tunnel *tunnel = find_session(path);
	const struct sockaddr_storage *refused;
	char text[ADDRESS_TEXT_MAX];

	if (tunnel != NULL) {
		if (address_same_pair(&tunnel->end->asked, &open->end))
			return tunnel;
		refuse(path, "this session has other addresses");
		return NULL;
	}
	refused = tunnel_find_refused(path->peer, &open->end);
	if (refused != NULL) {
		refuse(path, "%s: not permitted",
		    refused == &open->end.local ?
			address_describe(&open->end, text) :
			address_format(refused, text));
		return NULL;
	}
	tunnel = find_socket(path, &open->end.local);
	if (tunnel != NULL && !take_over(path, tunnel))
		return NULL;
	return begin_session(path, open);
}

void
tunnel_join(struct path *path, const struct frame_open *open)
{
	struct tunnel *tunnel;

	path_set_subject(path, open->name);
	tunnel = find_or_begin(path, open);
	if (tunnel == NULL)
		return;
	displace(tunnel, path->id);
	if (count_paths(path) >= PATHS_MAX) {
		path_refuse(path, "this key has too many paths");
		return;
	}
	TAILQ_REMOVE(&path->engine->arriving, path, entry);
	TAILQ_INSERT_TAIL(&tunnel->paths, path, entry);
	tunnel->paths_count++;
	path->tunnel = tunnel;
	path_accept(path);
}

void
tunnel_describe_open(const struct tunnel *tunnel, struct frame_open *open)
{
	memset(open, 0, sizeof(*open));
	open->end = tunnel->asked;
	if (tunnel->config->clients > 0) {
		open->clients = (uint16_t)tunnel->config->clients;
		open->idle_s = (uint16_t)tunnel->config->clients_idle_s;
	}
	open->policy = tunnel->policy;
	strlcpy(open->name, tunnel->name, sizeof(open->name));
}
