/*
 * socktopusctl status: ask the running processes, show what they say.
 */
#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include <stdbool.h>

/*
 * Of one socket, or of all that are found when it is NULL. Returns the exit
 * status: failure if one of them failed, or if there is none.
 */
int status_show(const char *socket, bool json);

#endif
