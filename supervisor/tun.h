/*
 * TUN devices, opened while that is permitted.
 */
#ifndef SUPERVISOR_TUN_H
#define SUPERVISOR_TUN_H

#include <stdbool.h>
#include <stdint.h>

#define TUN_WHY_MAX 256
#define TUN_HEADER_BYTES 10

/*
 * The device of that name, made if there is none: then it goes with the last
 * descriptor. Its MTU is set if mtu is not 0; addresses, routes and whether it
 * is up are the operator's. A struct virtio_net_hdr of TUN_HEADER_BYTES, little
 * endian, comes before each packet, and says more than nothing with offload
 * alone. A descriptor, close-on-exec and non-blocking, or -1 with a line in
 * why.
 */
int
tun_open(const char *name, uint32_t mtu, bool offload, char why[TUN_WHY_MAX]);

/*
 * Whether the kernel may give TCP of several segments as one packet, and leave
 * checksums to be filled in; it takes both at any time. 0, or -1 with errno.
 */
int tun_set_offload(int fd, bool offload);

/* Another one, of a device that is there. 0, or -1 with errno. */
int tun_set_mtu(const char *name, uint32_t mtu);

#endif
