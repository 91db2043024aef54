/*
 * One question to a control socket. The process behind it is not trusted: time
 * and size are bounded.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <stddef.h>

#define CLIENT_TIMEOUT_MS 5000
#define CLIENT_ANSWER_MAX ((size_t)16 << 20)
#define CLIENT_ERROR_MAX 256
#define CLIENT_REQUEST_MAX 4096 /* with its newline */
/* A socket, or the folder of it, that is not for us. */
#define CLIENT_DENIED                                          \
	"Permission denied: root, the service's user and the " \
	"members of its control_group may"

enum client_result {
	CLIENT_OK,
	CLIENT_STALE, /* nobody listens there */
	CLIENT_FAILED
};

/*
 * Send the command as one line and read until the other side closes or its
 * last line ("end" or "error ...") is there, all within about timeout_ms. On
 * CLIENT_OK *answer is a new string of *bytes bytes and a NUL; else error says
 * why.
 */
enum client_result client_ask(const char *path, const char *command,
    int timeout_ms, char **answer, size_t *bytes, char error[CLIENT_ERROR_MAX]);

#endif
