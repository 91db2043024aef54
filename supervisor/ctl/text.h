/*
 * The status for people: one block a tunnel, one row a path.
 */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct reply;

struct text_form {
	bool colours;
	size_t width; /* of the terminal; 0: whatever it takes */
};

/*
 * Write what the process behind a socket answered. Nothing but printable
 * ASCII reaches the stream, besides the colours of our own.
 */
void text_write(const struct reply *reply, const char *socket,
    const struct text_form *form, FILE *stream);

#endif
