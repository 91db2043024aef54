/*
 * Batches out of a tunnel's UDP socket (sendmmsg, UDP_SEGMENT).
 */
#ifndef ENGINE_UDP_SEND_H
#define ENGINE_UDP_SEND_H

#include <stddef.h>

struct frame_run;
struct udp;

/*
 * Send the runs in order, to udp->to where the socket is tied to nobody. They
 * go out in as few messages as the socket can, those of one size together.
 * Where UDP_SEGMENT is refused, a run goes out one by one (EINVAL, EMSGSIZE: a
 * segment over the MTU), or it is off for this socket (EIO). What the kernel
 * does not take is lost and counted in refused, and the rest goes on; an error
 * that was pending for an earlier datagram costs none. Returns the datagrams
 * sent.
 */
size_t udp_send(struct udp *udp, const struct frame_run *runs, size_t count);

#endif
