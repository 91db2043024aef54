/*
 * The folder is locked from the look at an old socket until the new one
 * listens, so of two processes that start at once on one name the later finds
 * the earlier one's socket answering.
 */
#include "supervisor/named_socket.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "supervisor/log.h"
#include "supervisor/named_file.h"

#define BACKLOG 16
#define LOCK_TRIES 200
#define ANSWER_TRIES 50
#define PAUSE_MS 10

static int refuse(const struct named_socket *named, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int
refuse(const struct named_socket *named, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(named->why, NAMED_SOCKET_WHY_MAX, format, arguments);
	va_end(arguments);
	return -1;
}

static int
failed(const struct named_socket *named, const char *step)
{
	return refuse(named, "socket %s: %s: %s", named->path, step,
	    strerror(errno));
}

static int
refused(const struct named_socket *named, const char *why)
{
	return refuse(named, "socket %s: %s", named->path, why);
}

static int
fill_address(struct sockaddr_un *address, const struct named_socket *named)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlcpy(address->sun_path, named->path, sizeof(address->sun_path)) <
	    sizeof(address->sun_path))
		return 0;
	return refuse(named,
	    "socket %s: the path has %zu bytes, at most %zu are possible",
	    named->path, strlen(named->path), sizeof(address->sun_path) - 1);
}

/* The folder part of path, as dirname(3) has it. */
static void
split_folder(const char *path, char folder[PATH_MAX])
{
	char *slash;

	strlcpy(folder, path, PATH_MAX);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		strlcpy(folder, ".", PATH_MAX);
	else
		slash[slash == folder] = '\0';
}

/* Nobody but root, us and the owner may put things there. */
static bool
is_safe_folder(int fd, uid_t owner)
{
	struct stat status;

	if (fstat(fd, &status) == -1)
		return false;
	if (status.st_uid != 0 && status.st_uid != geteuid() &&
	    status.st_uid != owner)
		return false;
	return (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	    (status.st_mode & S_ISVTX) != 0;
}

/* Open the folder, made if need be; -1 having logged. */
static int
open_folder(const struct named_socket *named)
{
	char folder[PATH_MAX];
	bool made;
	int fd;

	split_folder(named->path, folder);
	made = mkdir(folder, 0750) == 0;
	if (!made && errno != EEXIST)
		return failed(named, "make its folder");
	/* What was just made is no link. */
	fd = open(folder,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (made ? O_NOFOLLOW : 0));
	if (fd == -1)
		return failed(named, "open its folder");
	if (made &&
	    (fchmod(fd, 0750) == -1 ||
		(geteuid() == 0 &&
		    fchown(fd, named->owner, named->group) == -1))) {
		failed(named, "set up its folder");
		close(fd);
		return -1;
	}
	if (!is_safe_folder(fd, named->owner)) {
		refused(named, "others can write in its folder");
		close(fd);
		return -1;
	}
	return fd;
}

static void
pause_briefly(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	nanosleep(&pause, NULL);
}

/* Anybody who can read the folder can hold the lock: do not wait for ever. */
static int
lock_folder(int folder)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(folder, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		pause_briefly();
	}
	errno = EBUSY;
	return -1;
}

/* Does anybody answer at the name? 1, 0, or -1 with errno. */
static int
answers(const struct sockaddr_un *address, int type)
{
	int fd, result, error;

	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	result = connect(fd, (const struct sockaddr *)address,
	    sizeof(*address));
	error = errno;
	close(fd);
	/* It is of another type, or tied to somebody else. */
	if (result == 0 || error == EAGAIN || error == EPROTOTYPE ||
	    error == EPERM)
		return 1;
	errno = error;
	/* Who is at his end removes his name, perhaps since it was looked at. */
	return error == ECONNREFUSED || error == ENOENT ? 0 : -1;
}

/* The engine of a supervisor that was just killed answers a moment longer. */
static int
answers_still(const struct sockaddr_un *address, int type)
{
	int result = answers(address, type);

	for (int i = 0; result == 1 && i < ANSWER_TRIES; i++) {
		pause_briefly();
		result = answers(address, type);
	}
	return result;
}

/* Make way for a new socket; -1 having logged. */
static int
clear_name(const struct sockaddr_un *address, const struct named_socket *named)
{
	struct stat status;

	if (lstat(named->path, &status) == -1)
		return errno == ENOENT ? 0 : failed(named, "look at it");
	if (!S_ISSOCK(status.st_mode))
		return refused(named, "something else has this name");
	switch (answers_still(address, named->type)) {
	case 0:
		if (unlink(named->path) == -1 && errno != ENOENT)
			return failed(named, "remove the old one");
		return 0;
	case 1:
		return refused(named, "in use by another process");
	}
	return failed(named, "try the old one");
}

static int
give_away(const struct named_socket *named, int file)
{
	if (geteuid() != 0 && !named->insist)
		return 0;
	if (named_file_give(file, named->owner, named->group) == 0)
		return 0;
	/* Without CAP_CHOWN it remains root's, who may ask as well. */
	return errno == EPERM && !named->insist ? 0 : -1;
}

/* What was bound gets its owner, and then it is heard. */
static int
set_up(int fd, const struct named_socket *named)
{
	int file = named_file_find(fd, named->path, named->file);
	int result;

	if (file == -1)
		return refused(named, named_file_error());
	result = give_away(named, file);
	if (result == -1)
		failed(named, "give it to its owner");
	else if (named->type != SOCK_DGRAM)
		result = listen(fd, BACKLOG) == 0 ? 0 : failed(named, "listen");
	close(file);
	if (result == -1)
		named_file_remove(named->path, named->file);
	return result;
}

static int
bind_name(int fd, const struct sockaddr_un *address,
    const struct named_socket *named)
{
	const gid_t before = getegid();
	mode_t mask = umask(~named->mode & 0777);
	int result;

	/*
	 * Root may take a group on even where it may not give files away; what
	 * failed here shows there.
	 */
	result = geteuid() == 0 ? setegid(named->group) : 0;
	result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(mask);
	if (setegid(before) == -1)
		log_fatal(NULL, "setegid: %s", strerror(errno));
	if (result == -1)
		return failed(named, "bind");
	return set_up(fd, named);
}

static int
open_in_folder(const struct sockaddr_un *address,
    const struct named_socket *named)
{
	int fd;

	if (clear_name(address, named) == -1)
		return -1;
	fd = socket(AF_UNIX, named->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return failed(named, "socket");
	if (bind_name(fd, address, named) == 0)
		return fd;
	close(fd);
	return -1;
}

int
named_socket_open(const struct named_socket *named)
{
	struct sockaddr_un address;
	int folder, fd;

	if (fill_address(&address, named) == -1)
		return -1;
	folder = open_folder(named);
	if (folder == -1)
		return -1;
	if (lock_folder(folder) == -1)
		fd = failed(named, "lock its folder");
	else
		fd = open_in_folder(&address, named);
	close(folder);
	return fd;
}
