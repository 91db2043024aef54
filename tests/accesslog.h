/*
 * Access log lines in the Combined Log Format, made up from a seed.
 */
#ifndef TESTS_ACCESSLOG_H
#define TESTS_ACCESSLOG_H

#include <stddef.h>
#include <stdint.h>

#define ACCESSLOG_LINE_MAX 1024

struct accesslog {
	uint64_t state; /* of the chance generator */
	uint64_t lines;
	int64_t stamp_s; /* that time[] shows */
	char time[32];
};

/* The same seed makes the same lines. */
void accesslog_init(struct accesslog *log, uint64_t seed);

/* The next line, without a newline; returns its length. */
size_t accesslog_line(struct accesslog *log, char line[ACCESSLOG_LINE_MAX]);

#endif
