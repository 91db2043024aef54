#include "supervisor/engine/status.h"

#include <sys/types.h>

#include <event2/buffer.h>
#include <inttypes.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_ledger.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/engine/tunnel_samples.h"

void
status_add_encoded(struct evbuffer *out, const char *value)
{
	for (const char *at = value; *at != '\0'; at++) {
		unsigned char byte = (unsigned char)*at;

		if (byte < 0x21 || byte > 0x7e || byte == '%' || byte == '=')
			evbuffer_add_printf(out, "%%%02x", byte);
		else
			evbuffer_add(out, at, 1);
	}
}

static void
add_text(struct evbuffer *out, const char *key, const char *value)
{
	evbuffer_add_printf(out, " %s=", key);
	status_add_encoded(out, value);
}

static void
add_number(struct evbuffer *out, const char *key, uint64_t value)
{
	evbuffer_add_printf(out, " %s=%" PRIu64, key, value);
}

static void
add_ms(struct evbuffer *out, const char *key, uint64_t us)
{
	evbuffer_add_printf(out, " %s=%.3f", key, (double)us / 1000);
}

static void
add_address(struct evbuffer *out, const char *key,
    const struct sockaddr_storage *address)
{
	char text[ADDRESS_TEXT_MAX];

	add_text(out, key, address_format(address, text));
}

static void
write_process(struct engine *engine, struct evbuffer *out, uint64_t now_us)
{
	evbuffer_add_printf(out, "process");
	add_text(out, "version", PACKAGE_VERSION);
	add_number(out, "pid", (uint64_t)getppid());
	add_number(out, "engine_pid", (uint64_t)getpid());
	add_text(out, "mode", engine->config->quick ? "quick" : "file");
	add_number(out, "uptime_ms", (now_us - engine->started_us) / 1000);
	add_text(out, "reload", reload_state(&engine->reload));
	evbuffer_add_printf(out, "\n");
}

static void
write_drop(struct evbuffer *out, const struct tunnel *tunnel, const char *cause,
    uint64_t count)
{
	evbuffer_add_printf(out, "drop");
	add_text(out, "tunnel", tunnel->name);
	add_text(out, "cause", cause);
	add_number(out, "count", count);
	evbuffer_add_printf(out, "\n");
}

/* One direction, as it looks from here. */
static void
write_account(struct evbuffer *out, const struct tunnel *tunnel,
    const char *direction, const struct ledger_account *account)
{
	evbuffer_add_printf(out, "ledger");
	add_text(out, "tunnel", tunnel->name);
	add_text(out, "direction", direction);
	add_text(out, "state", ledger_state_name(account->state));
	add_number(out, "came_in", account->came_in);
	for (int i = 0; i < LEDGER_FATES; i++)
		add_number(out, ledger_fate_name((enum ledger_fate)i),
		    account->fates[i]);
	add_number(out, "copies", account->copies);
	add_number(out, "arrived", account->arrived);
	add_number(out, "duplicates", account->duplicates);
	evbuffer_add_printf(out, "\n");
}

static void
write_ledger(struct evbuffer *out, struct tunnel *tunnel)
{
	struct ledger_account there, back;

	tunnel_ledger_read(tunnel, &there, &back);
	write_account(out, tunnel, "out", &there);
	write_account(out, tunnel, "in", &back);
}

static const char *
state_name(const struct path *path)
{
	if (path->state == PATH_WAITING && path->rests)
		return "resting";
	return path_state_name(path->state);
}

