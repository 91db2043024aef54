/*
 * TUN devices, opened while that is permitted.
 */
#ifndef SUPERVISOR_TUN_H
#define SUPERVISOR_TUN_H

#include <stdint.h>

/*
 * The device of that name, made if there is none: then it goes with the last
 * descriptor. Its MTU is set if mtu is not 0; addresses, routes and whether it
 * is up are the operator's. A descriptor, close-on-exec and non-blocking, or -1
 * having logged why, about subject.
 */
int tun_open(const char *subject, const char *name, uint32_t mtu);

#endif
