/*
 * A tunnel: an end here tied to an end there, and the paths that serve it.
 */
#ifndef ENGINE_TUNNEL_H
#define ENGINE_TUNNEL_H

#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"
#include "supervisor/engine/answer.h"
#include "supervisor/engine/arrival.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/history.h"
#include "supervisor/engine/ledger.h"
#include "supervisor/engine/reorder.h"
#include "supervisor/engine/tunnel_choice.h"
#include "supervisor/engine/udp_batch.h"

struct end;
struct path;
struct tunnel_pool;
struct tunnel_view;

#define TUNNEL_PATHS_MAX CONFIG_CONNECTIONS_MAX
/* A tunnel's first datagram has a multiple of this for a number. */
#define TUNNEL_SEQUENCE_STEP (UINT64_C(1) << 20)

struct tunnel {
	TAILQ_ENTRY(tunnel) entry;
	struct engine *engine;
	const struct engine_peer *peer;
	const struct config_tunnel *config; /* connector only */
	char name[FRAME_NAME_MAX];
	uint8_t session[FRAME_SESSION_BYTES];
	uint64_t started_ms;	   /* Unix time, at the connector */
	struct address_pair asked; /* connector: the far tuple */
	struct frame_policy policy;
	uint64_t policy_serial; /* 0: still as OPEN said */
	bool rekeyed;		/* a change is under way: see */
	bool hurry;		/* tunnel_change.h */
	uint64_t dead_us;	/* silence that ends a path */
	struct path_list paths;
	size_t paths_count;
	size_t paths_up;
	uint64_t deserted_us;	  /* listener: when the last path left */
	struct tunnel_pool *pool; /* connector; NULL: none */
	struct tunnel_choice choice;

	struct end *end;	/* here */
	struct udp_batch batch; /* what it received */
	struct event *readable;
	struct event *impatient;    /* while a path is awaited */
	unsigned int receives_left; /* of this turn of tunnel_pump() */
	bool blocked;		    /* no path had room */
	struct tunnel_view *view;
	uint64_t emptied_us;	/* when the UDP socket held nothing */
	struct answer answer;	/* the application's, to what came */
	struct history history; /* what is in flight */
	struct arrival arrival; /* what has come */
	struct reorder reorder;
	struct event *reorder_due;
	struct event *drain_due; /* the end holds what it could not give */
	uint32_t drain_ms;	 /* until then */
	uint64_t holds_us; /* when the peer was last told to wait; 0: go */
	bool slot_taken[HISTORY_SLOTS]; /* by a path that was up */
	uint64_t next_sequence;
	struct ledger ledger;
	uint64_t blocked_us;	/* how long it was, ever */
	uint64_t blocked_at_us; /* since when it is */
	uint64_t held_us;	/* reorder: of each datagram, in all */
	uint64_t sampled_us;
	uint64_t crowded;    /* the end's, when that was logged, */
	uint64_t crowded_us; /* which was then; 0: never */
	uint64_t sent;	     /* datagrams packed for paths */
	uint64_t resent;     /* of them, more than once */
	uint64_t copies;     /* of them, given to paths */
	uint64_t too_old;    /* for max_age */
	uint64_t too_large;  /* for the peer's frame limit */
	uint64_t arrived;    /* datagrams that paths brought */
	uint64_t delivered;  /* given to the application */
	uint64_t advanced;   /* an heir has one for it: advance.h; 0: no */
};

/*
 * A tunnel of the connector with its paths, all to be dialled at once; asked
 * is what is wanted at the far end, end the one here (taken over, on failure
 * too). NULL with errno.
 */
struct tunnel *
tunnel_new(struct engine *engine, const struct config_tunnel *config,
    const struct address_pair *asked, struct end *end);

/* Ends every path, then frees it. words go to the peer. */
void tunnel_free(struct tunnel *tunnel, const char *words);

/* The same, but for its end, which is the caller's then. */
struct end *tunnel_dissolve(struct tunnel *tunnel, const char *words);

/* One more path, to be dialled at once. 0, or -1 with errno. */
int tunnel_add_path(struct tunnel *tunnel, const struct config_path *config);

