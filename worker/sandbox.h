/*
 * The two-stage lock-in. Everything is built first; then each stage is
 * entered with two or three system calls. Every function returns 0, or -1 with
 * errno, upon which the worker must end: there is no going on without.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include <linux/filter.h>

#include <stdbool.h>
#include <stdint.h>

/* What the worker has to reach before it pumps. */
enum sandbox_reach {
	SANDBOX_SERVE,	 /* nothing: the connection is there */
	SANDBOX_LITERAL, /* one port, on sockets that are made */
	SANDBOX_NAMES	 /* that port, any if 0, and the system's resolver */
};

struct sandbox {
	struct sock_fprog dial; /* seccomp R */
	struct sock_fprog pump; /* seccomp P */
	bool landlock;		/* the kernel has it */
	int dial_rules;		/* Landlock rulesets, or -1 */
	int pump_rules;
};

/* First thing of all: nobody attaches to us, no core dump. */
int sandbox_harden(void);

/*
 * Give up capabilities, limits and the way back to privileges, and build both
 * stages. Descriptors and sockets that the worker needs are open by now.
 */
int sandbox_prepare(struct sandbox *sandbox, enum sandbox_reach reach,
    uint32_t port);

/* Stage one: resolve and connect. Nothing to do for SANDBOX_SERVE. */
int sandbox_enter_dial(struct sandbox *sandbox);

/* Stage two: descriptors that are open can be read, written and closed. */
int sandbox_enter_pump(struct sandbox *sandbox);

/* What the prepared lock-in lacks, in words, or NULL. */
const char *sandbox_weakness(const struct sandbox *sandbox);

#endif
