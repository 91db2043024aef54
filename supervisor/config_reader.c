#include "supervisor/config_reader.h"

#include <sys/stat.h>

#include <bsd/string.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"

int
config_reader_fail(const struct config_reader *reader,
    const config_setting_t *setting, const char *format, ...)
{
	const char *file = config_setting_source_file(setting);
	size_t length;
	va_list arguments;

	snprintf(reader->error, CONFIG_ERROR_MAX,
	    "%s:%u: ", file == NULL ? reader->name : file,
	    config_setting_source_line(setting));
	length = strlen(reader->error);
	va_start(arguments, format);
	vsnprintf(reader->error + length, CONFIG_ERROR_MAX - length, format,
	    arguments);
	va_end(arguments);
	return -1;
}

static const char *
name_of(const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);

	return name == NULL ? "an element" : name;
}

static int
check_kind(const struct config_reader *reader, const config_setting_t *setting,
    enum config_kind kind)
{
	int type = config_setting_type(setting);
	const char *wanted = NULL;

	switch (kind) {
	case CONFIG_KIND_BOOL:
		if (type != CONFIG_TYPE_BOOL)
			wanted = "true or false";
		break;
	case CONFIG_KIND_NUMBER:
		if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
			wanted = "a whole number";
		break;
	case CONFIG_KIND_TEXT:
		if (type != CONFIG_TYPE_STRING)
			wanted = "a string";
		break;
	case CONFIG_KIND_GROUP:
		if (type != CONFIG_TYPE_GROUP)
			wanted = "a group, { ... }";
		break;
	case CONFIG_KIND_LIST:
		if (type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY)
			wanted = "a list, ( ... )";
		break;
	case CONFIG_KIND_OTHER:
		break;
	}
	if (wanted == NULL)
		return 0;
	return config_reader_fail(reader, setting, "%s must be %s",
	    name_of(setting), wanted);
}

static int
read_number(const struct config_reader *reader, const config_setting_t *setting,
    const struct config_key *key, void *member)
{
	int64_t value = config_setting_get_int64(setting);
	uint32_t narrow = (uint32_t)value;

	if (value < key->min || value > key->max)
		return config_reader_fail(reader, setting,
		    "%s must be from %lld to %lld", key->name,
		    (long long)key->min, (long long)key->max);
	if (key->size == sizeof(narrow))
		memcpy(member, &narrow, sizeof(narrow));
	else
		memcpy(member, &value, sizeof(value));
	return 0;
}

static int
read_text(const struct config_reader *reader, const config_setting_t *setting,
    const struct config_key *key, void *member)
{
	const char *text = config_setting_get_string(setting);
	const char *c;

	for (c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return config_reader_fail(reader, setting,
			    "%s has a control byte in it", key->name);
	if (key->size > 0 && strlcpy(member, text, key->size) >= key->size)
		return config_reader_fail(reader, setting,
		    "%s must be shorter than %zu bytes", key->name, key->size);
	return 0;
}

static int
read_setting(const struct config_reader *reader,
    const config_setting_t *setting, const struct config_key *key, void *object)
{
	char *member = (char *)object + key->offset;
	int result = check_kind(reader, setting, key->kind);

	if (result == 0 && key->kind == CONFIG_KIND_NUMBER)
		result = read_number(reader, setting, key, member);
	else if (result == 0 && key->kind == CONFIG_KIND_TEXT)
		result = read_text(reader, setting, key, member);
	else if (result == 0 && key->kind == CONFIG_KIND_BOOL && key->size > 0)
		*(bool *)member = config_setting_get_bool(setting);
	if (result == 0 && key->read != NULL)
		result = key->read(reader, setting, object);
	return result;
}

static bool
is_known(const struct config_key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return true;
	return false;
}

static int
check_names(const struct config_reader *reader, const config_setting_t *group,
    const struct config_key *keys)
{
	int i, count = config_setting_length(group);

	for (i = 0; i < count; i++) {
		const config_setting_t *setting = config_setting_get_elem(group,
		    (unsigned int)i);

		if (!is_known(keys, config_setting_name(setting)))
			return config_reader_fail(reader, setting,
			    "unknown key %s", config_setting_name(setting));
	}
	return 0;
}

int
config_reader_group(const struct config_reader *reader,
    const config_setting_t *group, const struct config_key *keys, void *object)
{
	if (check_names(reader, group, keys) == -1)
		return -1;
	for (; keys->name != NULL; keys++) {
		const config_setting_t *setting =
		    config_setting_get_member(group, keys->name);

		if (setting == NULL && keys->required)
			return config_reader_fail(reader, group,
			    "%s is missing", keys->name);
		if (setting != NULL &&
		    read_setting(reader, setting, keys, object) == -1)
			return -1;
	}
	return 0;
}

int
config_reader_list(const struct config_reader *reader,
    const config_setting_t *list, enum config_kind kind,
    int (*read)(const struct config_reader *reader,
	const config_setting_t *setting, void *object),
    void *object)
{
	int i, count = config_setting_length(list);

	for (i = 0; i < count; i++) {
		const config_setting_t *setting = config_setting_get_elem(list,
		    (unsigned int)i);

		if (check_kind(reader, setting, kind) == -1 ||
		    read(reader, setting, object) == -1)
			return -1;
	}
	return 0;
}

int
config_reader_name(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	const char *c, *name = config_setting_get_string(setting);

	(void)object;
	for (c = name; *c != '\0'; c++)
		if (!isascii(*c) ||
		    (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL))
			break;
	if (*name != '\0' && *c == '\0')
		return 0;
	return config_reader_fail(reader, setting,
	    "a name is made of letters, digits, '.', '_' and '-'");
}

int
config_reader_key_file(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	const char *file = config_setting_get_string(setting);
	struct stat status;

	(void)object;
	if (*file == '\0')
		return 0;
	if (stat(file, &status) == -1 ||
	    faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) == -1)
		return config_reader_fail(reader, setting,
		    "cannot read the key file %s: %s", file, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return config_reader_fail(reader, setting,
		    "the key file %s is not a regular file", file);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return config_reader_fail(reader, setting,
		    "the key file %s is open to others: its mode is %04o, "
		    "and must be 0600",
		    file, status.st_mode & ALLPERMS);
	return 0;
}
