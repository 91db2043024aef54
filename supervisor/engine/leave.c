#include "supervisor/engine/leave.h"

#include <string.h>

#include "supervisor/engine/arrival.h"
#include "supervisor/engine/estimate.h"
#include "supervisor/engine/ledger.h"
#include "supervisor/engine/meter.h"
#include "supervisor/engine/pool.h"
#include "supervisor/engine/udp.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/state.h"

void
leave_pair(struct state *state, struct address_pair *pair)
{
	state_address(state, &pair->local);
	state_address(state, &pair->remote);
	STATE_CHOICE(state, pair->kind, ADDRESS_TUN);
}

/*
 * Of the window's bits nearly all are alike, and of a tunnel that is young most
 * were never touched: what such tunnels have costs no time in the pause.
 */
#define SEEN_BYTES ((size_t)512)
#define SEEN_BITS (SEEN_BYTES * 8)

enum seen {
	SEEN_NONE,
	SEEN_ALL,
	SEEN_SOME
};

_Static_assert(ARRIVAL_WINDOW / 8 % SEEN_BYTES == 0, "pieces are whole");

static enum seen
describe_seen(const uint8_t *piece)
{
	if (memcmp(piece, piece + 1, SEEN_BYTES - 1) != 0)
		return SEEN_SOME;
	switch (*piece) {
	case 0:
		return SEEN_NONE;
	case UINT8_MAX:
		return SEEN_ALL;
	}
	return SEEN_SOME;
}

/* Read into a window without a mark. */
static void
leave_seen(struct state *state, uint8_t *piece)
{
	enum seen seen = SEEN_NONE;

	if (state->way != STATE_READ)
		seen = describe_seen(piece);
	STATE_CHOICE(state, seen, SEEN_SOME);
	switch (seen) {
	case SEEN_NONE:
		return;
	case SEEN_ALL:
		if (state->way == STATE_READ)
			memset(piece, UINT8_MAX, SEEN_BYTES);
		return;
	case SEEN_SOME:
		state_bytes(state, piece, SEEN_BYTES);
		return;
	}
}

/* As far as something may have been seen. Numbers may be near their end. */
static void
leave_window(struct state *state, struct arrival *arrival)
{
	uint64_t next = arrival->next, sequence = arrival->lowest, left;

	if (next >= ARRIVAL_WINDOW && sequence < next - ARRIVAL_WINDOW)
		sequence = next - ARRIVAL_WINDOW;
	sequence -= sequence % SEEN_BITS;
	for (left = sequence < next ? next - sequence : 0; left > 0;
	     left -= left < SEEN_BITS ? left : SEEN_BITS) {
		leave_seen(state,
		    (uint8_t *)arrival->seen + sequence % ARRIVAL_WINDOW / 8);
		sequence += SEEN_BITS;
	}
}

void
leave_arrival(struct state *state, struct arrival *arrival)
{
	uint64_t gaps;

	STATE_NUMBER(state, arrival->received);
	STATE_NUMBER(state, arrival->duplicates);
	STATE_NUMBER(state, arrival->too_old);
	STATE_NUMBER(state, arrival->lost);
	STATE_NUMBER(state, arrival->reordered);
	STATE_NUMBER(state, arrival->extent_max);
	STATE_NUMBER(state, arrival->extent_sum);
	STATE_NUMBER(state, arrival->next);
	STATE_NUMBER(state, arrival->base);
	STATE_NUMBER(state, arrival->gaps_opened);
	gaps = arrival->gaps_opened;
	if (gaps > ARRIVAL_GAPS)
		gaps = ARRIVAL_GAPS;
	state_bytes(state, arrival->gaps, gaps * sizeof(arrival->gaps[0]));
	STATE_NUMBER(state, arrival->lowest);
	leave_window(state, arrival);
}

void
leave_meter(struct state *state, struct meter *meter)
{
	STATE_NUMBER(state, meter->bytes);
	STATE_NUMBER(state, meter->at_us);
	STATE_NUMBER(state, meter->rate_bytes_s);
}

static void
leave_rates(struct state *state, struct estimate *estimate)
{
	STATE_NUMBER(state, estimate->window_rate);
	STATE_NUMBER(state, estimate->window_at_us);
	STATE_NUMBER(state, estimate->window_next);
	if (estimate->window_next >= ESTIMATE_BUCKETS)
		state_break(state);
	STATE_NUMBER(state, estimate->sample_at_us);
	STATE_NUMBER(state, estimate->sample_bytes);
	STATE_NUMBER(state, estimate->sample_ping_us);
}

