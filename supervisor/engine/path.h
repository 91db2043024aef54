/*
 * A path: one worker, one TCP connection, one Noise session, from dialling to
 * its end and, at the connector, again. What happens with its datagrams is
 * the tunnel's business.
 */
#ifndef ENGINE_PATH_H
#define ENGINE_PATH_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/engine/backoff.h"
#include "supervisor/engine/channel.h"
#include "supervisor/engine/estimate.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/meter.h"
#include "supervisor/engine/samples.h"
#include "supervisor/engine/wire.h"

struct config_path;
struct engine;
struct engine_peer;
struct noise_cipher;
struct noise_handshake;
struct schedule_path;
struct tunnel;

#define PATH_URI_MAX (ADDRESS_URI_MAX * 2)
#define PATH_ERROR_MAX 512
#define PATH_SUBJECT_MAX (FRAME_NAME_MAX + PATH_URI_MAX)

enum path_state {
	PATH_WAITING,	/* connector: until the backoff is over */
	PATH_DIALLING,	/* the worker resolves, connects, asks proxies */
	PATH_HANDSHAKE, /* message 1 is out, message 2 is awaited */
	PATH_OPENING,	/* keys stand; OPEN or its answer is awaited */
	PATH_UP,
	PATH_ENDED /* listener: to be freed */
};

struct path {
	TAILQ_ENTRY(path) entry;
	struct engine *engine;
	struct tunnel *tunnel; /* NULL: inbound, before OPEN */
	const struct engine_peer *peer;
	const struct config_path *config; /* connector only */
	bool backup;
	enum path_state state;
	uint64_t since_us; /* in this state */
	uint64_t limit_us; /* when the state is over */
	char uri[PATH_URI_MAX];
	char subject[PATH_SUBJECT_MAX]; /* "tunnel/uri", for the log */

	struct frame_hello1 hello; /* inbound: what message 1 said */
	uint16_t id;
	struct path *successor;	  /* dialled to replace it */
	struct path *predecessor; /* to be replaced by it */
	uint64_t rotate_us;	  /* when it is to be replaced; 0: not set */
	uint64_t drains_us;	  /* since when it was; 0: it was not */
	bool rests;		  /* set down, or of a pool: not wanted now */
	bool forged;		  /* it ended by a frame that did not open */
	uint8_t slot;		  /* while up: of the tunnel's history */
	uint8_t instance[FRAME_INSTANCE_BYTES]; /* connector: of the far end */
	uint16_t peer_frame_max; /* sealed bytes the peer takes */
	struct channel channel;
	struct noise_handshake *handshake;
	struct noise_cipher *tx;
	struct noise_cipher *rx;

	struct estimate estimate;
	struct samples samples;
	uint64_t data_us;	/* when DATA went out last */
	uint64_t looked_us;	/* when the tick looked at it last */
	uint64_t vain_us;	/* when its worker was awaited in vain last */
	bool ping_due;		/* DATA went out since the last PING */
	uint64_t waits_us;	/* since when a PONG is awaited, or 0 */
	uint64_t asked_us;	/* when the peer's last PING came */
	bool pong_due;		/* the ring was full */
	bool skipped;		/* a frame of unknown type, which was said */
	uint64_t held_us;	/* until when no DATA is wanted; 0: it is */
	struct frame_pong pong; /* totals to acknowledge */

	struct backoff backoff;
	struct worker_event failure; /* the worker's last words, if any */
	bool failed;
	char note[MESSAGE_TEXT_MAX]; /* the worker's last one, or empty */
	unsigned int restarts;
	char last_error[PATH_ERROR_MAX];

	/* Over all connections of this path. */
	uint64_t tx_bytes, rx_bytes; /* as on the wire */
	uint64_t tx_datagrams, rx_datagrams;
	struct meter tx_meter, rx_meter;
};

/*
 * A path of the connector, WAITING and due at once. NULL with errno. It is
 * the caller's to put on the tunnel's list.
 */
struct path *
path_new(struct tunnel *tunnel, const struct config_path *config, uint16_t id);

/*
 * In an upgrade: one of which the rest, tunnel and peer too, is to be read. NULL
 * with errno.
 */
struct path *path_inherit(struct engine *engine);

/*
 * A path of the listener, after message 1 verified: takes over the handshake
 * and the accepted connection (on failure too), answers message 2 and awaits
 * OPEN. name is the connection's address. NULL with errno.
 */
struct path *path_new_inbound(struct engine *engine,
    const struct engine_peer *peer, struct noise_handshake *handshake,
    const struct frame_hello1 *hello, int accepted, const char *name);

/* Free it, its worker with it. */
void path_free(struct path *path);

/*
 * End what stands with a reason for log and status. A connector's path is
 * dialled again after its backoff; a listener's is freed at the next tick.
 */
void path_fail(struct path *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for what the worker or the relay did: the worker is killed. */
void path_break(struct path *path, enum wire_result result);

/* The same in good order: CLOSE with these words goes out first. */
void path_finish(struct path *path, const char *words);

/* The peer's CLOSE or REFUSE came, with its words. */
void path_closed(struct path *path, const char *words);
void path_refused(struct path *path, const char *words);

/* A listener's path is told what its OPEN led to; it is UP, or over. */
void path_accept(struct path *path);
void path_refuse(struct path *path, const char *words);

/* Ask the peer for no more DATA on it for a while; with 0 for more. */
void path_hold(struct path *path, uint16_t pause_ms);
/* The peer's HOLD came. */
void path_held(struct path *path, const uint8_t *frame, size_t bytes);

/* Timers, and a look at the rings in case a bell was withheld. */
void path_tick(struct path *path, uint64_t now_us);

/* Take frames from the ring until it is empty or the budget is used up. */
void path_receive(struct path *path);

/*
 * Seal one plaintext frame into the ring. False: no room, or the path ended.
 * Ringing the worker is left to path_flush(), once per burst.
 */
bool path_send(struct path *path, const uint8_t *plain, size_t bytes);
void path_flush(struct path *path, uint64_t now_us);
/*
 * Several in a burst: with one behind it the whole of it would be acknowledged
 * at one stroke, and the path would run empty meanwhile.
 */
void path_ping_if_due(struct path *path, uint64_t now_us);

/* What the scheduler needs to know. */
void path_describe(struct path *path, struct schedule_path *description,
    uint64_t now_us);

/* True while frames go unanswered for longer than the round trip explains. */
bool path_is_stalled(const struct path *path, uint64_t now_us);

void path_set_subject(struct path *path, const char *tunnel_name);
const char *path_state_name(enum path_state state);

/* For the files of this module. */
void path_enter(struct path *path, enum path_state state);
void path_ping(struct path *path);
void path_pong(struct path *path);

#endif
