/*
 * One value, as people read it.
 */
#ifndef CTL_CELL_H
#define CTL_CELL_H

#include <stddef.h>
#include <stdint.h>

#define CELL_MAX 32

/*
 * "512 B", "1.50 KiB"; "250 ms", "12 s", "2 h 3 min": the two largest units.
 * Both return cell.
 */
char *cell_bytes(uint64_t bytes, char cell[CELL_MAX]);
char *cell_time(uint64_t ms, char cell[CELL_MAX]);

/*
 * A copy of text, cut to size bytes, that cannot steer a terminal: every byte
 * outside printable ASCII is a question mark. Returns to.
 */
char *cell_printable(char *to, size_t size, const char *text);

#endif
