/*
 * An end that is a network device: each datagram is an IP packet, or one behind
 * a struct virtio_net_hdr, where it is TCP of several segments or its checksum
 * is to be filled in. The first byte tells them apart: that of an IP packet is
 * its version. What the kernel does not take is lost, as on any link.
 */
#ifndef ENGINE_END_TUN_H
#define ENGINE_END_TUN_H

#include <stddef.h>

#include "supervisor/engine/udp.h"

struct end;
struct frame_run;

/* On end->fd, a descriptor of tun_open(). */
enum udp_result end_tun_receive(struct end *end, struct udp_batch *batch);
size_t
end_tun_send(struct end *end, const struct frame_run *runs, size_t count);

#endif
