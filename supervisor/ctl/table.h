/*
 * A tunnel's paths for people: a row each.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct reply;
struct text_form;

/*
 * Of the tunnel that is this record; where the terminal is too narrow, the
 * columns that matter least are left out. Nothing but printable ASCII, besides
 * colours.
 */
void table_write(const struct reply *reply, size_t tunnel,
    const struct text_form *form, FILE *stream);

#endif
