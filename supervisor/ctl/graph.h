/*
 * What watch remembers of each path: the last rates and round trips. Pure.
 */
#ifndef CTL_GRAPH_H
#define CTL_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#define GRAPH_SAMPLES 256
#define GRAPH_LEVELS 8

struct graph_path {
	char *key;		    /* owned */
	double rate[GRAPH_SAMPLES]; /* bytes a second, both ways */
	double rtt_ms[GRAPH_SAMPLES];
	size_t count; /* samples, the newest last */
	bool fresh;   /* has one of this round */
};

struct graph {
	struct graph_path **paths; /* owned */
	size_t count;
};

/*
 * A round of samples: begin, add each path under a key of its own, end, which
 * forgets the paths that had none. The path that graph_add() returns is valid
 * until then; NULL without memory.
 */
void graph_begin(struct graph *graph);
const struct graph_path *
graph_add(struct graph *graph, const char *key, double rate, double rtt_ms);
void graph_end(struct graph *graph);
void graph_free(struct graph *graph);

/*
 * How high each of the newest samples stands, the newest at the right of
 * width: 1 to GRAPH_LEVELS, 0 where there is none yet. The highest shown is at
 * the top; of zeros all are at the bottom.
 */
void graph_levels(const double *samples, size_t count, unsigned char *levels,
    size_t width);

#endif
