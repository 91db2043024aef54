/*
 * Batches out of a tunnel's UDP socket (sendmmsg, UDP_SEGMENT).
 */
#ifndef ENGINE_UDP_SEND_H
#define ENGINE_UDP_SEND_H

#include <stddef.h>

struct frame_run;
struct udp;

/*
 * Send the runs of one frame in order, to udp->to where the socket is tied to
 * nobody. A run goes out in as few system calls as the socket can. Where
 * UDP_SEGMENT is refused, the run goes out one by one (EINVAL, EMSGSIZE: a
 * segment over the MTU), or it is off for this socket (EIO). What the kernel
 * does not take is lost and counted in refused, and the rest goes on; an error
 * that was pending for an earlier datagram costs none. Returns the datagrams
 * sent.
 */
size_t udp_send(struct udp *udp, const struct frame_run *runs, size_t count);

#endif
