/*
 * The pump in a process of its own, without the rest of the worker: the test
 * plays the engine and the far end of the connection. Every byte of a stream is
 * known by its place.
 */
#ifndef TESTS_PUMP_RIG_H
#define TESTS_PUMP_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "tests/worker_rig.h"

#define PUMP_RIG_FAILED 100 /* exit codes: the end, or this and errno */

extern struct rig rig;
extern int far; /* the far end's socket, non-blocking */
extern unsigned int seed;

void pump_rig_start(void);
void pump_rig_expect_end(int end);

void pump_rig_fill(uint8_t *bytes, size_t count, size_t place);
void pump_rig_check(const uint8_t *bytes, size_t count, size_t place);
size_t pump_rig_random_size(void);

/* The far end of a stream. */
void pump_rig_send_stream(size_t bytes);
void pump_rig_receive_stream(size_t bytes);

/*
 * From the engine, or from the far end, until nobody takes more; the bytes that
 * were taken.
 */
size_t pump_rig_stuff_ring(void);
size_t pump_rig_stuff(void);

/* Take so much of the far end's stream out of the ring. */
void pump_rig_drain(size_t bytes);

#endif
