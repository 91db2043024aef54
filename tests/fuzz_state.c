/*
 * What an engine reads in an upgrade: a history and what is held for order,
 * from bytes that are none.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "supervisor/engine/history.h"
#include "supervisor/engine/leave.h"
#include "supervisor/engine/reorder.h"
#include "supervisor/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
drop(void *argument, const struct frame_run *runs, size_t count)
{
	(void)argument;
	(void)runs;
	(void)count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const struct reorder_sink sink = { drop, NULL };
	struct state state = { .way = STATE_READ,
		.bytes = (uint8_t *)(uintptr_t)input,
		.size = size };
	struct history history;
	struct history_orphan orphan;
	struct reorder reorder;

	if (history_init(&history, HISTORY_BYTES_MIN) == -1 ||
	    reorder_init(&reorder, 100, REORDER_BYTES_MIN, &sink) == -1)
		abort();
	leave_reorder(&state, &reorder);
	leave_history(&state, &history);
	/* Whatever was read, it can be gone on with. */
	reorder_expire(&reorder, UINT64_MAX);
	for (int slot = 0; slot < HISTORY_SLOTS; slot++)
		history_end_path(&history, (uint8_t)slot);
	while (history_next_orphan(&history, &orphan))
		history_drop(&history, orphan.record);
	history_free(&history);
	reorder_free(&reorder);
	return 0;
}
