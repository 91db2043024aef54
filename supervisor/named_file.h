/*
 * The file of a local socket, which is no other than the one that was bound:
 * whoever may write in its folder can put something else at the name, a link
 * too, and none of it is touched here.
 */
#ifndef SUPERVISOR_NAMED_FILE_H
#define SUPERVISOR_NAMED_FILE_H

#include <sys/types.h>

/* No other file is the same for as long as the socket is open. */
struct named_file {
	dev_t device;
	ino_t number;
};

/*
 * Find the file of a socket that was just bound at the path. A descriptor
 * (O_PATH, close-on-exec), or -1 with errno.
 */
int named_file_find(int socket, const char *path, struct named_file *file);

/*
 * The same later on, by the path alone. -1 with errno: ENOENT, nothing has the
 * name; ESTALE, another file has it.
 */
int named_file_open(const char *path, const struct named_file *file);

/* The same, and no descriptor: 0 or -1. */
int named_file_check(const char *path, const struct named_file *file);

/* Of such a descriptor: chown(2) and chmod(2). 0, or -1 with errno. */
int named_file_give(int fd, uid_t owner, gid_t group);
int named_file_set_mode(int fd, mode_t mode);

/* Remove the name if it is the file's. 0, or -1 with errno, as above. */
int named_file_remove(const char *path, const struct named_file *file);

/* What errno says here. */
const char *named_file_error(void);

#endif
