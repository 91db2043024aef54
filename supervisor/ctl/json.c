#include "supervisor/ctl/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/reply.h"

struct json_status {
	json_t *processes;
	json_t *tunnels;
	json_t *errors;
};

/* Words, whatever they look like: a tunnel may be named 7. */
static const char *const word_keys[] = { "cause", "direction", "last_error",
	"local", "mode", "name", "note", "peer", "reload", "remote", "role",
	"scheduler", "state", "tunnel", "uri", "version" };

/* What a script may rely on; null until the process says otherwise. */
static const char *const tunnel_keys[] = { "name", "role", "state", "sent",
	"delivered" };
static const char *const path_keys[] = { "uri", "state", "pid", "rtt_ms",
	"tx_bytes", "rx_bytes", "restarts", "last_error" };

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_among(const char *key, const char *const *keys, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

json_t *
json_words(const char *text)
{
	json_t *string = json_string(text);
	char *copy, *at;

	if (string != NULL || (copy = strdup(text)) == NULL)
		return string;
	for (at = copy; *at != '\0'; at++)
		if ((unsigned char)*at > 0x7e)
			*at = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

/* A decimal number of plain form, or NULL. */
static json_t *
make_number(const char *text)
{
	const char *digits = text + (*text == '-');
	size_t whole = strspn(digits, "0123456789"), more = 0;
	long long integer;

	if (digits[whole] == '.')
		more = strspn(digits + whole + 1, "0123456789");
	if (whole == 0 || (whole > 1 && *digits == '0'))
		return NULL;
	if (digits[whole] == '.' && more > 0 &&
	    digits[whole + 1 + more] == '\0' && whole + more < 64)
		return json_real(strtod(text, NULL));
	if (digits[whole] != '\0')
		return NULL;
	errno = 0;
	integer = strtoll(text, NULL, 10);
	return errno == 0 ? json_integer(integer) : NULL;
}

static json_t *
make_value(const char *key, const char *value)
{
	json_t *number;

	if (strcmp(key, "last_error") == 0 && *value == '\0')
		return json_null();
	if (is_among(key, word_keys, LENGTH(word_keys)))
		return json_words(value);
	if (*value == '\0')
		return json_null();
	number = make_number(value);
	return number != NULL ? number : json_words(value);
}

/* The object of a record: the keys expected of it, then all it has. */
static json_t *
make_object(const struct reply *reply, const struct reply_record *record,
    const char *const *keys, size_t count)
{
	const struct reply_field *field = reply->fields + record->first;
	json_t *object = json_object();
	bool failed = false;
	size_t i;

	for (i = 0; i < count; i++)
		failed |= json_object_set_new(object, keys[i], json_null()) ==
		    -1;
	for (i = 0; i < record->count; i++)
		failed |= json_object_set_new(object, field[i].key,
			      make_value(field[i].key, field[i].value)) == -1;
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

static int
add_tunnel(struct json_status *status, const struct reply *reply,
    const struct reply_record *record, const char *socket, json_t **tunnel)
{
	json_t *object = make_object(reply, record, tunnel_keys,
	    LENGTH(tunnel_keys));

	/* Last, so that a record's own keys cannot take their place. */
	if (json_object_set_new(object, "dropped", json_object()) == -1 ||
	    json_object_set_new(object, "ledger", json_object()) == -1 ||
	    json_object_set_new(object, "paths", json_array()) == -1 ||
	    json_object_set_new(object, "socket", json_words(socket)) == -1) {
		json_decref(object);
		return -1;
	}
	*tunnel = object;
	return json_array_append_new(status->tunnels, object);
}

static int
add_drop(const struct reply *reply, const struct reply_record *record,
    json_t *tunnel)
{
	const char *cause = reply_get(reply, record, "cause");
	const char *count = reply_get(reply, record, "count");
	json_t *name;
	int result;

	if (cause == NULL || count == NULL)
		return 0;
	name = json_words(cause);
	result = json_object_set_new(json_object_get(tunnel, "dropped"),
	    json_string_value(name), make_value("count", count));
	json_decref(name);
	return result;
}

/* Into "ledger", by its direction. */
static int
add_ledger(const struct reply *reply, const struct reply_record *record,
    json_t *tunnel)
{
	const char *direction = reply_get(reply, record, "direction");
	json_t *ledger = json_object_get(tunnel, "ledger");

	if (direction == NULL || !json_is_object(ledger))
		return 0;
	if (strcmp(direction, "out") != 0 && strcmp(direction, "in") != 0)
		return 0;
	return json_object_set_new(ledger, direction,
	    make_object(reply, record, NULL, 0));
}

static int
add_process(struct json_status *status, const struct reply *reply,
    const struct reply_record *record, const char *socket)
{
	json_t *object = make_object(reply, record, NULL, 0);

	if (json_object_set_new(object, "socket", json_words(socket)) == -1) {
		json_decref(object);
		return -1;
	}
	return json_array_append_new(status->processes, object);
}

static int
add_path(const struct reply *reply, const struct reply_record *record,
    json_t *tunnel)
{
	return json_array_append_new(json_object_get(tunnel, "paths"),
	    make_object(reply, record, path_keys, LENGTH(path_keys)));
}

/* made[i] is the object of record i when that is a tunnel. */
static int
add_record(struct json_status *status, const struct reply *reply, size_t i,
    const char *socket, json_t **made)
{
	const struct reply_record *record = &reply->records[i];
	json_t *tunnel = NULL;

	if (strcmp(record->kind, "process") == 0)
		return add_process(status, reply, record, socket);
	if (strcmp(record->kind, "tunnel") == 0)
		return add_tunnel(status, reply, record, socket, &made[i]);
	if (record->tunnel != REPLY_NONE)
		tunnel = made[record->tunnel];
	if (tunnel != NULL && strcmp(record->kind, "path") == 0)
		return add_path(reply, record, tunnel);
	if (tunnel != NULL && strcmp(record->kind, "drop") == 0)
		return add_drop(reply, record, tunnel);
	if (tunnel != NULL && strcmp(record->kind, "ledger") == 0)
		return add_ledger(reply, record, tunnel);
	return 0;
}

void
json_prepare(void)
{
	json_object_seed(0);
}

struct json_status *
json_new(void)
{
	struct json_status *status = calloc(1, sizeof(*status));

	if (status == NULL)
		return NULL;
	status->processes = json_array();
	status->tunnels = json_array();
	status->errors = json_array();
	if (status->processes != NULL && status->tunnels != NULL &&
	    status->errors != NULL)
		return status;
	json_free(status);
	return NULL;
}

void
json_free(struct json_status *status)
{
	if (status == NULL)
		return;
	json_decref(status->processes);
	json_decref(status->tunnels);
	json_decref(status->errors);
	free(status);
}

int
json_add(struct json_status *status, const struct reply *reply,
    const char *socket)
{
	json_t **made = calloc(reply->count + 1, sizeof(json_t *));
	int result = 0;
	size_t i;

	if (made == NULL)
		return -1;
	for (i = 0; i < reply->count && result == 0; i++)
		result = add_record(status, reply, i, socket, made);
	free(made);
	return result;
}

int
json_add_error(struct json_status *status, const char *socket,
    const char *error)
{
	return json_array_append_new(status->errors,
	    json_pack("{s:o, s:o}", "socket", json_words(socket), "error",
		json_words(error)));
}

int
json_write(const struct json_status *status, FILE *stream)
{
	json_t *top = json_object();
	int result;

	if (json_array_size(status->processes) == 1)
		result = json_object_set(top, "process",
		    json_array_get(status->processes, 0));
	else
		result = json_object_set(top, "processes", status->processes);
	if (result == 0)
		result = json_object_set(top, "tunnels", status->tunnels);
	if (result == 0)
		result = json_object_set(top, "errors", status->errors);
	if (result == 0)
		result = json_dumpf(top, stream,
		    JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	if (result == 0 && putc('\n', stream) == EOF)
		result = -1;
	json_decref(top);
	return result;
}
