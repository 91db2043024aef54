#include "supervisor/config_words.h"

#include <bsd/string.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_paths.h"
#include "supervisor/config_peers.h"
#include "supervisor/config_reader.h"
#include "supervisor/config_tunnels.h"

#define KEY_MAX 32

static int
fail(const struct config_reader *reader, const char *what, const char *which)
{
	snprintf(reader->error, CONFIG_ERROR_MAX, "%s%.200s", what, which);
	return -1;
}

/* A complaint begins with a file and a line, of which there is none. */
static void
strip_place(char *error)
{
	static const char place[] = ":0: ";

	if (strncmp(error, place, sizeof(place) - 1) == 0)
		memmove(error, error + sizeof(place) - 1,
		    strlen(error + sizeof(place) - 1) + 1);
}

static const struct config_key *
find_key(const struct config_key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static bool
set_number(config_setting_t *group, const char *key, const char *value)
{
	config_setting_t *setting = config_setting_add(group, key,
	    CONFIG_TYPE_INT64);
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 10);
	return errno == 0 && end != value && *end == '\0' && setting != NULL &&
	    config_setting_set_int64(setting, number) == CONFIG_TRUE;
}

static bool
set_bool(config_setting_t *group, const char *key, const char *value)
{
	config_setting_t *setting = config_setting_add(group, key,
	    CONFIG_TYPE_BOOL);
	bool is_true = strcmp(value, "true") == 0;

	return (is_true || strcmp(value, "false") == 0) && setting != NULL &&
	    config_setting_set_bool(setting, is_true) == CONFIG_TRUE;
}

static bool
set_text(config_setting_t *group, const char *key, const char *value)
{
	config_setting_t *setting = config_setting_add(group, key,
	    CONFIG_TYPE_STRING);

	return setting != NULL &&
	    config_setting_set_string(setting, value) == CONFIG_TRUE;
}

static bool
set_list(config_setting_t *group, const char *key, const char *value)
{
	config_setting_t *list = config_setting_add(group, key,
	    CONFIG_TYPE_LIST);
	char *copy = strdup(value), *rest = copy, *item;
	bool well = list != NULL && copy != NULL;

	while (well && (item = strsep(&rest, ",")) != NULL)
		well = set_text(list, NULL, item);
	free(copy);
	return well;
}

/* A path's group in the list of them. */
static bool
add_path(config_setting_t *group, const char *uri)
{
	config_setting_t *list = config_setting_get_member(group, "paths");
	config_setting_t *path;

	if (list == NULL)
		list = config_setting_add(group, "paths", CONFIG_TYPE_LIST);
	path = list == NULL ? NULL :
			      config_setting_add(list, NULL, CONFIG_TYPE_GROUP);
	return path != NULL && set_text(path, "uri", uri);
}

static bool
set(config_setting_t *group, const struct config_key *row, const char *value)
{
	switch (row->kind) {
	case CONFIG_KIND_BOOL:
		return set_bool(group, row->name, value);
	case CONFIG_KIND_NUMBER:
		return set_number(group, row->name, value);
	case CONFIG_KIND_TEXT:
	case CONFIG_KIND_OTHER:
		return set_text(group, row->name, value);
	case CONFIG_KIND_LIST:
		return set_list(group, row->name, value);
	case CONFIG_KIND_GROUP:
		return false;
	}
	return false;
}

static int
refuse(const struct config_reader *reader, const struct config_key *row,
    const char *value)
{
	const char *wanted = "that cannot be given here";

	if (row->kind == CONFIG_KIND_NUMBER)
		wanted = "a whole number without a unit is wanted";
	else if (row->kind == CONFIG_KIND_BOOL)
		wanted = "true or false is wanted";
	snprintf(reader->error, CONFIG_ERROR_MAX, "%s=%.100s: %s", row->name,
	    value, wanted);
	return -1;
}

static int
take_word(const struct config_reader *reader, config_setting_t *group,
    const struct config_key *keys, const char *word)
{
	const char *value = strchr(word, '=');
	const struct config_key *row;
	char key[KEY_MAX];

	if (value == NULL || (size_t)(value - word) >= sizeof(key))
		return fail(reader, "not of the form KEY=VALUE: ", word);
	strlcpy(key, word, (size_t)(value - word) + 1);
	value++;
	if (strcmp(key, "path") == 0 && find_key(keys, "paths") != NULL)
		return add_path(group, value) ?
		    0 :
		    fail(reader, "out of memory", "");
	row = find_key(keys, key);
	if (row == NULL || strcmp(key, "paths") == 0)
		return fail(reader, "unknown key ", key);
	if (row->read == config_reader_key_file)
		return fail(reader, "only the file can name a file: ", key);
	if (config_setting_get_member(group, key) != NULL)
		return fail(reader, "twice: ", key);
	if (!set(group, row, value))
		return refuse(reader, row, value);
	return 0;
}

/* What stands in a group: keys that are known to fit, and words. */
struct content {
	const struct config_key *keys;
	const char *first[2][2]; /* key and value */
	char *const *words;
	size_t count;
};

static int
build(const struct config_reader *reader, config_setting_t *group,
    const struct content *content)
{
	for (size_t i = 0; i < 2 && content->first[i][0] != NULL; i++)
		if (!set_text(group, content->first[i][0],
			content->first[i][1]))
			return fail(reader, "out of memory", "");
	for (size_t i = 0; i < content->count; i++)
		if (take_word(reader, group, content->keys,
			content->words[i]) == -1)
			return -1;
	return 0;
}

static int
read_content(struct config *config, const struct content *content,
    int (*read)(const struct config_reader *reader,
	const config_setting_t *group, void *object),
    void *object, char *error)
{
	struct config_reader reader = { config, "", error };
	config_t tree;
	int result;

	config_init(&tree);
	result = build(&reader, config_root_setting(&tree), content);
	if (result == 0)
		result = read(&reader, config_root_setting(&tree), object);
	config_destroy(&tree);
	if (result == -1)
		strip_place(error);
	return result;
}

int
config_words_add_path(struct config *config, struct config_tunnel *tunnel,
    const char *uri, char *const *words, size_t count,
    char error[CONFIG_ERROR_MAX])
{
	const struct content content = { config_path_keys, { { "uri", uri } },
		words, count };

	return read_content(config, &content, config_path_read, tunnel, error);
}

/* All but the first row, which is uri. */
static int
read_options(const struct config_reader *reader, const config_setting_t *group,
    void *path)
{
	return config_reader_group(reader, group, config_path_keys + 1, path);
}

int
config_words_set_path(struct config *config, struct config_path *path,
    char *const *words, size_t count, char error[CONFIG_ERROR_MAX])
{
	const struct content content = { .keys = config_path_keys + 1,
		.words = words,
		.count = count };

	return read_content(config, &content, read_options, path, error);
}

int
config_words_add_tunnel(struct config *config, const char *name,
    char *const *words, size_t count, char error[CONFIG_ERROR_MAX])
{
	const struct content content = { config_tunnel_keys,
		{ { "name", name } }, words, count };

	return read_content(config, &content, config_tunnel_read, config,
	    error);
}

int
config_words_add_peer(struct config *config, const char *name, const char *key,
    char *const *words, size_t count, char error[CONFIG_ERROR_MAX])
{
	const struct content content = { config_peer_keys,
		{ { "name", name }, { "key", key } }, words, count };

	return read_content(config, &content, config_peer_read, config, error);
}
