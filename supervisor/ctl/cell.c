#include "supervisor/ctl/cell.h"

#include <inttypes.h>
#include <stdio.h>

char *
cell_bytes(uint64_t bytes, char cell[CELL_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB",
		"EiB" };
	double amount = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(cell, CELL_MAX, "%" PRIu64 " B", bytes);
		return cell;
	}
	while (amount >= 1024 && unit < 5) {
		amount /= 1024;
		unit++;
	}
	snprintf(cell, CELL_MAX, "%.2f %s", amount, units[unit]);
	return cell;
}

char *
cell_time(uint64_t ms, char cell[CELL_MAX])
{
	uint64_t s = ms / 1000;

	if (s == 0)
		snprintf(cell, CELL_MAX, "%" PRIu64 " ms", ms);
	else if (s < 60)
		snprintf(cell, CELL_MAX, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(cell, CELL_MAX, "%" PRIu64 " min %" PRIu64 " s",
		    s / 60, s % 60);
	else if (s < 86400)
		snprintf(cell, CELL_MAX, "%" PRIu64 " h %" PRIu64 " min",
		    s / 3600, s / 60 % 60);
	else
		snprintf(cell, CELL_MAX, "%" PRIu64 " d %" PRIu64 " h",
		    s / 86400, s / 3600 % 24);
	return cell;
}

char *
cell_printable(char *to, size_t size, const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++)
		to[i] = text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?';
	to[i] = '\0';
	return to;
}
