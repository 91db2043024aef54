#include "supervisor/log_syslog.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#define DATAGRAM_MAX 2048

static int
connect_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >=
	    sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

int
log_syslog_open(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd != -1)
		(void)connect_to(fd, path);
	return fd;
}

static bool
send_text(int fd, const char *text, size_t bytes)
{
	ssize_t written;

	do
		written = write(fd, text, bytes);
	while (written == -1 && errno == EINTR);
	return written != -1;
}

static size_t
write_head(char *text, size_t bytes, int priority)
{
	time_t now = time(NULL);
	char stamp[32] = "";
	struct tm local;

	if (localtime_r(&now, &local) != NULL)
		strftime(stamp, sizeof(stamp), "%b %e %T", &local);
	return (size_t)snprintf(text, bytes,
	    "<%d>%s socktopus[%d]: ", LOG_DAEMON | priority, stamp,
	    (int)getpid());
}

bool
log_syslog_send(int fd, const char *path, int priority, const char *text,
    size_t bytes)
{
	char datagram[DATAGRAM_MAX];
	size_t length = write_head(datagram, sizeof(datagram), priority);

	length += (size_t)snprintf(datagram + length, sizeof(datagram) - length,
	    "%.*s", (int)bytes, text);
	if (length >= sizeof(datagram)) {
		errno = EMSGSIZE;
		return false;
	}
	if (send_text(fd, datagram, length))
		return true;
	if (errno == EAGAIN || connect_to(fd, path) == -1)
		return false;
	return send_text(fd, datagram, length);
}
