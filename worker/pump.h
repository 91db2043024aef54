/*
 * Ring to socket and socket to ring, one write(2) or read(2) a span, nothing
 * parsed. Takes no memory and makes no call that the last filter forbids.
 */
#ifndef WORKER_PUMP_H
#define WORKER_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/ring.h"
#include "worker/ack.h"
#include "worker/recovery.h"

struct layout_worker;
struct region;

enum pump_end {
	PUMP_RUNS,
	PUMP_STOPPED, /* the engine let go of us */
	PUMP_CLOSED,  /* the far end closed the connection */
	PUMP_FAILED,  /* the connection broke: pump.error */
	PUMP_BROKEN   /* the engine's index is impossible */
};

struct pump {
	int socket;  /* connected, non-blocking */
	int channel; /* polled for its end */
	int bell_in;
	int bell_out;
	struct ring_consumer tx;
	struct ring_producer rx;
	struct layout_worker *flags;
	enum pump_end end;
	int error;		  /* errno of the first failure */
	bool readable;		  /* a read may find bytes */
	bool writable;		  /* a write may find room */
	bool mute;		  /* writing has failed for good */
	const uint8_t *heir_data; /* of layout.h; NULL: it is followed */
	bool rung;		  /* the bell is to be drained */
	struct recovery recovery;
	struct ack ack;
};

/* Neither the descriptors nor the regions are owned. */
void pump_init(struct pump *pump, int socket, const struct region *engine,
    const struct region *worker);

/*
 * Begin with bytes that the far end has sent already. Where they do not fit,
 * the pump is PUMP_BROKEN.
 */
void pump_prime(struct pump *pump, const void *bytes, size_t count);

/*
 * Move bytes until something ends it; never returns PUMP_RUNS. What the far
 * end sent before it closed is in the ring by then.
 */
enum pump_end pump_run(struct pump *pump);

/*
 * After PUMP_STOPPED: write out what the engine left in the ring and close in
 * good order, in 500 ms at most.
 */
void pump_finish(struct pump *pump);

/*
 * For the files of this module: what the engine, or its heir, has to send, and
 * where it says what it has taken.
 */
enum ring_result
pump_peek(struct pump *pump, const uint8_t **span, size_t *bytes);
void pump_follow(struct pump *pump);

#endif
