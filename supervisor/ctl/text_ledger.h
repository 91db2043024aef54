/*
 * A tunnel's books as a line for people.
 */
#ifndef CTL_TEXT_LEDGER_H
#define CTL_TEXT_LEDGER_H

#include <stddef.h>
#include <stdio.h>

struct reply;

#define TEXT_LEDGER_MAX 512

/*
 * "out 5 kernel, 2 no_room; in 1 late": what was lost in either direction of a
 * tunnel, by the names of the ledger, or "none". Returns text.
 */
char *text_ledger_losses(const struct reply *reply, size_t tunnel,
    char text[TEXT_LEDGER_MAX]);

/* The record, one of the kind "ledger"; nothing if nothing came in. */
void text_ledger_write(const struct reply *reply, size_t record, FILE *stream);

#endif
