/*
 * Acknowledgements to the next hop in good time. A relay without TCP_NODELAY
 * holds a frame's last segment until all before it is acknowledged, and the
 * kernel would wait 40 ms for something to send with the acknowledgement (RFC
 * 1122, sections 4.2.3.4 and 4.2.3.2). So what was read is acknowledged at
 * once, unless for some time each read was answered before the next: then the
 * answer carries it, which saves a segment and both hosts the work.
 */
#ifndef WORKER_ACK_H
#define WORKER_ACK_H

#include <stdbool.h>
#include <time.h>

/* All zeros to begin with. */
struct ack {
	unsigned int answered; /* so many reads in turn */
	bool awaits;	       /* read, and not answered yet */
	bool owed;	       /* the answer is to carry it */
};

/* Something was read, and no more is there. */
void ack_read(struct ack *ack, int socket);

/* Something was written. */
void ack_written(struct ack *ack);

/* How long to wait for an answer at most; NULL: none is awaited. */
const struct timespec *ack_wait(const struct ack *ack);

/* It was waited for so long, and nothing happened. */
void ack_late(struct ack *ack, int socket);

#endif
