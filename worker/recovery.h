/*
 * What TCP says of a connection that has lost a segment.
 */
#ifndef WORKER_RECOVERY_H
#define WORKER_RECOVERY_H

#include <stdint.h>

/*
 * Bytes that have arrived at the next hop and are held there behind a segment
 * that is being sent again (selective acknowledgements, RFC 2018); as of now,
 * 0 if the kernel does not say.
 */
uint32_t recovery_held_bytes(int socket);

#endif
