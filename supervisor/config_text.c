#include "supervisor/config_text.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"

#define FILE_MAX_BYTES (1024 * 1024)
#define DEPTH_MAX 10 /* libconfig's */
#define FILES_MAX 1000

/* Fills text, FILE_MAX_BYTES, with the file and a NUL. 0, or an errno. */
static int
fill(int fd, char *text)
{
	size_t used = 0;
	ssize_t length;

	do {
		length = read(fd, text + used, FILE_MAX_BYTES - used);
		if (length > 0)
			used += (size_t)length;
	} while (length > 0 || (length == -1 && errno == EINTR));
	if (length == -1)
		return errno;
	if (used == FILE_MAX_BYTES) {
		text[used - 1] = '\0';
		return EFBIG;
	}
	text[used] = '\0';
	return strlen(text) == used ? 0 : EILSEQ;
}

char *
config_text_read(const char *file)
{
	char *text;
	int code, fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return NULL;
	text = calloc(1, FILE_MAX_BYTES);
	code = text == NULL ? ENOMEM : fill(fd, text);
	close(fd);
	if (code == 0)
		return text;
	config_text_free(text);
	errno = code;
	return NULL;
}

void
config_text_free(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* The path of a line `@include "PATH"` into path; false: it is not one. */
static bool
take_include(const char *line, char path[PATH_MAX])
{
	static const char word[] = "@include";
	size_t used = 0;

	line += strspn(line, " \t");
	if (strncmp(line, word, sizeof(word) - 1) != 0)
		return false;
	line += sizeof(word) - 1;
	line += strspn(line, " \t");
	if (*line++ != '"')
		return false;
	for (; *line != '"' && *line != '\n' && *line != '\0'; line++) {
		if (*line == '\\' && (line[1] == '\\' || line[1] == '"'))
			line++;
		if (used == PATH_MAX - 1)
			return false;
		path[used++] = *line;
	}
	path[used] = '\0';
	return *line == '"';
}

/* How far it went into includes. */
struct inclusion {
	int depth;
	int files; /* in all */
};

static int check_text(const char *text, const char *name,
    struct inclusion *inclusion, char *error);

/* What does not exist is left to libconfig's own complaint. */
static int
check_file(const char *path, const char *name, int line,
    struct inclusion *inclusion, char *error)
{
	struct stat status;
	char *text;
	int result;

	if (stat(path, &status) == -1)
		return 0;
	text = S_ISREG(status.st_mode) ? config_text_read(path) : NULL;
	if (text == NULL) {
		snprintf(error, CONFIG_ERROR_MAX,
		    "%s:%d: %.300s cannot be "
		    "included: %s",
		    name, line, path,
		    S_ISREG(status.st_mode) ? strerror(errno) :
					      "it is not a regular file");
		return -1;
	}
	inclusion->depth++;
	result = check_text(text, path, inclusion, error);
	inclusion->depth--;
	config_text_free(text);
	return result;
}

/* Files that include others twice and more would be a great many. */
static int
check_line(const char *text, const char *name, int line,
    struct inclusion *inclusion, char *error)
{
	char path[PATH_MAX];

	if (!take_include(text, path))
		return 0;
	if (++inclusion->files <= FILES_MAX)
		return check_file(path, name, line, inclusion, error);
	snprintf(error, CONFIG_ERROR_MAX,
	    "%s:%d: more than %d files are included", name, line, FILES_MAX);
	return -1;
}

static int
check_text(const char *text, const char *name, struct inclusion *inclusion,
    char *error)
{
	int line = 1;

	while (inclusion->depth < DEPTH_MAX) {
		if (check_line(text, name, line, inclusion, error) == -1)
			return -1;
		text = strchr(text, '\n');
		if (text == NULL)
			break;
		text++;
		line++;
	}
	return 0;
}

int
config_text_check_includes(const char *text, const char *name, char *error)
{
	struct inclusion inclusion = { 0 };

	return check_text(text, name, &inclusion, error);
}
