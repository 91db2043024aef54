/*
 * A tunnel's ledger: its counters gathered, told to the far end over its
 * paths, and compared with what the far end tells.
 */
#ifndef ENGINE_TUNNEL_LEDGER_H
#define ENGINE_TUNNEL_LEDGER_H

#include <stdint.h>

#include "supervisor/engine/ledger.h"

struct path;
struct tunnel;

/*
 * Tell the far end over this path, which is coming up: before anything that
 * this end may acknowledge.
 */
void tunnel_ledger_say(struct tunnel *tunnel, struct path *path);

/* TOTALS came over a path. */
void tunnel_ledger_hear(struct tunnel *tunnel, struct path *path,
    const struct frame_totals *totals);

/* Tell it over some path if it is time. */
void tunnel_ledger_tick(struct tunnel *tunnel, uint64_t now_us);

/* For the status: what left here, and what came from the far end. */
void tunnel_ledger_read(struct tunnel *tunnel, struct ledger_account *out,
    struct ledger_account *in);

#endif
