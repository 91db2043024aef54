#include "supervisor/named_file.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/sockios.h>
#include <linux/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINK_MAX_BYTES sizeof("/proc/self/fd/-2147483648")

static int
open_path(const char *path)
{
	return open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int
give_up(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

/*
 * The kernel tells who has CAP_NET_ADMIN. Others have to look at the name, and
 * may be shown another socket, but none that is another user's.
 */
static int
open_bound(int socket, const char *path)
{
	struct stat status;
	int fd = ioctl(socket, SIOCUNIXFILE);

	if (fd != -1)
		return fd;
	fd = open_path(path);
	if (fd == -1)
		return -1;
	if (fstat(fd, &status) == -1)
		return give_up(fd, errno);
	if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
		return give_up(fd, ESTALE);
	return fd;
}

int
named_file_find(int socket, const char *path, struct named_file *file)
{
	struct stat status;
	int fd = open_bound(socket, path);

	if (fd == -1)
		return -1;
	if (fstat(fd, &status) == -1)
		return give_up(fd, errno);
	*file = (struct named_file){ .device = status.st_dev,
		.number = status.st_ino };
	return fd;
}

int
named_file_open(const char *path, const struct named_file *file)
{
	struct stat status;
	int fd = open_path(path);

	if (fd == -1)
		return -1;
	if (fstat(fd, &status) == -1)
		return give_up(fd, errno);
	if (status.st_dev != file->device || status.st_ino != file->number)
		return give_up(fd, ESTALE);
	return fd;
}

int
named_file_check(const char *path, const struct named_file *file)
{
	int fd = named_file_open(path, file);

	return fd == -1 ? -1 : close(fd);
}

int
named_file_give(int fd, uid_t owner, gid_t group)
{
	return fchownat(fd, "", owner, group, AT_EMPTY_PATH);
}

/* fchmod(2) does not take such a descriptor. */
int
named_file_set_mode(int fd, mode_t mode)
{
	char link[LINK_MAX_BYTES];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return chmod(link, mode);
}

/*
 * Nobody who takes names by the rules takes this one in between: the socket is
 * open still, and answers.
 */
int
named_file_remove(const char *path, const struct named_file *file)
{
	return named_file_check(path, file) == 0 ? unlink(path) : -1;
}

const char *
named_file_error(void)
{
	return errno == ESTALE ? "something else has its name by now" :
				 strerror(errno);
}
