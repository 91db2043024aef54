/*
 * What /proc tells of processes and of sockets of this network namespace.
 */
#ifndef CTL_WHY_PROC_H
#define CTL_WHY_PROC_H

#include <stdbool.h>
#include <stdint.h>

struct why_proc {
	bool known;
	double run_s;	 /* on a core, ever */
	bool wait_known; /* the kernel counts this: */
	double wait_s;	 /* for one */
};

/* Of a process of one thread. */
void why_proc_read(int pid, struct why_proc *proc);

/* CLOCK_MONOTONIC, in seconds. */
double why_proc_now(void);

/*
 * How many datagrams the UDP sockets bound to "127.0.0.1:514", or to that port
 * of any address, have dropped for want of room. None found: 0.
 */
uint64_t why_proc_drops(const char *address);

/* The same, of a line of /proc/net/udp or udp6; false: not that socket. */
bool
why_proc_parse_drops(const char *line, const char *address, uint64_t *drops);

#endif
