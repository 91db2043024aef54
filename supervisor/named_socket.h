/*
 * A local socket's name in the file system: made, taken over from a process
 * that is gone, never from one that lives.
 */
#ifndef SUPERVISOR_NAMED_SOCKET_H
#define SUPERVISOR_NAMED_SOCKET_H

#include <sys/types.h>

#include <stdbool.h>

#define NAMED_SOCKET_WHY_MAX 256

struct named_file;

struct named_socket {
	const char *path;
	char *why;		 /* room for NAMED_SOCKET_WHY_MAX */
	struct named_file *file; /* what was bound */
	int type;		 /* SOCK_STREAM and SOCK_SEQPACKET listen */
	mode_t mode;
	uid_t owner;
	gid_t group;
	bool insist; /* else it stays ours where it cannot be given away */
};

/*
 * Bind at the path, its folder made (0750, the owner's) if it is missing. The
 * socket is given to owner and group when this process is root, or if it is
 * insisted on. Refuses a folder in which somebody else could put another
 * socket, and a socket that answers. Returns the descriptor, close-on-exec and
 * non-blocking, or -1 with a line in named->why.
 */
int named_socket_open(const struct named_socket *named);

#endif
