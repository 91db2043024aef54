/*
 * HOLD: the application at one end takes less than comes.
 */
#include "supervisor/engine/clock.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"

static void
pause_data(struct path *path, uint16_t pause_ms)
{
	path->held_us = pause_ms == 0 ?
	    0 :
	    clock_now_us() + pause_ms * UINT64_C(1000);
	if (pause_ms == 0)
		tunnel_path_room(path->tunnel);
}

void
path_held(struct path *path, const uint8_t *frame, size_t bytes)
{
	struct frame_hold hold;

	if (frame_decode_hold(frame, bytes, &hold) == -1)
		path_fail(path, "HOLD is malformed");
	else if (path->state == PATH_UP)
		pause_data(path, hold.pause_ms);
}

void
path_hold(struct path *path, uint16_t pause_ms)
{
	struct frame_hold hold = { .pause_ms = pause_ms };
	uint8_t frame[FRAME_CONTROL_MAX];

	if (path_send(path, frame, frame_encode_hold(&hold, frame)))
		path_flush(path, clock_now_us());
}
