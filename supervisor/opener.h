/*
 * The opener: a child that holds what has a name, see holding.h, and keeps the
 * right to open more of it on a reload, and the log, as the start did it. The
 * engine says one of three words to it. What is opened stands in the file,
 * which the opener reads itself: nobody can tell it a name. It outlives the
 * engine for as long as it takes to remove the names.
 */
#ifndef SUPERVISOR_OPENER_H
#define SUPERVISOR_OPENER_H

#include <sys/types.h>

#include <stdint.h>

#include "supervisor/log.h"

struct config;
struct options;
struct privilege;
struct sockets;

enum opener_word {
	OPENER_AGAIN = 1, /* open what the file says now, */
	OPENER_KEEP,	  /* and hold that from now on, */
	OPENER_DROP	  /* or what was held before */
};

/*
 * In this order, to OPENER_AGAIN; OPENER_FAULT may end it at any point. To the
 * other words OPENER_DONE alone, when the names are as they should be.
 */
enum opener_type {
	/* kind: enum log_target */
	OPENER_ROTATED = 1, /* the log as it is, opened again: fd, or words */
	OPENER_LOG,	    /* the log as it is to be: fd, or -1 for stderr */
	/* words: its name, fd */
	OPENER_END, /* kind: enum address_kind */
	OPENER_CONTROL,
	OPENER_DONE,
	OPENER_FAULT, /* words: nothing was opened */
	/* kind and words of an end or control that follows: not the one held */
	OPENER_LOST
};

/* On a SOCK_SEQPACKET pair, with at most one descriptor (SCM_RIGHTS). */
struct opener_record {
	uint32_t type;
	uint32_t kind;
	char words[LOG_PATH_MAX];
};

struct opener_start {
	const struct options *options;
	const struct config *config;
	struct sockets *sockets; /* its names are taken over */
	const struct privilege *privilege;
	const int *unwanted; /* descriptors that are other processes' */
	size_t unwanted_count;
};

/*
 * Fork it; *engine_end is for the engine. Its pid, or the process ends, having
 * logged.
 */
pid_t opener_start(const struct opener_start *start, int *engine_end);

/* Say a word. 0, or -1 with errno. */
int opener_say(int channel, enum opener_word word);

/*
 * One record, and its descriptor or -1. 1; 0: the opener is gone; -1 with
 * errno: EAGAIN, or EPROTO for one that is none.
 */
int opener_receive(int channel, struct opener_record *record, int *fd);

#endif
