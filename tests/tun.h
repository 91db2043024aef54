/*
 * A TUN device: what the kernel routes into it is read here.
 */
#ifndef TESTS_TUN_H
#define TESTS_TUN_H

#include <stddef.h>
#include <stdint.h>

#define TUN_PACKET_MAX 9000

/*
 * Make a device of that name in the network namespace of that name (as of
 * `ip netns`; "" is the own one) with these two IPv4 addresses, and set it up.
 * A descriptor that does not block. Ends the program on failure.
 */
int tun_open(const char *namespace, const char *name, const char *address,
    const char *peer_address);

/* One packet, its length; 0: there is none. */
size_t tun_read(int fd, uint8_t packet[TUN_PACKET_MAX]);
void tun_write(int fd, const uint8_t *packet, size_t bytes);

#endif
