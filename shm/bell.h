/*
 * A doorbell: a pipe and a sleeping flag. The sleeper arms the flag, looks at
 * its ring once more and then polls the pipe; the waker publishes and then
 * rings, which takes the flag by exchange and writes one byte only if it was
 * armed. Full barriers on both sides, so no wake-up is lost. The flag lives in
 * memory that both sides write (region W): forging it can only cost the forger
 * its own wake-ups.
 */
#ifndef SHM_BELL_H
#define SHM_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Make a bell's pipe: *sleeper is the end to poll and read, *waker the end to
 * ring; both close-on-exec and non-blocking. Returns 0, or -1 with errno.
 */
int bell_create(int *sleeper, int *waker);

/* Say that this side is about to sleep. Look at the ring again after it. */
void bell_arm(_Atomic uint32_t *sleeping);

/* Take it back, when the second look found work. */
void bell_disarm(_Atomic uint32_t *sleeping);

/*
 * Wake the other side if it said that it sleeps; call after publishing. True
 * if a byte was written. A full pipe counts as rung; other errors are left to
 * the reader of the channel, which sees the other side end.
 */
bool bell_ring(_Atomic uint32_t *sleeping, int waker);

/*
 * Empty the pipe after a wake-up, at most 4096 bytes. Returns the number of
 * bytes read, 0 if there were none, -1 if the other end is closed or broken.
 */
int bell_drain(int sleeper);

#endif
