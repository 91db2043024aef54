/*
 * Does a worker spin? It can do little else with the processor than move
 * bytes, so what it used of it is held against what it moved: in ten seconds
 * more than one of its time, and less than 64 KiB for each of these, is what no
 * honest worker needs, by far, on any machine.
 */
#ifndef ENGINE_BURN_H
#define ENGINE_BURN_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#define BURN_WINDOW_US UINT64_C(10000000)
#define BURN_CPU_US UINT64_C(1000000)
#define BURN_BYTES_PER_S 65536 /* of its time */

/* All zeros to begin with: of one worker. */
struct burn {
	uint64_t since_us; /* when the window began, 0: not yet */
	uint64_t cpu_us;   /* of the worker by then */
	uint64_t moved;	   /* by it, in both directions */
};

/* What a process has used of the processor, 0 if it is gone. */
uint64_t burn_cpu_us(pid_t pid);

/* True once the window is over if it was too much. Pure; now_us is not 0. */
bool burn_is_too_much(struct burn *burn, uint64_t cpu_us, uint64_t moved,
    uint64_t now_us);

#endif
