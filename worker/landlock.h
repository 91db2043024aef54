/*
 * Landlock layers, as much as the kernel has. The second fence behind the
 * seccomp filters: it knows paths, ports and whose signals, which they cannot.
 */
#ifndef WORKER_LANDLOCK_H
#define WORKER_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The kernel's ABI version, 0 if it has no Landlock, -1 with errno if somebody
 * forbids us to ask: that is not the same, and not to be ignored.
 */
int landlock_level(void);

/* A ruleset that grants nothing. A descriptor, or -1 with errno. */
int landlock_none(int level);

/*
 * A ruleset that grants TCP connections to the port, or to all if it is 0, and,
 * for names, what the system's resolver reads and asks.
 */
int landlock_dial(int level, bool names, uint32_t port);

/* Take the layer on and close its descriptor. 0, or -1 with errno. */
int landlock_enter(int ruleset);

#endif
