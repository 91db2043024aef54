/*
 * What /proc tells of processes and of sockets of this network namespace.
 */
#ifndef CTL_WHY_PROC_H
#define CTL_WHY_PROC_H

#include <stdbool.h>
#include <stddef.h>
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

/* A UDP socket of this network namespace. */
struct why_socket {
	char bound[40]; /* its address, as the kernel writes it */
	unsigned int port;
	uint64_t drops; /* for want of room, ever */
};

struct why_sockets {
	struct why_socket *item; /* owned */
	size_t count;
};

/* All there are, or as many as there is memory for; to be freed. */
void why_proc_sockets(struct why_sockets *sockets);
void why_proc_free(struct why_sockets *sockets);

/* One of a line of /proc/net/udp or udp6; false: there is none. */
bool why_proc_parse(const char *line, struct why_socket *socket);

/*
 * How many datagrams those bound to "127.0.0.1:514", or to that port of any
 * address, have dropped. None is: 0.
 */
uint64_t why_proc_drops(const struct why_sockets *sockets, const char *address);

#endif