void
leave_estimate(struct state *state, struct estimate *estimate)
{
	STATE_NUMBER(state, estimate->srtt_us);
	STATE_NUMBER(state, estimate->rttvar_us);
	STATE_NUMBER(state, estimate->rtt_min_us);
	STATE_NUMBER(state, estimate->rtt_min_at_us);
	STATE_NUMBER(state, estimate->rate_bytes_s);
	state_flag(state, &estimate->probing);
	STATE_NUMBER(state, estimate->limited_at_us);
	STATE_NUMBER(state, estimate->sent_bytes);
	STATE_NUMBER(state, estimate->sent_frames);
	STATE_NUMBER(state, estimate->acked_bytes);
	STATE_NUMBER(state, estimate->acked_frames);
	STATE_NUMBER(state, estimate->acked_at_us);
	state_flag(state, &estimate->limited);
	leave_rates(state, estimate);
	STATE_NUMBER(state, estimate->last_ping_us);
	STATE_NUMBER(state, estimate->pinged_us);
	STATE_NUMBER(state, estimate->pinged_bytes);
	STATE_NUMBER(state, estimate->drain_at_us);
	STATE_NUMBER(state, estimate->drain_min_us);
}

void
leave_ledger(struct state *state, struct ledger *ledger)
{
	STATE_NUMBER(state, ledger->first);
	STATE_NUMBER(state, ledger->peer_first);
	STATE_NUMBER(state, ledger->round);
	state_flag(state, &ledger->known);
	STATE_NUMBER(state, ledger->peer);
	STATE_NUMBER(state, ledger->peer_serial);
	STATE_NUMBER(state, ledger->carried);
	STATE_NUMBER(state, ledger->base);
	STATE_NUMBER(state, ledger->said.first);
	STATE_NUMBER(state, ledger->said.least);
	STATE_NUMBER(state, ledger->said.echo);
	STATE_NUMBER(state, ledger->said.round);
	STATE_NUMBER(state, ledger->said.serial);
	STATE_NUMBER(state, ledger->said.counts);
	STATE_NUMBER(state, ledger->said_us);
	STATE_NUMBER(state, ledger->repeated);
}

static void
leave_member(struct state *state, struct pool_member *member)
{
	size_t samples;

	STATE_CHOICE(state, member->role, POOL_SERVING);
	STATE_NUMBER(state, member->since_us);
	state_flag(state, &member->up);
	STATE_NUMBER(state, member->ready_us);
	STATE_NUMBER(state, member->tried_us);
	STATE_NUMBER(state, member->failures);
	STATE_NUMBER(state, member->sample_us);
	samples = state_count(state, member->samples, POOL_SAMPLES);
	if (state->way == STATE_READ)
		member->samples = samples;
	STATE_NUMBER(state, member->sampled_us);
	STATE_NUMBER(state, member->delivery_us);
}

void
leave_pool(struct state *state, struct pool *pool)
{
	size_t count = state_count(state, pool->count, POOL_MAX);

	if (count != pool->count) {
		state_break(state);
		return;
	}
	STATE_NUMBER(state, pool->trial_us);
	for (size_t i = 0; i < count; i++)
		leave_member(state, &pool->members[i]);
}

void
leave_udp(struct state *state, struct udp *udp)
{
	STATE_NUMBER(state, udp->typical_bytes);
	STATE_NUMBER(state, udp->overflow);
	STATE_NUMBER(state, udp->received);
	STATE_NUMBER(state, udp->kernel_drops);
	STATE_NUMBER(state, udp->strangers);
	STATE_NUMBER(state, udp->nobody);
	STATE_NUMBER(state, udp->no_room);
	state_flag(state, &udp->starved);
	STATE_NUMBER(state, udp->oversize);
	STATE_NUMBER(state, udp->sent);
	STATE_NUMBER(state, udp->refused);
	STATE_NUMBER(state, udp->unreachable);
}

/* Where a message's bytes go to that was not used up. */
static void
read_message(struct state *state, struct udp_batch *batch, unsigned int slot)
{
	uint32_t length, segment;

	STATE_NUMBER(state, length);
	STATE_NUMBER(state, segment);
	STATE_NUMBER(state, batch->message[slot].arrived_us);
	STATE_NUMBER(state, batch->message[slot].client);
	if (length > UDP_SLOT_BYTES || segment > length ||
	    (segment == 0) != (length == 0)) {
		state_break(state);
		return;
	}
	batch->message[slot].slot = slot;
	batch->message[slot].length = length;
	batch->message[slot].segment = segment;
	state_bytes(state, udp_batch_slot(batch, slot), length);
	batch->count = slot + 1;
}

static void
write_message(struct state *state, const struct udp_batch *batch,
    unsigned int i)
{
	uint32_t offset = i == batch->next ? batch->offset : 0;
	uint32_t length = batch->message[i].length - offset;
	uint32_t segment = batch->message[i].segment;
	uint64_t arrived_us = batch->message[i].arrived_us;
	uint16_t client = batch->message[i].client;

	if (segment > length)
		segment = length;
	STATE_NUMBER(state, length);
	STATE_NUMBER(state, segment);
	STATE_NUMBER(state, arrived_us);
	STATE_NUMBER(state, client);
	state_bytes(state,
	    udp_batch_slot(batch, batch->message[i].slot) + offset, length);
}

void
leave_batch(struct state *state, struct udp_batch *batch)
{
	size_t count = state_count(state, batch->count - batch->next,
	    UDP_BATCH);

	for (unsigned int i = 0; i < count && !state->broken; i++) {
		if (state->way == STATE_READ)
			read_message(state, batch, i);
		else
			write_message(state, batch, batch->next + i);
	}
}