/*
 * A listener's path said OPEN: it joins its session's tunnel, begins it, or is
 * refused. Nothing is displaced before.
 */
void tunnel_join(struct path *path, const struct frame_open *open);

/* What of it the peer may not ask for; NULL: nothing. */
const struct sockaddr_storage *
tunnel_find_refused(const struct engine_peer *peer,
    const struct address_pair *end);

/* What this tunnel's OPEN asks for. */
void tunnel_describe_open(const struct tunnel *tunnel, struct frame_open *open);

/* From its paths. */
void tunnel_path_up(struct tunnel *tunnel, struct path *path);
void tunnel_path_down(struct tunnel *tunnel, struct path *path);
void tunnel_path_gone(struct tunnel *tunnel, struct path *path);
/* Ends it, drained or not, and for good; it is gone or on its way out. */
void
tunnel_drop_path(struct tunnel *tunnel, struct path *path, const char *why);
void tunnel_path_room(struct tunnel *tunnel);
/* So many transport frames have arrived on the path. */
void tunnel_path_acknowledged(struct tunnel *tunnel, struct path *path,
    uint64_t frames);
/* It answers no more: what it has in flight goes out again on others. */
void tunnel_path_stalled(struct tunnel *tunnel, struct path *path);
/* Nothing of the tunnel is in flight on it. */
bool tunnel_path_is_empty(const struct tunnel *tunnel, const struct path *path);

/*
 * Take the runs of a DATA frame, and give what was taken, of several frames
 * maybe, to the application: until then the frames' bytes must stand. 0, or -1:
 * malformed, and what came before that is taken.
 */
int tunnel_deliver(struct tunnel *tunnel, struct path *path,
    const uint8_t *frame, size_t bytes);
void tunnel_give(struct tunnel *tunnel);

/* The far end has given these up: they are not waited for. */
void tunnel_lost(struct tunnel *tunnel, const struct frame_lost *lost);

/*
 * The end holds more than can be: no path is to be read. It comes to that only
 * if the peer sends on after it was told to wait.
 */
bool tunnel_is_full(const struct tunnel *tunnel);

/*
 * Timers of the tunnel and its paths. False: the tunnel is deserted for good
 * and is to be freed.
 */
bool tunnel_tick(struct tunnel *tunnel, uint64_t now_us);

/* Move what the end holds to the paths, as far as they have room. */
void tunnel_pump(struct tunnel *tunnel);

/*
 * A single datagram was delivered: where the application tends to answer such
 * at once, wait for the answer, ANSWER_WAIT_US at most, and send it.
 */
void tunnel_await_answer(struct tunnel *tunnel);

/* Replace a path in good time; called while it is up. */
void tunnel_rotate(struct path *path, uint64_t now_us);
/* Replace a path that is up, now. */
void tunnel_replace(struct tunnel *tunnel, struct path *path);
/* A path came up: if it replaces one, that one drains. */
void tunnel_take_over(struct path *path);
/* A path leaves: neither replaced nor replacing. */
void tunnel_unlink_rotation(struct path *path);

/* For the files of this module; the end is taken over, on failure too. */
struct tunnel *tunnel_allocate(struct engine *engine, const char *name,
    const struct engine_peer *peer, const struct frame_policy *policy,
    size_t history_bytes, struct end *end);
int tunnel_open_delivery(struct tunnel *tunnel);
void tunnel_close_delivery(struct tunnel *tunnel);
/* Wait as long as the policy says by now. 0, or -1 with errno: as before. */
int tunnel_change_reorder(struct tunnel *tunnel);
uint16_t tunnel_free_id(const struct tunnel *tunnel);
void tunnel_fill_policy(struct frame_policy *policy,
    const struct config_tunnel *config);
int tunnel_open_hold(struct tunnel *tunnel);
void tunnel_close_hold(struct tunnel *tunnel);
/* Something may be held: see to it that it is given, and no more comes. */
void tunnel_tend_hold(struct tunnel *tunnel, uint64_t now_us);

#endif
