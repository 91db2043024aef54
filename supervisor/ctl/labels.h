/*
 * What a metric is about: the records of all answers, each with the labels
 * that tell it from the others.
 */
#ifndef CTL_LABELS_H
#define CTL_LABELS_H

#include <stddef.h>
#include <stdio.h>

struct gather;
struct reply;

struct labels_row {
	const char *socket;
	const struct reply *reply;
	size_t record;
	const char *kind; /* "process", "tunnel", "drop", "ledger", "path" */
	char *text; /* owned: `socket="...",tunnel="..."`, escaped, ASCII */
	unsigned int number; /* 2 and more where others have the same text */
};

struct labels {
	struct labels_row *rows; /* owned; in the order of the answers */
	size_t count;
};

/* The gathering must live as long. 0, or -1 without memory. */
int labels_make(struct labels *labels, const struct gather *gather);
void labels_free(struct labels *labels);

/* `name="value"`; what would end or alter a line is escaped or a '?'. */
void labels_write(FILE *stream, const char *name, const char *value);

#endif
