#include "supervisor/ctl/find.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
is_trusted(int fd, bool owned)
{
	struct stat status;

	if (fstat(fd, &status) == -1 || (status.st_mode & S_IWOTH) != 0)
		return false;
	return !owned || status.st_uid == 0 || status.st_uid == geteuid();
}

static int
open_folder(struct find_list *list, const char *folder, bool owned)
{
	int fd;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		if (errno == EACCES && list->denied == NULL)
			list->denied = strdup(folder);
		return -1;
	}
	if (is_trusted(fd, owned))
		return fd;
	close(fd);
	return -1;
}

static bool
is_socket(int folder, const char *name)
{
	size_t length = strlen(name);
	struct stat status;

	return length > 5 && strcmp(name + length - 5, ".sock") == 0 &&
	    fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISSOCK(status.st_mode);
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
find_in_folder(struct find_list *list, const char *folder, bool owned)
{
	size_t first = list->count;
	struct dirent *entry;
	DIR *dir;
	int fd;

	fd = open_folder(list, folder, owned);
	if (fd == -1)
		return;
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return;
	}
	while (list->count < FIND_MAX && (entry = readdir(dir)) != NULL)
		if (is_socket(fd, entry->d_name) &&
		    asprintf(&list->path[list->count], "%s/%s", folder,
			entry->d_name) != -1)
			list->count++;
	closedir(dir);
	qsort(list->path + first, list->count - first, sizeof(list->path[0]),
	    compare_paths);
}

void
find_sockets(struct find_list *list)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char folder[PATH_MAX];

	memset(list, 0, sizeof(*list));
	find_in_folder(list, "/run/socktopus", false);
	if (runtime != NULL && runtime[0] == '/' &&
	    snprintf(folder, sizeof(folder), "%s/socktopus", runtime) <
		(int)sizeof(folder))
		find_in_folder(list, folder, true);
	snprintf(folder, sizeof(folder), "/tmp/socktopus-%lu",
	    (unsigned long)geteuid());
	find_in_folder(list, folder, true);
}

void
find_free(struct find_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->path[i]);
	free(list->denied);
	memset(list, 0, sizeof(*list));
}
