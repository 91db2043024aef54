/*
 * The engine changes, and this worker goes on: see layout.h.
 */
#include "shm/layout.h"
#include "worker/pump.h"

static bool
has_heir(const struct pump *pump)
{
	return atomic_load_explicit(&pump->flags->heir, memory_order_acquire) !=
	    0;
}

enum ring_result
pump_peek(struct pump *pump, const uint8_t **span, size_t *bytes)
{
	enum ring_result result = ring_peek(&pump->tx, span, bytes);

	if (result != RING_EMPTY || pump->heir_data == NULL || !has_heir(pump))
		return result;
	/* The last that was written to S, before there was an heir. */
	result = ring_peek(&pump->tx, span, bytes);
	if (result != RING_EMPTY)
		return result;
	ring_consumer_follow(&pump->tx, pump->heir_data,
	    &pump->flags->heir_tx_head);
	pump->heir_data = NULL;
	return ring_peek(&pump->tx, span, bytes);
}

void
pump_follow(struct pump *pump)
{
	if (has_heir(pump))
		ring_producer_follow(&pump->rx, &pump->flags->heir_rx_tail);
}
