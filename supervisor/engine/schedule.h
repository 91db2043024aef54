/*
 * Which path takes the next frame. Pure: path states are arguments.
 */
#ifndef ENGINE_SCHEDULE_H
#define ENGINE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"

/* What the scheduler needs to know of one path. */
struct schedule_path {
	bool up;
	bool backup;
	bool taken;		/* this frame is on it already (redundant) */
	bool fresh;		/* its rate was never measured */
	bool drains;		/* estimate_drains(): let its queue run out */
	size_t room_bytes;	/* what the ring takes now */
	uint64_t backlog_bytes; /* sent, not yet acknowledged */
	uint64_t ring_bytes;	/* of them, in the ring; 0 where TCP takes no
				 * more, and not the worker is late */
	uint64_t rate_bytes_s;	/* never 0 */
	uint64_t srtt_us;	/* smoothed round trip, 0: unknown */
	uint64_t rtt_min_us;
	uint64_t pong_age_us; /* since something was acknowledged */
};

/*
 * Expected delivery time of a frame of so many bytes given to the path now, in
 * microseconds: (backlog + bytes) / rate + half the smoothed round trip, of
 * which the backlog that is merely on its way (rate * minimal round trip, and
 * what has gone since the last PONG) is not counted twice, nor the queue that
 * the round trip has in it.
 */
uint64_t schedule_delivery_us(const struct schedule_path *path, size_t bytes);

/*
 * True if the path may take a frame of so many bytes: up, room in the ring,
 * and no more than max_queue_ms of its own rate waiting beyond what is on its
 * way. A path with nothing waiting always may (a frame is never too large).
 */
bool schedule_has_room(const struct schedule_path *path, size_t bytes,
    uint32_t max_queue_ms);

/*
 * The path for the next frame: an index into paths, or -1 when none has room
 * (stop reading, the kernel drops). Paths stand in configured order, the
 * direct one first. Backup paths count only while no other path is up.
 * CONFIG_EARLIEST keeps a little on trial on a fresh path until it is measured:
 * what is never tried is never known to be fast. Among paths that are hardly
 * later than the best it takes the one with the largest rate, so that what
 * fits on few paths stays on few. *least_us gets what the best takes;
 * UINT64_MAX where that does not count.
 * CONFIG_REDUNDANT picks like CONFIG_EARLIEST; the caller asks again for
 * copies with the paths that have one marked taken.
 */
int schedule_pick(enum config_scheduler scheduler,
    const struct schedule_path *paths, size_t count, size_t bytes,
    uint32_t max_queue_ms, uint64_t *least_us);

/*
 * True if a path that was picked may take the next frame as well, by
 * CONFIG_EARLIEST and without a look at the others, of which the best took
 * least_us a moment ago.
 */
bool schedule_keeps(const struct schedule_path *path, size_t bytes,
    uint32_t max_queue_ms, uint64_t least_us);

/*
 * True if that path has only no room in the ring, and soon will have: to wait
 * costs less than to wake the worker of another one, which would have to wait
 * for a processor as well.
 */
bool schedule_awaits(const struct schedule_path *path, size_t bytes,
    uint32_t max_queue_ms, uint64_t least_us);

/*
 * The largest plaintext frame for the path: about a millisecond of its rate, or
 * a part of the time that it will wait there, and what one TCP segment takes;
 * within least_bytes (one datagram's frame) and FRAME_PLAIN_MAX.
 */
size_t
schedule_frame_bytes(const struct schedule_path *path, size_t least_bytes);

#endif
