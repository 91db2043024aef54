/*
 * What TCP says of a connection that has lost a segment, told to the engine:
 * without it every loss would look like a queue.
 */
#ifndef WORKER_RECOVERY_H
#define WORKER_RECOVERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* All zeros to begin with. */
struct recovery {
	int64_t told_ms;
	uint64_t told_sent; /* what was sent by then */
	bool goes_on;	    /* there may be more to tell, sent or not */
};

/*
 * Now and then while something is sent, and until nothing is held any more nor
 * much under way, put into held_bytes how much has arrived at the next hop and
 * waits there behind a segment that is being sent again (selective
 * acknowledgements, RFC 2018); 0 where the kernel does not say. sent is any
 * count that grows with what is sent.
 */
void recovery_tell(struct recovery *recovery, int socket, uint64_t sent,
    _Atomic uint32_t *held_bytes);

/*
 * How long to wait at most until recovery_tell() is called again; NULL: for
 * ever. An engine that takes the path for full gives nothing to send.
 */
const struct timespec *recovery_wait(const struct recovery *recovery);

#endif
