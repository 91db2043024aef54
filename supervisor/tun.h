/*
 * TUN devices, opened while that is permitted.
 */
#ifndef SUPERVISOR_TUN_H
#define SUPERVISOR_TUN_H

#include <stdint.h>

#define TUN_WHY_MAX 256

/*
 * The device of that name, made if there is none: then it goes with the last
 * descriptor. Its MTU is set if mtu is not 0; addresses, routes and whether it
 * is up are the operator's. A descriptor, close-on-exec and non-blocking, or -1
 * with a line in why.
 */
int tun_open(const char *name, uint32_t mtu, char why[TUN_WHY_MAX]);

/* Another one, of a device that is there. 0, or -1 with errno. */
int tun_set_mtu(const char *name, uint32_t mtu);

#endif
