/*
 * The engine's end of one worker: both regions, both rings, the bells, the
 * message socket and the slot at the supervisor. It moves bytes and messages
 * and knows nothing of what they mean.
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/layout.h"
#include "shm/message.h"
#include "shm/region.h"
#include "shm/ring.h"
#include "supervisor/engine/burn.h"

struct event;
struct event_base;
struct spawner;

/* Two frames of the largest size and the slack of a power of two. */
#define CHANNEL_RING_BYTES ((size_t)256 * 1024)
/* More than any worker has to say in its life. */
#define CHANNEL_MESSAGES_MAX 256

struct channel_handler {
	/* Data has come or room was made: look at both rings. */
	void (*bell)(void *argument);
	void (*event)(void *argument, const struct worker_event *event);
	/* The worker broke the contract; words say how. */
	void (*broken)(void *argument, const char *words);
	/* The last call: it ended with this status of wait(2). */
	void (*exited)(void *argument, int status);
};

struct channel {
	struct spawner *spawner;
	struct region engine; /* S; none for an heir of layout.h */
	struct region worker; /* W */
	struct ring_producer tx;
	struct ring_consumer rx;
	struct layout_worker *flags; /* in W: its bells' flags */
	int socket;
	int bell_in;
	int bell_out;
	struct event *socket_readable;
	struct event *bell_readable;
	int slot;  /* -1: no worker */
	pid_t pid; /* 0 until it was started */
	unsigned int messages;
	bool bell_waits;      /* it is not read yet */
	bool bell_ended;      /* and it was the last */
	bool bell_foul;	      /* it rang against the rules */
	uint64_t bells_asked; /* each asks for one byte at most */
	uint64_t bells_rung;
	uint64_t bell_moved;	 /* both rings, at the last bell */
	uint64_t bell_taken;	 /* by us, from the receive ring, by then */
	unsigned int idle_bells; /* in a row without anything moved */
	unsigned int credit;	 /* for bells that bring next to nothing */
	uint64_t credit_us;	 /* when it grew last */
	uint64_t rung_head;	 /* tx.head, when we rang last */
	uint64_t rung_tail;	 /* rx.tail, then */
	struct burn burn;
	bool advanced; /* an heir has its ends already: advance.h */
	const struct channel_handler *handler;
	void *argument;
};

/* The value before channel_open(). */
void channel_init(struct channel *channel,
    const struct channel_handler *handler, void *argument);

/*
 * Make fresh regions and have a worker spawned for the job; accepted is the
 * connection to hand over for JOB_SERVE (closed here in any case), else -1.
 * The job's ring sizes are filled in. 0, or -1 with errno and nothing left.
 */
int channel_open(struct channel *channel, struct event_base *base,
    struct spawner *spawner, struct job *job, int accepted);

/*
 * In an upgrade. What was read (channel_leave.h) into one of channel_init(),
 * channel_inherit() makes an open one of again. Where its ends were read before,
 * and channel_inherit_ends() made them ready, only the rest is: it is marked as
 * advanced then. The worker sees its new engine from channel_serve() on, and not
 * before.
 */
int channel_inherit_ends(struct channel *channel, struct event_base *base);
int channel_inherit(struct channel *channel, struct event_base *base,
    struct spawner *spawner);
void channel_serve(struct channel *channel);

bool channel_is_open(const struct channel *channel);

/* True if it was another engine's: its transmit ring is in W (layout.h). */
bool channel_is_heir(const struct channel *channel);

/*
 * Let go of the worker: it writes out what is in the transmit ring and ends
 * by itself (now: it is killed). No handler is called any more.
 */
void channel_close(struct channel *channel, bool now);

/* Have the worker killed; its exit will be reported to the handler. */
void channel_kill(struct channel *channel);

/* True if it uses the processor for nothing: burn.h. To be asked now and then. */
bool channel_burns(struct channel *channel, uint64_t now_us);

/* Ring the worker if it sleeps and there was a commit or a release since. */
void channel_ring(struct channel *channel);

/*
 * True if the worker is at work on what the transmit ring holds, or will be
 * when it is rung and has a processor; false if it sleeps until TCP takes more.
 * Only its word: it may say so for ever.
 */
bool channel_is_busy(const struct channel *channel);

/* Call the bell handler again from the event loop, after everybody else. */
void channel_again(struct channel *channel);

/*
 * Say that bytes, or room, are waited for; then look at the ring again. Who
 * rang too often for next to nothing, 2000 times in a second, is not asked: then
 * the caller has to look by itself from time to time.
 */
void channel_want_data(struct channel *channel);
void channel_want_room(struct channel *channel);

#endif
