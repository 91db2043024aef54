/*
 * The socket is connected while this process still may, and written to like a
 * file: later neither a socket can be made nor an address be given.
 */
#include "supervisor/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log.h"

#define TEXT_MAX 256
/* One sign of life may be late, and one be lost. */
#define ALIVE_SHARE 4

/* "/path" or "@abstract" into the address; its length, 0 for neither. */
static socklen_t
fill_address(struct sockaddr_un *address, const char *name)
{
	size_t length = strlen(name);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((name[0] != '/' && name[0] != '@') || length < 2 ||
	    length >= sizeof(address->sun_path))
		return 0;
	memcpy(address->sun_path, name, length);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* -1 with errno. */
static int
connect_to(const char *name)
{
	struct sockaddr_un address;
	socklen_t length = fill_address(&address, name);
	int fd, saved;

	if (length == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, length) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static uint64_t
read_number(const char *name)
{
	const char *text = getenv(name);
	unsigned long long value;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' ? value : 0;
}

/* It may have been meant for the process that started us. */
static uint64_t
read_watchdog(void)
{
	if (getenv("WATCHDOG_PID") != NULL &&
	    read_number("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	return read_number("WATCHDOG_USEC");
}

void
notify_open(struct notify *notify)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*notify = (struct notify){ .fd = -1 };
	if (name != NULL) {
		notify->fd = connect_to(name);
		if (notify->fd == -1)
			log_warn(NULL, "NOTIFY_SOCKET %s: %s", name,
			    strerror(errno));
		else
			notify->watchdog_us = read_watchdog();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
}

void
notify_close(struct notify *notify)
{
	if (notify->fd != -1)
		close(notify->fd);
	notify->fd = -1;
}

uint64_t
notify_alive_us(const struct notify *notify)
{
	return notify->watchdog_us / ALIVE_SHARE;
}

void
notify_send(const struct notify *notify, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;
	int length;

	if (notify == NULL || notify->fd == -1)
		return;
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length <= 0 || (size_t)length >= sizeof(text))
		return;
	if (write(notify->fd, text, (size_t)length) == -1)
		log_debug(NULL, "service manager: %s", strerror(errno));
}
