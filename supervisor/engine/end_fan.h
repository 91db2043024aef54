/*
 * A socket for each application at the far end, all towards the one here: as a
 * NAT would, each has a source port of its own, and is answered there.
 */
#ifndef ENGINE_END_FAN_H
#define ENGINE_END_FAN_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/engine/udp.h"

struct address_pair;
struct end;
struct frame_run;
struct state;

/*
 * In place of the socket of an end, which shows that there can be one; end->fd
 * becomes what the loop waits for. 0, or -1 with errno.
 */
int end_fan_open(struct end *end, size_t limit, uint64_t idle_us);

/* Safe on an end without. */
void end_fan_close(struct end *end);

/* Have the kernel tell when each datagram came. */
void end_fan_stamp(struct end *end);

enum udp_result end_fan_receive(struct end *end, struct udp_batch *batch);

/* Runs of one client, count of them. Returns the datagrams given. */
size_t
end_fan_send(struct end *end, const struct frame_run *runs, size_t count);

size_t end_fan_clients(const struct end *end);

/*
 * In an upgrade (state.h): what to bind for end_fan_open(), and what to open it
 * with; then the sockets of all clients, read into one that has none.
 */
const struct address_pair *end_fan_pair(const struct end *end);
size_t end_fan_limit(const struct end *end);
uint64_t end_fan_idle_us(const struct end *end);
void end_fan_leave(struct state *state, struct end *end);

void end_fan_count(struct end *end);
void end_fan_tick(struct end *end, uint64_t now_us);

#endif
