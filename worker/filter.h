/*
 * The worker's seccomp programs, built through libseccomp and loaded later
 * with one raw system call.
 */
#ifndef WORKER_FILTER_H
#define WORKER_FILTER_H

struct sock_fprog;

enum filter_kind {
	FILTER_LITERAL, /* connect prepared sockets, then load FILTER_PUMP */
	FILTER_NAMES,	/* the same, after the system's resolver has run */
	FILTER_PUMP	/* use what is open */
};

/*
 * Returns 0 with a program whose memory is never given back, or -1 with
 * errno.
 */
int filter_build(struct sock_fprog *program, enum filter_kind kind);

/* Load on top of what is loaded. 0, or -1 with errno. */
int filter_load(const struct sock_fprog *program);

#endif
