/*
 * A tunnel's UDP socket and the application that it is connected to, both on
 * loopback, for the tests of udp.c and udp_send.c. Failures are Check's.
 */
#ifndef TESTS_UDP_RIG_H
#define TESTS_UDP_RIG_H

#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/engine/udp.h"
#include "supervisor/engine/udp_batch.h"

#define UDP_RIG_PATTERN_BYTES 65536

extern struct udp udp_rig_socket;
extern struct udp_batch udp_rig_batch;
extern struct address_pair udp_rig_pair;
extern int udp_rig_application;
extern uint8_t udp_rig_pattern[UDP_RIG_PATTERN_BYTES];

/* Both sockets of one family, on ports that the kernel chose. */
void udp_rig_begin(int family);
void udp_rig_end(void);

/* Bind the application's socket to udp_rig_pair.remote, its port if it has
 * one; and connect it to the tunnel's. */
void udp_rig_open_application(void);
void udp_rig_connect_application(void);

/* The loopback address, port 0. Returns its length. */
socklen_t udp_rig_loopback(struct sockaddr_storage *address, int family);

/* A datagram from the application. */
void udp_rig_send(const void *bytes, size_t length);

/* Until there is something to read. */
void udp_rig_wait(int fd);

#endif
