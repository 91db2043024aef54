#include "supervisor/engine/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"

#define LINE_BYTES_MAX (2 * MESSAGE_SECRET_MAX)
#define TEXT_BYTES_MAX (MESSAGE_HOPS_MAX * LINE_BYTES_MAX)

static int
complain(char *error, const struct config_path *path, const char *words)
{
	snprintf(error, KEY_ERROR_MAX, "%.300s: %s",
	    path->auth[0] != '\0' ? path->auth : "auth", words);
	return -1;
}

/* The length, or -1 with errno; EFBIG when there is more. */
static ssize_t
read_text(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t count;

	do {
		count = read(fd, text + used, size - used);
		if (count > 0)
			used += (size_t)count;
	} while ((count > 0 && used < size) || (count == -1 && errno == EINTR));
	if (used == size)
		errno = EFBIG;
	return count == -1 || used == size ? -1 : (ssize_t)used;
}

/* The next proxy from hop on, NULL when there is none. */
static struct address_uri *
skip_relays(const struct config_path *path, struct address_uri *hop)
{
	while (hop < path->hops + path->hops_count && hop->kind == HOP_TCP)
		hop++;
	return hop < path->hops + path->hops_count ? hop : NULL;
}

static int
set_all(struct config_path *path, const char *text, const char *end,
    char *error)
{
	struct address_uri *hop = skip_relays(path, path->hops);
	const char *line_end, *why;

	for (; text < end; text = line_end + 1) {
		line_end = memchr(text, '\n', (size_t)(end - text));
		if (line_end == NULL)
			line_end = end;
		if (hop == NULL)
			return complain(error, path, "more lines than proxies");
		if (line_end > text &&
		    address_set_credentials(hop, text,
			(size_t)(line_end - text), &why) == -1)
			return complain(error, path, why);
		hop = skip_relays(path, hop + 1);
	}
	return hop == NULL ? 0 :
			     complain(error, path, "fewer lines than proxies");
}

int
credentials_set(struct config_path *path, const char *text, size_t bytes,
    char error[KEY_ERROR_MAX])
{
	return set_all(path, text, text + bytes, error);
}

int
credentials_read(struct config_path *path, char error[KEY_ERROR_MAX])
{
	char text[TEXT_BYTES_MAX];
	int fd, result;
	ssize_t length;

	if (path->auth[0] == '\0')
		return 0;
	fd = key_open_file(path->auth, error);
	if (fd == -1)
		return -1;
	length = read_text(fd, text, sizeof(text));
	result = length == -1 ? complain(error, path, strerror(errno)) :
				set_all(path, text, text + length, error);
	close(fd);
	key_wipe(text, sizeof(text));
	return result;
}
