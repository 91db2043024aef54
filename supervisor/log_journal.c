/*
 * A local socket that is never read fills up, and the service manager keeps
 * the journal's open while nobody reads: hence it does not block. Values are
 * one line each, so the form with a length is of no use here.
 */
#include "supervisor/log_journal.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <bsd/string.h>

#define DATAGRAM_MAX 4096

bool
log_journal_reads(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat status;
	char end;

	return stream != NULL &&
	    sscanf(stream, "%" SCNu64 ":%" SCNu64 "%c", &device, &inode,
		&end) == 2 &&
	    fstat(fd, &status) == 0 && status.st_dev == device &&
	    status.st_ino == inode;
}

int
log_journal_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, saved;

	if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >=
	    sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
	    0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A tunnel's name has no slash, and a URI has. */
static int
write_subject(char *text, size_t bytes, const struct log_journal_entry *entry)
{
	const char *path;
	size_t name_bytes = entry->subject_bytes;

	if (name_bytes == 0)
		return 0;
	path = memchr(entry->subject, '/', name_bytes);
	if (path == NULL)
		return snprintf(text, bytes, "SOCKTOPUS_TUNNEL=%.*s\n",
		    (int)name_bytes, entry->subject);
	name_bytes = (size_t)(path - entry->subject);
	return snprintf(text, bytes,
	    "SOCKTOPUS_TUNNEL=%.*s\nSOCKTOPUS_PATH=%.*s\n", (int)name_bytes,
	    entry->subject, (int)(entry->subject_bytes - name_bytes - 1),
	    path + 1);
}

bool
log_journal_send(int fd, const struct log_journal_entry *entry)
{
	char text[DATAGRAM_MAX];
	size_t length;
	ssize_t written;

	length = (size_t)snprintf(text, sizeof(text),
	    "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=socktopus\n"
	    "SOCKTOPUS_ROLE=%s\n",
	    entry->priority, LOG_FAC(LOG_DAEMON), entry->role);
	if (length < sizeof(text))
		length += (size_t)write_subject(text + length,
		    sizeof(text) - length, entry);
	if (length < sizeof(text))
		length += (size_t)snprintf(text + length, sizeof(text) - length,
		    "MESSAGE=%.*s\n", (int)entry->message_bytes,
		    entry->message);
	if (length >= sizeof(text)) {
		errno = EMSGSIZE;
		return false;
	}
	do
		written = write(fd, text, length);
	while (written == -1 && errno == EINTR);
	return written != -1;
}
