/*
 * The listener of a connector's tunnel, where there are several to choose
 * from. All paths of a tunnel have to meet in one: those that are led, by
 * being direct or through a proxy that is told where to go, follow the choice;
 * those through raw relays lead where they lead, and are ended while that is
 * not where the others are. When no led path is up for the time of `failover`,
 * it is the next listener's turn, and each is tried at once. When all have had
 * their turn in vain, it goes on as with one listener: at each path's backoff.
 */
#ifndef ENGINE_TUNNEL_CHOICE_H
#define ENGINE_TUNNEL_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/engine/frame.h"

struct address_uri;
struct path;
struct tunnel;

struct tunnel_choice {
	uint32_t turn;	   /* goes round the destinations and their targets */
	uint32_t seed;	   /* of the order of SRV targets */
	uint64_t alone_us; /* since when no led path is up; 0: one is */
	uint32_t vain;	   /* turns since one was up, of the first round */
	bool untried;	   /* no led path was dialled since the last turn */
	uint8_t instance[FRAME_INSTANCE_BYTES]; /* of whom paths met last */
};

/* A new connector's tunnel begins with the first of its destinations. */
void tunnel_choose_first(struct tunnel *tunnel);

/* Look at the time: no path may have been up for too long. */
void tunnel_choice_tick(struct tunnel *tunnel, uint64_t now_us);

/* A path of the connector is about to be dialled. */
void tunnel_choice_dials(struct path *path);

/* The one that is chosen; of an SRV name the target of the number *target. */
const struct address_uri *
tunnel_destination(const struct tunnel *tunnel, uint32_t *target);

/*
 * A path of the connector has heard from its listener, whose instance is in
 * path->instance. False: it is another one than that of the paths that are up.
 */
bool tunnel_meets(struct tunnel *tunnel, const struct path *path);

#endif
