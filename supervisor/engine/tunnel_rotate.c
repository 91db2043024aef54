/*
 * A connector's path that has stood for its time is replaced: a second one is
 * dialled and takes over, the first drains and is closed. Make before break.
 */
#include <bsd/stdlib.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/tunnel_pool.h"
#include "supervisor/log.h"

/* What is not acknowledged by then goes out again on another path. */
#define DRAIN_LIMIT_US UINT64_C(2000000)
#define SECOND_US UINT64_C(1000000)

/* Paths that began together are not all replaced together. */
static uint64_t
due_us(const struct path *path, uint64_t now_us)
{
	uint64_t whole_us = path->tunnel->config->rotate_s * SECOND_US;

	return now_us + whole_us - whole_us / 10 +
	    arc4random_uniform((uint32_t)(whole_us / 5000)) * UINT64_C(1000);
}

void
tunnel_replace(struct tunnel *tunnel, struct path *path)
{
	struct path *successor;

	if (tunnel->paths_count == TUNNEL_PATHS_MAX)
		return;
	successor = path_new(tunnel, path->config, tunnel_free_id(tunnel));
	if (successor == NULL)
		return;
	log_debug(path->subject, "rotation begins");
	TAILQ_INSERT_AFTER(&tunnel->paths, path, successor, entry);
	tunnel->paths_count++;
	path->successor = successor;
	successor->predecessor = path;
}

/* A pool lets its own rest when it has to; all others drain here. */
static void
drain(struct path *path, uint64_t now_us)
{
	if (!tunnel_path_is_empty(path->tunnel, path) &&
	    now_us <= path->drains_us + DRAIN_LIMIT_US)
		return;
	if (path->config == NULL)
		path_finish(path, "removed");
	else
		path_finish(path, "rotated");
}

void
tunnel_rotate(struct path *path, uint64_t now_us)
{
	struct tunnel *tunnel = path->tunnel;

	/* A pool replaces its own as they turn out. */
	if (tunnel_pool_has(path))
		return;
	if (path->drains_us != 0) {
		drain(path, now_us);
		return;
	}
	if (path->config == NULL || tunnel->config->rotate_s == 0)
		return;
	if (path->rotate_us == 0)
		path->rotate_us = due_us(path, now_us);
	else if (now_us >= path->rotate_us && path->successor == NULL)
		tunnel_replace(tunnel, path);
}

void
tunnel_take_over(struct path *path)
{
	struct path *old = path->predecessor;

	if (old == NULL)
		return;
	path->tx_bytes += old->tx_bytes;
	path->rx_bytes += old->rx_bytes;
	path->tx_datagrams += old->tx_datagrams;
	path->rx_datagrams += old->rx_datagrams;
	path->restarts += old->restarts;
	old->drains_us = clock_now_us();
	tunnel_pool_replaced(old, path);
}

void
tunnel_unlink_rotation(struct path *path)
{
	if (path->successor != NULL)
		path->successor->predecessor = NULL;
	if (path->predecessor != NULL)
		path->predecessor->successor = NULL;
	path->successor = NULL;
	path->predecessor = NULL;
}
