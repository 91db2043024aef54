/*
 * Ends that are local sockets. What the application does not take waits in
 * end->hold; what it sends waits in the kernel, and then it waits itself.
 */
#ifndef ENGINE_END_UNIX_H
#define ENGINE_END_UNIX_H

#include <stddef.h>

#include "supervisor/engine/udp.h"

struct end;
struct end_links;
struct state;

/* Batches that a drain gives before other events get their turn. */
#define END_DRAIN_TURNS 8

/* SOCK_DGRAM: on the bound socket end->fd. 0, or -1 with errno. */
int end_unix_open(struct end *end);
size_t end_unix_drain(struct end *end);

/*
 * SOCK_SEQPACKET: end->fd listens, and becomes what the loop waits for. When
 * each datagram came is always told.
 */
int end_seqpacket_open(struct end *end);
void end_seqpacket_close(struct end *end);
enum udp_result end_seqpacket_receive(struct end *end, struct udp_batch *batch);
size_t end_seqpacket_drain(struct end *end);
/* Hear newcomers again, if there was no descriptor for one. */
void end_seqpacket_tick(struct end *end);
/* In an upgrade (state.h): the socket to open it on again, and who is there. */
int end_seqpacket_listening(const struct end *end);
void end_seqpacket_leave(struct state *state, struct end *end);

/*
 * Send from the hold, in one system call, to an address or to whom fd is tied.
 * The number sent, or -1 with the errno of the first; nothing held is 0.
 */
int end_send_held(struct end *end, int fd, const struct sockaddr_storage *to,
    socklen_t length);

/* Give up the first of what is held. */
void end_drop_held(struct end *end);

/* end->room: is there to be, for a socket as well, begins anew. */
int end_open_room(struct end *end);
int end_watch_room(struct end *end, int fd);
void end_forget_room(struct end *end);

#endif
