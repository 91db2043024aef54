/*
 * The applications that a tunnel tells apart: says when there are more of them
 * than it may have.
 */
#ifndef ENGINE_TUNNEL_CLIENTS_H
#define ENGINE_TUNNEL_CLIENTS_H

#include <stdint.h>

struct tunnel;

/*
 * Now and then: warn if datagrams were dropped since the last time for want of
 * a place among the clients, at most once a minute.
 */
void tunnel_clients_tick(struct tunnel *tunnel, uint64_t now_us);

#endif
