/*
 * socktopusctl status: ask the running processes, show what they say.
 */
#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include <stdbool.h>
#include <stdio.h>

struct gather;

/* All that was answered, as JSON. 0, or -1 without memory. */
int status_write_json(const struct gather *gather, FILE *stream);

/*
 * Of one socket, or of all that are found when it is NULL; of the tunnels of
 * one name, or of all. Returns the exit status: failure if one of them failed,
 * or if there is none.
 */
int status_show(const char *socket, const char *tunnel, bool json);

#endif
