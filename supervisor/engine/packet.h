/*
 * TCP packets of many segments, each behind a struct virtio_net_hdr, as devices
 * with offloads give them. Pure.
 */
#ifndef ENGINE_PACKET_H
#define ENGINE_PACKET_H

#include <stddef.h>
#include <stdint.h>

/*
 * Part one: the second half of its segments, behind headers of their own, go to
 * second, which has as much room. Returns the bytes there, and *bytes are those
 * of the first. 0: it is no such packet, or of one segment, and stays as it is.
 */
size_t packet_part(uint8_t *packet, size_t *bytes, uint8_t *second);

#endif
