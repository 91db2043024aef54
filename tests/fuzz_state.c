/*
 * What an engine reads in an upgrade, from bytes that are none: the first says
 * which part it is. Whatever was read, it can be gone on with.
 */
#include <netinet/in.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "supervisor/engine/arrival.h"
#include "supervisor/engine/estimate.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/history.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/ledger.h"
#include "supervisor/engine/pool.h"
#include "supervisor/engine/reorder.h"
#include "supervisor/engine/sources.h"
#include "supervisor/engine/udp.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
drop(void *argument, const struct frame_run *runs, size_t count)
{
	(void)argument;
	(void)runs;
	(void)count;
}

static void
read_runs(struct state *state)
{
	const struct reorder_sink sink = { drop, NULL };
	struct history history;
	struct history_orphan orphan;
	struct reorder reorder;

	if (history_init(&history, HISTORY_BYTES_MIN) == -1 ||
	    reorder_init(&reorder, 100, REORDER_BYTES_MIN, &sink) == -1)
		abort();
	leave_reorder(state, &reorder);
	leave_history(state, &history);
	reorder_expire(&reorder, UINT64_MAX);
	for (int slot = 0; slot < HISTORY_SLOTS; slot++)
		history_end_path(&history, (uint8_t)slot);
	while (history_next_orphan(&history, &orphan))
		history_drop(&history, orphan.record);
	history_free(&history);
	reorder_free(&reorder);
}

static void
read_pool(struct state *state)
{
	size_t next, which = 0;
	enum pool_step step;
	struct pool pool;

	pool_init(&pool, 3, 2);
	leave_pool(state, &pool);
	for (uint64_t now_us = 0; now_us < 60000000; now_us += 1000000) {
		step = pool_next(&pool, now_us, 7, &next);
		if (step != POOL_NOTHING)
			which = next;
		if (which >= pool.count)
			abort();
		if (step == POOL_BRING_UP)
			pool_up(&pool, which);
		if (pool_wants_sample(&pool, which, now_us))
			pool_sample(&pool, which, 1000, now_us);
		if (now_us % 7000000 == 0)
			pool_down(&pool, which, POOL_FAILED, now_us, 7);
	}
}

static void
read_sources(struct state *state)
{
	struct sources *sources = sources_new(3, 1000000);
	struct sockaddr_storage from = { .ss_family = AF_INET };
	socklen_t length;
	int client;

	if (sources == NULL)
		abort();
	sources_leave(state, sources);
	client = sources_admit(sources, &from, sizeof(struct sockaddr_in), 1);
	if (client >= 0)
		sources_find(sources, (uint16_t)client, 2, &length);
	if (sources_known(sources) > 3)
		abort();
	sources_expire(sources, UINT64_MAX);
	sources_free(sources);
}

static void
read_batch(struct state *state)
{
	static struct udp_batch batch;
	const uint8_t *datagram;
	size_t bytes;
	volatile uint8_t last;

	if (batch.arena == NULL && udp_batch_init(&batch) == -1)
		abort();
	batch.count = batch.next = 0;
	batch.offset = 0;
	leave_batch(state, &batch);
	while ((datagram = udp_batch_peek(&batch, &bytes)) != NULL) {
		if (bytes > 0)
			last = datagram[bytes - 1];
		udp_batch_take(&batch);
	}
	(void)last;
}

static void
read_counts(struct state *state)
{
	const uint8_t nothing[1] = { 0 };
	struct frame_run run = { .bytes = nothing, .count = 3 }, fresh;
	uint64_t all[FRAME_TOTALS_COUNT] = { 0 };
	struct ledger_account account;
	struct estimate estimate;
	struct arrival arrival;
	struct ledger ledger;

	ledger_init(&ledger, 1);
	estimate_init(&estimate, 1);
	if (arrival_init(&arrival) == -1)
		abort();
	leave_ledger(state, &ledger);
	leave_estimate(state, &estimate);
	leave_arrival(state, &arrival);
	ledger_account_out(&ledger, all, &account);
	ledger_account_in(&ledger, all, &account);
	estimate_sent(&estimate, 100, 2);
	estimate_pong(&estimate, 1, 1, 100, 3);
	(void)estimate_rate(&estimate);
	run.sequence = arrival.next - 1;
	while (run.count > 0 && arrival_accept(&arrival, &run, &fresh))
		;
	arrival_free(&arrival);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static void (*const parts[])(struct state * state) = { read_runs,
		read_pool, read_sources, read_batch, read_counts };
	struct state state = { .way = STATE_READ };

	if (size == 0)
		return 0;
	state.bytes = (uint8_t *)(uintptr_t)(input + 1);
	state.size = size - 1;
	parts[input[0] % (sizeof(parts) / sizeof(parts[0]))](&state);
	return 0;
}
