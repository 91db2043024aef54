/*
 * The folder is locked from the look at an old socket until the new one
 * listens, so of two processes that start at once on one name the later finds
 * the earlier one's socket answering.
 */
#include "supervisor/control_socket.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "supervisor/log.h"

#define CONTROL_BACKLOG 16
#define LOCK_TRIES 200
#define ANSWER_TRIES 50
#define PAUSE_MS 10

static int
failed(const char *path, const char *what)
{
	log_error(NULL, "control socket %s: %s: %s", path, what,
	    strerror(errno));
	return -1;
}

static int
refused(const char *path, const char *why)
{
	log_error(NULL, "control socket %s: %s", path, why);
	return -1;
}

static int
fill_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlcpy(address->sun_path, path, sizeof(address->sun_path)) <
	    sizeof(address->sun_path))
		return 0;
	log_error(NULL,
	    "control socket %s: the path has %zu bytes, at most "
	    "%zu are possible",
	    path, strlen(path), sizeof(address->sun_path) - 1);
	return -1;
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
open_folder(const char *path, uid_t owner, gid_t group)
{
	char folder[PATH_MAX];
	bool made;
	int fd;

	split_folder(path, folder);
	made = mkdir(folder, 0750) == 0;
	if (!made && errno != EEXIST)
		return failed(path, "make its folder");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return failed(path, "open its folder");
	if (made &&
	    (fchmod(fd, 0750) == -1 ||
		(geteuid() == 0 && fchown(fd, owner, group) == -1))) {
		failed(path, "set up its folder");
		close(fd);
		return -1;
	}
	if (!is_safe_folder(fd, owner)) {
		refused(path, "others can write in its folder");
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
answers(const struct sockaddr_un *address)
{
	int fd, result, error;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	result = connect(fd, (const struct sockaddr *)address,
	    sizeof(*address));
	error = errno;
	close(fd);
	if (result == 0 || error == EAGAIN)
		return 1;
	errno = error;
	return error == ECONNREFUSED ? 0 : -1;
}

/* The engine of a supervisor that was just killed answers a moment longer. */
static int
answers_still(const struct sockaddr_un *address)
{
	int result = answers(address);

	for (int i = 0; result == 1 && i < ANSWER_TRIES; i++) {
		pause_briefly();
		result = answers(address);
	}
	return result;
}

/* Make way for a new socket; -1 having logged. */
static int
clear_name(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status) == -1)
		return errno == ENOENT ? 0 : failed(path, "look at it");
	if (!S_ISSOCK(status.st_mode))
		return refused(path, "something else has this name");
	switch (answers_still(address)) {
	case 0:
		if (unlink(path) == -1)
			return failed(path, "remove the old one");
		return 0;
	case 1:
		return refused(path, "in use by another socktopus");
	}
	return failed(path, "try the old one");
}

static int
bind_name(int fd, const struct sockaddr_un *address, uid_t owner, gid_t group)
{
	const char *path = address->sun_path;
	mode_t mask = umask(0177);
	int result;

	result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(mask);
	if (result == -1)
		return failed(path, "bind");
	/* Without CAP_CHOWN it remains root's, who may ask as well. */
	if (geteuid() == 0 && lchown(path, owner, group) == -1 &&
	    errno != EPERM)
		return failed(path, "give it to its user");
	if (listen(fd, CONTROL_BACKLOG) == -1)
		return failed(path, "listen");
	return 0;
}

static int
open_in_folder(const struct sockaddr_un *address, uid_t owner, gid_t group)
{
	int fd;

	if (clear_name(address) == -1)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return failed(address->sun_path, "socket");
	if (bind_name(fd, address, owner, group) == 0)
		return fd;
	close(fd);
	return -1;
}

int
control_socket_open(const char *path, uid_t owner, gid_t group)
{
	struct sockaddr_un address;
	int folder, fd;

	if (fill_address(&address, path) == -1)
		return -1;
	folder = open_folder(path, owner, group);
	if (folder == -1)
		return -1;
	if (lock_folder(folder) == -1)
		fd = failed(path, "lock its folder");
	else
		fd = open_in_folder(&address, owner, group);
	close(folder);
	return fd;
}
