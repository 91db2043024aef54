/*
 * Reads a libconfig group into a struct by a table of keys: name, type, range,
 * where it goes. Every complaint is one line "FILE:LINE: what is wrong".
 */
#ifndef SUPERVISOR_CONFIG_READER_H
#define SUPERVISOR_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libconfig.h>

struct config;

struct config_reader {
	struct config *config; /* what is being filled */
	const char *name;      /* of the file, for messages */
	char *error;	       /* CONFIG_ERROR_MAX bytes */
};

enum config_kind {
	CONFIG_KIND_BOOL,
	CONFIG_KIND_NUMBER,
	CONFIG_KIND_TEXT,
	CONFIG_KIND_GROUP, /* the rest goes to read() */
	CONFIG_KIND_LIST,
	CONFIG_KIND_OTHER
};

struct config_key {
	const char *name;
	enum config_kind kind;
	bool required;
	size_t offset; /* of the member that takes it */
	size_t size;   /* of that member, 0: none does */
	int64_t min;   /* NUMBER */
	int64_t max;
	/* After the type was checked and a simple member set. 0, or -1. */
	int (*read)(const struct config_reader *reader,
	    const config_setting_t *setting, void *object);
};

/* Rows of a table; type is the struct that the table fills. */
#define CONFIG_KEY_BOOL(type, member)                               \
	.kind = CONFIG_KIND_BOOL, .offset = offsetof(type, member), \
	.size = sizeof(((type *)NULL)->member)
#define CONFIG_KEY_NUMBER(type, member, low, high)                    \
	.kind = CONFIG_KIND_NUMBER, .offset = offsetof(type, member), \
	.size = sizeof(((type *)NULL)->member), .min = (low), .max = (high)
#define CONFIG_KEY_TEXT(type, member)                               \
	.kind = CONFIG_KIND_TEXT, .offset = offsetof(type, member), \
	.size = sizeof(((type *)NULL)->member)

/* Write the complaint about a setting; returns -1. */
int config_reader_fail(const struct config_reader *reader,
    const config_setting_t *setting, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Read a group's settings in the order of the table, which ends with a row
 * without a name. Unknown and missing keys are errors. 0, or -1.
 */
int config_reader_group(const struct config_reader *reader,
    const config_setting_t *group, const struct config_key *keys, void *object);

/* Call read for each element of a list, with object. 0, or -1. */
int config_reader_list(const struct config_reader *reader,
    const config_setting_t *list, enum config_kind kind,
    int (*read)(const struct config_reader *reader,
	const config_setting_t *setting, void *object),
    void *object);

/* For config_key.read: 1 to 63 letters, digits, dots, '_' and '-'. */
int config_reader_name(const struct config_reader *reader,
    const config_setting_t *setting, void *object);

/*
 * For config_key.read: a key file that we can read and others cannot; an
 * empty name is none. It is not opened.
 */
int config_reader_key_file(const struct config_reader *reader,
    const config_setting_t *setting, void *object);

#endif
