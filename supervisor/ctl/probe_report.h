/*
 * The outcome of a probe, for people and as JSON.
 */
#ifndef CTL_PROBE_REPORT_H
#define CTL_PROBE_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "supervisor/ctl/probe_link.h"

struct probe_outcome {
	const struct probe_target *target;
	struct probe_link first; /* the steps, and how it ended */
	uint64_t handshake_us;	 /* 0: none */
	struct probe_count idle; /* without load */
	struct probe_count one;	 /* one connection loaded */
	uint64_t one_bytes_s;
	unsigned int many; /* connections, 0: not tried */
	uint64_t many_bytes_s;
	uint64_t queue_bytes;	     /* what stood on the way under load */
	char words[PROBE_WORDS_MAX]; /* why it failed, or empty */
};

/* 0, or -1: standard output failed, or there was no memory. */
int probe_report_text(const struct probe_outcome *outcome, FILE *stream);
int probe_report_json(const struct probe_outcome *outcome, FILE *stream);

#endif
