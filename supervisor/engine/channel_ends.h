/*
 * What a channel is made of, without an event loop: fresh regions and rings,
 * the message socket and the bells.
 */
#ifndef ENGINE_CHANNEL_ENDS_H
#define ENGINE_CHANNEL_ENDS_H

#include "supervisor/engine/channel.h"

/* The worker's descriptors, FD_CHANNEL being the first; -1: none. */
struct channel_handed {
	int fd[FD_END - FD_CHANNEL];
};

/*
 * Make all of it for the job, whose ring sizes are filled in, and send the job.
 * handed gets the worker's descriptors, the regions' among them, and keeps its
 * FD_SOCKET. 0, or -1 with errno; to be closed in either case.
 */
int channel_ends_open(struct channel *channel, struct job *job,
    struct channel_handed *handed);

/* Close what only the worker needs, its FD_SOCKET too. */
void channel_ends_hand_over(const struct channel_handed *handed);

/* Close our ends. Safe on what was never opened. */
void channel_ends_close(struct channel *channel);

#endif
