/*
 * A tunnel's books as a line for people.
 */
#ifndef CTL_TEXT_LEDGER_H
#define CTL_TEXT_LEDGER_H

#include <stddef.h>
#include <stdio.h>

struct reply;

/* The record, one of the kind "ledger"; nothing if nothing came in. */
void text_ledger_write(const struct reply *reply, size_t record, FILE *stream);

#endif
