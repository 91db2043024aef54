/*
 * What watch has to show: a line for each tunnel and each path, kept so that
 * it can be drawn again without asking anybody.
 */
#ifndef CTL_WATCH_LINES_H
#define CTL_WATCH_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/ctl/graph.h"

#define WATCH_TEXT_MAX 512
#define WATCH_CELL_MAX 16

struct gather;
struct watch_why;

enum watch_colour {
	WATCH_NONE,
	WATCH_GOOD,
	WATCH_BUSY,
	WATCH_BAD,
	WATCH_GRAPH
};

/* An empty one stands before each tunnel. All text is printable ASCII. */
struct watch_line {
	char text[WATCH_TEXT_MAX];  /* what is to be said, or a path's URI */
	bool title;		    /* of a tunnel */
	char state[WATCH_CELL_MAX]; /* only of a path, and the rest too */
	char rtt[WATCH_CELL_MAX];
	char tx[WATCH_CELL_MAX];
	char rx[WATCH_CELL_MAX];
	enum watch_colour colour;
	const struct graph_path *samples; /* or NULL */
};

/* Zeroed before its first use. */
struct watch_lines {
	struct watch_line *lines; /* owned */
	size_t count;
	size_t longest; /* URI */
	struct graph graph;
};

/*
 * Show this answer, with what is known of the limits, and add it to what is
 * remembered.
 */
void watch_lines_update(struct watch_lines *seen, const struct gather *gather,
    const struct watch_why *why);
void watch_lines_free(struct watch_lines *seen);

#endif
