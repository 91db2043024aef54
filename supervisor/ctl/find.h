/*
 * The control sockets of running processes, where they are by default.
 */
#ifndef CTL_FIND_H
#define CTL_FIND_H

#include <stdbool.h>
#include <stddef.h>

#define FIND_MAX 64

struct find_list {
	char *path[FIND_MAX]; /* owned */
	size_t count;
	char *denied; /* a folder that could not be read, or NULL */
};

/*
 * Append the sockets named *.sock of one folder, in the order of their names.
 * A folder that is not there, is a symbolic link, can be written by others
 * or, if owned is set, belongs neither to the caller nor to root, has none.
 */
void find_in_folder(struct find_list *list, const char *folder, bool owned);

/*
 * All of /run/socktopus, $XDG_RUNTIME_DIR/socktopus and /tmp/socktopus-UID.
 * The first may have any owner: only root can make it.
 */
void find_sockets(struct find_list *list);
void find_free(struct find_list *list);

#endif
