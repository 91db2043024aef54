/*
 * Two tunnels' ends in one process, each with its UDP socket and application on
 * loopback, joined by paths that stand: what their workers and TCP would carry
 * is copied from ring to ring. The clock is the rig's, so that every run does
 * the same. Faults end the process.
 */
#ifndef TESTS_ENGINE_RIG_H
#define TESTS_ENGINE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINE_RIG_BURST 256 /* datagrams */

/* Paths: 1 to 64. */
void engine_rig_begin(size_t paths);

/*
 * Send so many datagrams of so many bytes from the near application to the far
 * one, through both engines, in bursts of ENGINE_RIG_BURST or some 90 KB.
 * Returns how many arrived.
 */
uint64_t engine_rig_carry(uint64_t datagrams, size_t bytes);

/*
 * Send as many, but carry nothing: as if no worker had a processor. They stay
 * where they are until the next engine_rig_carry().
 */
void engine_rig_press(uint64_t datagrams, size_t bytes);

/* The workers sleep, since TCP takes no more; or they do not. */
void engine_rig_sleep(bool sleep);

/* So much time passes. */
void engine_rig_wait(uint64_t us);

/* Until the near engine's loop has had something to do, if it will have. */
void engine_rig_turn(void);

/*
 * One datagram to the far application, which has answered it before the far
 * engine's loop could turn; or has not. True if an answer is back.
 */
bool engine_rig_exchange(bool answered);

/* In how many of the near engine's rings something is. */
size_t engine_rig_busy_paths(void);

/* How many frames the near engine has sealed. */
uint64_t engine_rig_frames(void);

void engine_rig_end(void);

#endif
