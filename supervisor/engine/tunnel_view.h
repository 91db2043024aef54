/*
 * The paths of a tunnel as the scheduler sees them, kept for a burst of frames:
 * a look at all of them for each frame would cost more than the frame. With
 * CONFIG_EARLIEST not even each burst brings one: as long as the path that was
 * picked last keeps, the others are left alone for a few milliseconds.
 */
#ifndef ENGINE_TUNNEL_VIEW_H
#define ENGINE_TUNNEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/engine/schedule.h"
#include "supervisor/engine/tunnel.h"

struct path;

struct tunnel_view {
	struct schedule_path descriptions[TUNNEL_PATHS_MAX];
	struct path *paths[TUNNEL_PATHS_MAX];
	size_t count;
	uint64_t now_us;
	size_t current;	    /* the one picked last */
	size_t last;	    /* the one before a look at all */
	uint64_t least_us;  /* what the best took at that time */
	bool awaits;	    /* it has no room, and the others are left alone */
	uint64_t awaits_us; /* since when; 0: it is not awaited */
	uint64_t all_us;    /* when all were looked at; 0: they are to be */
	bool narrow;	    /* only the current one's description holds */
	bool flush_all;
};

/*
 * Look at the paths. What is seen holds until the event loop runs again; only
 * room may have grown since.
 */
void tunnel_view_look(struct tunnel *tunnel, uint64_t now_us);

/*
 * The path for so many bytes of plaintext, and its description; NULL: none has
 * room. It is marked taken, and not picked again for the same frame.
 */
struct path *tunnel_view_pick(struct tunnel *tunnel, size_t plain_bytes,
    const struct schedule_path **description);

/* None had room: have those that are awaited say when they have. */
void tunnel_view_want_room(struct tunnel *tunnel);

/* The frame is on its way: look again at the paths that it took. */
void tunnel_view_settle(struct tunnel *tunnel);

/* path_flush() of all that may have taken frames since the last time. */
void tunnel_view_flush(struct tunnel *tunnel, uint64_t now_us);

/* A path came up or went down: the next look is at all of them. */
void tunnel_view_forget(struct tunnel *tunnel);

#endif
