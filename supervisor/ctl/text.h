/*
 * The status for people: one block a tunnel, one row a path.
 */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct reply;

#define TEXT_CELL_MAX 32

/*
 * "512 B", "1.50 KiB"; "250 ms", "12 s", "2 h 3 min": the two largest units.
 * Both return cell.
 */
char *text_bytes(uint64_t bytes, char cell[TEXT_CELL_MAX]);
char *text_time(uint64_t ms, char cell[TEXT_CELL_MAX]);

/*
 * Write what the process behind a socket answered. Nothing but printable
 * ASCII reaches the stream, besides the colours of our own.
 */
void text_write(const struct reply *reply, const char *socket, bool colours,
    FILE *stream);

#endif
