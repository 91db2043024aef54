#include "supervisor/engine/tunnel_clients.h"

#include <inttypes.h>

#include "supervisor/engine/end.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

#define SAY_EVERY_US UINT64_C(60000000)

void
tunnel_clients_tick(struct tunnel *tunnel, uint64_t now_us)
{
	uint64_t crowded = tunnel->end->udp.crowded;

	if (crowded == tunnel->crowded ||
	    (tunnel->crowded_us != 0 &&
		now_us - tunnel->crowded_us < SAY_EVERY_US))
		return;
	log_warn(tunnel->name,
	    "all %zu clients are in use: %" PRIu64
	    " datagrams of others were dropped",
	    end_clients_max(tunnel->end), crowded - tunnel->crowded);
	tunnel->crowded = crowded;
	tunnel->crowded_us = now_us;
}
