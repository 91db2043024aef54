/*
 * The control socket's name in the file system: made, taken over from a
 * process that is gone, never from one that lives.
 */
#ifndef SUPERVISOR_CONTROL_SOCKET_H
#define SUPERVISOR_CONTROL_SOCKET_H

#include <sys/types.h>

/*
 * Bind and listen at path, mode 0600, its folder made (0750) if it is missing;
 * both are given to owner and group when this process is root; without
 * CAP_CHOWN the socket stays root's. Refuses a folder in which somebody else
 * could put another socket, and a socket that answers. Returns the descriptor,
 * or -1 having logged why.
 */
int control_socket_open(const char *path, uid_t owner, gid_t group);

#endif