static void
write_path(struct evbuffer *out, const struct tunnel *tunnel, struct path *path,
    uint64_t now_us)
{
	bool up = path->state == PATH_UP;

	evbuffer_add_printf(out, "path");
	add_text(out, "tunnel", tunnel->name);
	add_number(out, "id", path->id);
	add_text(out, "uri", path->uri);
	add_text(out, "state",
	    up && path_is_stalled(path, now_us) ? "stalled" : state_name(path));
	if (path->backup)
		add_text(out, "role", "backup");
	else if (tunnel_pool_role(path) != NULL)
		add_text(out, "role", tunnel_pool_role(path));
	add_number(out, "pid", (uint64_t)path->channel.pid);
	add_number(out, "uptime_ms", up ? (now_us - path->since_us) / 1000 : 0);
	add_ms(out, "rtt_ms", up ? path->estimate.srtt_us : 0);
	add_ms(out, "rtt_var_ms", up ? path->estimate.rttvar_us : 0);
	add_ms(out, "rtt_min_ms", up ? path->estimate.rtt_min_us : 0);
	add_number(out, "rate", up ? estimate_rate(&path->estimate) : 0);
	add_number(out, "measured", up && !path->estimate.probing);
	add_number(out, "tx_rate", meter_rate(&path->tx_meter, now_us));
	add_number(out, "rx_rate", meter_rate(&path->rx_meter, now_us));
	add_number(out, "tx_bytes", path->tx_bytes);
	add_number(out, "rx_bytes", path->rx_bytes);
	add_number(out, "tx_datagrams", path->tx_datagrams);
	add_number(out, "rx_datagrams", path->rx_datagrams);
	add_number(out, "restarts", path->restarts);
	if (path->note[0] != '\0')
		add_text(out, "note", path->note);
	add_text(out, "last_error", path->last_error);
	evbuffer_add_printf(out, "\n");
}

static void
write_tunnel(struct evbuffer *out, struct tunnel *tunnel, uint64_t now_us)
{
	struct address_pair here = { .local = tunnel->end->local,
		.kind = tunnel->end->kind };
	char text[ADDRESS_TEXT_MAX];
	struct path *path;

	end_count(tunnel->end);
	evbuffer_add_printf(out, "tunnel");
	add_text(out, "name", tunnel->name);
	add_text(out, "role",
	    tunnel->config != NULL ? "connector" : "listener");
	add_text(out, "state", tunnel->paths_up > 0 ? "up" : "down");
	add_text(out, "peer", tunnel->peer->config->name);
	add_text(out, "local", address_describe(&here, text));
	add_address(out, "remote", &tunnel->end->remote);
	add_text(out, "scheduler",
	    config_scheduler_name(
		(enum config_scheduler)tunnel->policy.scheduler));
	add_number(out, "received", tunnel->end->udp.received);
	add_number(out, "sent", tunnel->sent);
	add_number(out, "delivered", tunnel->delivered);
	if (tunnel->end->tagged) {
		add_number(out, "clients", end_clients(tunnel->end));
		add_number(out, "clients_max", end_clients_max(tunnel->end));
	}
	add_number(out, "held_bytes", end_held_bytes(tunnel->end));
	add_number(out, "resent", tunnel->resent);
	add_number(out, "duplicates", tunnel->arrival.duplicates);
	add_number(out, "late", tunnel->arrival.too_old);
	add_number(out, "missing", tunnel->arrival.lost);
	add_number(out, "reordered", tunnel->arrival.reordered);
	add_number(out, "reorder_extent_max", tunnel->arrival.extent_max);
	add_number(out, "unreachable", tunnel->end->udp.unreachable);
	add_number(out, "blocked_us",
	    tunnel_samples_blocked_us(tunnel, now_us));
	add_number(out, "held_us", tunnel->held_us);
	add_number(out, "reorder_ms", tunnel->policy.reorder_ms);
	add_number(out, "buffer_bytes", (uint64_t)tunnel->end->udp.queue_bytes);
	evbuffer_add_printf(out, "\n");
	write_drop(out, tunnel, "kernel", tunnel->end->udp.kernel_drops);
	write_drop(out, tunnel, "no_room", tunnel->end->udp.no_room);
	write_drop(out, tunnel, "too_large",
	    tunnel->too_large + tunnel->end->udp.oversize);
	write_drop(out, tunnel, "too_old", tunnel->too_old);
	write_drop(out, tunnel, "lost_with_path", tunnel->history.lost);
	write_drop(out, tunnel, "stranger",
	    tunnel->end->udp.strangers + tunnel->end->udp.nobody);
	write_drop(out, tunnel, "refused", tunnel->end->udp.refused);
	write_ledger(out, tunnel);
	TAILQ_FOREACH(path, &tunnel->paths, entry)
		write_path(out, tunnel, path, now_us);
}

void
status_write(struct engine *engine, struct evbuffer *out)
{
	uint64_t now_us = clock_now_us();
	struct tunnel *tunnel;

	write_process(engine, out, now_us);
	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		write_tunnel(out, tunnel, now_us);
}
