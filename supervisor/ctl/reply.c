#include "supervisor/ctl/reply.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shm/message.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Percent-decode in place. 0, or -1 for a bad escape or one of NUL. */
static int
decode(char *text)
{
	char *to = text;
	int high, low;

	for (; *text != '\0'; text++) {
		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high == -1 ? -1 : hex_digit(text[2]);
		if (low == -1 || (high == 0 && low == 0))
			return -1;
		*to++ = (char)(high * 16 + low);
		text += 2;
	}
	*to = '\0';
	return 0;
}

static bool
is_word(const char *text)
{
	return *text != '\0' &&
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static int
add_field(struct reply *reply, char *word)
{
	struct reply_field *field;
	char *value = strchr(word, '=');

	if (value == NULL || reply->fields_count == REPLY_FIELDS_MAX)
		return -1;
	*value++ = '\0';
	if (!is_word(word) || decode(value) == -1)
		return -1;
	field = &reply->fields[reply->fields_count++];
	field->key = word;
	field->value = value;
	return 0;
}

/*
 * Two tunnels of a listener may have one name. A tunnel's paths follow it, so
 * the nearest one before of that name is meant.
 */
static size_t
find_tunnel(const struct reply *reply, const struct reply_record *record)
{
	const char *wanted = reply_get(reply, record, "tunnel"), *name;
	size_t i = reply->count;

	while (i-- > 0) {
		name = reply->records[i].name;
		if (name != NULL &&
		    (wanted == NULL || strcmp(name, wanted) == 0))
			return i;
	}
	return REPLY_NONE;
}

static int
add_fields(struct reply *reply, struct reply_record *record, char *rest)
{
	char *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		if (record->count == REPLY_RECORD_FIELDS_MAX ||
		    add_field(reply, word) == -1)
			return -1;
		record->count++;
	}
	return 0;
}

static int
add_record(struct reply *reply, char *line)
{
	struct reply_record *record = &reply->records[reply->count];
	char *rest = line;

	if (reply->count == REPLY_RECORDS_MAX)
		return -1;
	record->kind = strsep(&rest, " ");
	record->first = reply->fields_count;
	record->tunnel = REPLY_NONE;
	if (!is_word(record->kind) || add_fields(reply, record, rest) == -1)
		return -1;
	if (strcmp(record->kind, "tunnel") == 0)
		record->name = reply_get(reply, record, "name");
	else
		record->tunnel = find_tunnel(reply, record);
	reply->count++;
	return 0;
}

/* At most these many, but no more than so many bytes can hold. */
static size_t
at_most(size_t most, size_t bytes, size_t each)
{
	return bytes / each + 1 < most ? bytes / each + 1 : most;
}

static int
allocate(struct reply *reply, size_t bytes)
{
	memset(reply, 0, sizeof(*reply));
	reply->records = calloc(at_most(REPLY_RECORDS_MAX, bytes, 2),
	    sizeof(*reply->records));
	reply->fields = calloc(at_most(REPLY_FIELDS_MAX, bytes, 3),
	    sizeof(*reply->fields));
	if (reply->records != NULL && reply->fields != NULL)
		return 0;
	reply_free(reply);
	return -1;
}

static int
fail(struct reply *reply, const char **wrong, const char *words)
{
	reply_free(reply);
	*wrong = words;
	return -1;
}

int
reply_parse(struct reply *reply, char *text, size_t bytes, const char **wrong)
{
	char *line, *rest = text;

	if (allocate(reply, bytes) == -1)
		return fail(reply, wrong, "out of memory");
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
		if (strcmp(line, "end") == 0)
			return 0;
		if (strncmp(line, "error ", 6) == 0) {
			if (decode(line + 6) == -1)
				return fail(reply, wrong,
				    "the answer is malformed");
			message_make_printable(line + 6);
			reply->error = line + 6;
			return 0;
		}
		if (add_record(reply, line) == -1)
			return fail(reply, wrong, "the answer is malformed");
	}
	return fail(reply, wrong, "the answer is cut off");
}

void
reply_free(struct reply *reply)
{
	free(reply->records);
	free(reply->fields);
	memset(reply, 0, sizeof(*reply));
}

size_t
reply_keep_tunnel(struct reply *reply, const char *name)
{
	size_t kept = 0, tunnels = 0, before = REPLY_NONE, now = REPLY_NONE;

	for (size_t i = 0; i < reply->count; i++) {
		struct reply_record *record = &reply->records[i];

		if (record->name != NULL && strcmp(record->name, name) == 0) {
			before = i;
			now = kept;
			tunnels++;
		} else if (record->name != NULL ||
		    (record->tunnel != REPLY_NONE &&
			record->tunnel != before)) {
			continue;
		} else if (record->tunnel != REPLY_NONE) {
			record->tunnel = now;
		}
		reply->records[kept++] = *record;
	}
	reply->count = kept;
	return tunnels;
}

const char *
reply_get(const struct reply *reply, const struct reply_record *record,
    const char *key)
{
	size_t i;

	for (i = 0; i < record->count; i++)
		if (strcmp(reply->fields[record->first + i].key, key) == 0)
			return reply->fields[record->first + i].value;
	return NULL;
}

const char *
reply_text(const struct reply *reply, size_t record, const char *key)
{
	const char *value = reply_get(reply, &reply->records[record], key);

	return value == NULL ? "" : value;
}

uint64_t
reply_number(const struct reply *reply, size_t record, const char *key)
{
	return strtoull(reply_text(reply, record, key), NULL, 10);
}

double
reply_amount(const struct reply *reply, size_t record, const char *key)
{
	double amount = strtod(reply_text(reply, record, key), NULL);

	return amount > 0 && amount < 1e15 ? amount : 0;
}
