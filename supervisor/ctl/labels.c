#include "supervisor/ctl/labels.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/reply.h"

void
labels_write(FILE *stream, const char *name, const char *value)
{
	fprintf(stream, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', stream);
		putc(*value >= 0x20 && *value <= 0x7e ? *value : '?', stream);
	}
	putc('"', stream);
}

static void
write_key(FILE *stream, const struct reply *reply,
    const struct reply_record *record, const char *name, const char *key)
{
	const char *value = reply_get(reply, record, key);

	putc(',', stream);
	labels_write(stream, name, value == NULL ? "" : value);
}

/*
 * A listener names a path by the address that it comes from; the port is
 * another one each time, and would be another series.
 */
static void
write_uri(FILE *stream, const struct reply *reply,
    const struct reply_record *record)
{
	const char *uri = reply_get(reply, record, "uri"), *colon;
	char address[128];

	if (uri == NULL)
		uri = "";
	colon = strstr(uri, "://") == NULL ? strrchr(uri, ':') : NULL;
	if (colon != NULL && (size_t)(colon - uri) < sizeof(address)) {
		memcpy(address, uri, (size_t)(colon - uri));
		address[colon - uri] = '\0';
		uri = address;
	}
	putc(',', stream);
	labels_write(stream, "uri", uri);
}

static void
write_labels(FILE *stream, const struct gather_source *source,
    const struct reply_record *record)
{
	const struct reply *reply = &source->reply;

	labels_write(stream, "socket", source->socket);
	if (strcmp(record->kind, "tunnel") == 0)
		write_key(stream, reply, record, "tunnel", "name");
	else if (record->tunnel != REPLY_NONE)
		write_key(stream, reply, &reply->records[record->tunnel],
		    "tunnel", "name");
	if (strcmp(record->kind, "drop") == 0)
		write_key(stream, reply, record, "cause", "cause");
	if (strcmp(record->kind, "ledger") == 0)
		write_key(stream, reply, record, "direction", "direction");
	if (strcmp(record->kind, "path") == 0) {
		write_key(stream, reply, record, "path", "id");
		write_uri(stream, reply, record);
	}
}

static int
add_row(struct labels *labels, const struct gather_source *source, size_t i)
{
	struct labels_row *row = &labels->rows[labels->count];
	size_t bytes;
	FILE *stream;

	row->socket = source->socket;
	row->reply = &source->reply;
	row->record = i;
	row->kind = source->reply.records[i].kind;
	row->number = 1;
	stream = open_memstream(&row->text, &bytes);
	if (stream == NULL)
		return -1;
	labels->count++;
	write_labels(stream, source, &source->reply.records[i]);
	return fclose(stream) == 0 && row->text != NULL ? 0 : -1;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct labels_row *const *left = a, *const *right = b;
	int order = strcmp((*left)->kind, (*right)->kind);

	if (order == 0)
		order = strcmp((*left)->text, (*right)->text);
	if (order == 0)
		order = *left < *right ? -1 : 1;
	return order;
}

/* Two series of the same labels would spoil all others. */
static int
number_namesakes(struct labels *labels)
{
	struct labels_row **order = calloc(labels->count + 1, sizeof(*order));
	size_t i;

	if (order == NULL)
		return -1;
	for (i = 0; i < labels->count; i++)
		order[i] = &labels->rows[i];
	qsort(order, labels->count, sizeof(*order), compare_rows);
	for (i = 1; i < labels->count; i++)
		if (strcmp(order[i]->kind, order[i - 1]->kind) == 0 &&
		    strcmp(order[i]->text, order[i - 1]->text) == 0)
			order[i]->number = order[i - 1]->number + 1;
	free(order);
	return 0;
}

static int
add_source(struct labels *labels, const struct gather_source *source)
{
	int result = 0;
	size_t i;

	for (i = 0; i < source->reply.count && result == 0; i++)
		result = add_row(labels, source, i);
	return result;
}

int
labels_make(struct labels *labels, const struct gather *gather)
{
	size_t total = 0, i;
	int result = 0;

	memset(labels, 0, sizeof(*labels));
	for (i = 0; i < gather->count; i++)
		total += gather->sources[i].reply.count;
	labels->rows = calloc(total + 1, sizeof(*labels->rows));
	if (labels->rows == NULL)
		return -1;
	for (i = 0; i < gather->count && result == 0; i++)
		if (gather->sources[i].answered)
			result = add_source(labels, &gather->sources[i]);
	if (result == 0)
		result = number_namesakes(labels);
	if (result == -1)
		labels_free(labels);
	return result;
}

void
labels_free(struct labels *labels)
{
	size_t i;

	for (i = 0; i < labels->count; i++)
		free(labels->rows[i].text);
	free(labels->rows);
	memset(labels, 0, sizeof(*labels));
}
