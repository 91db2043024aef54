/*
 * What arrived in each short slice of time, as lines of a file: the slice's
 * begin (CLOCK_REALTIME, milliseconds), datagrams, bytes, longest delay in
 * milliseconds. Slices in which nothing arrived have no line.
 */
#ifndef TESTS_SERIES_H
#define TESTS_SERIES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SERIES_SLICE_MS 20

struct series {
	FILE *file;	   /* NULL: none is kept */
	int64_t offset_ns; /* from CLOCK_MONOTONIC to CLOCK_REALTIME */
	int64_t slice;	   /* the number of the one being filled */
	uint64_t datagrams;
	uint64_t bytes;
	uint64_t delay_max_ns;
};

/* Ends the program if the file cannot be made. path NULL: keep none. */
void series_open(struct series *series, const char *path);
void series_close(struct series *series);

void series_add(struct series *series, size_t bytes, uint64_t delay_ns,
    uint64_t now_ns);

#endif
