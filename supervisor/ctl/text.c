#include "supervisor/ctl/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/reply.h"

#define URI_MAX 256

struct output {
	const struct reply *reply;
	FILE *stream;
	bool colours;
};

enum column_form {
	FORM_TEXT,
	FORM_PID,
	FORM_NUMBER,
	FORM_BYTES,
	FORM_RATE,
	FORM_TIME,
	FORM_ROUND_TRIP
};

static const struct column {
	const char *title;
	const char *key;
	enum column_form form;
} columns[] = { { "PATH", "uri", FORM_TEXT }, { "STATE", "state", FORM_TEXT },
	{ "PID", "pid", FORM_PID }, { "UPTIME", "uptime_ms", FORM_TIME },
	{ "RTT", "rtt_ms", FORM_ROUND_TRIP },
	{ "TX RATE", "tx_rate", FORM_RATE },
	{ "RX RATE", "rx_rate", FORM_RATE }, { "TX", "tx_bytes", FORM_BYTES },
	{ "RX", "rx_bytes", FORM_BYTES },
	{ "TX DGRAMS", "tx_datagrams", FORM_NUMBER },
	{ "RX DGRAMS", "rx_datagrams", FORM_NUMBER },
	{ "RESTARTS", "restarts", FORM_NUMBER } };

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

char *
text_bytes(uint64_t bytes, char cell[TEXT_CELL_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB",
		"EiB" };
	double amount = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(cell, TEXT_CELL_MAX, "%" PRIu64 " B", bytes);
		return cell;
	}
	while (amount >= 1024 && unit < 5) {
		amount /= 1024;
		unit++;
	}
	snprintf(cell, TEXT_CELL_MAX, "%.2f %s", amount, units[unit]);
	return cell;
}

char *
text_time(uint64_t ms, char cell[TEXT_CELL_MAX])
{
	uint64_t s = ms / 1000;

	if (s == 0)
		snprintf(cell, TEXT_CELL_MAX, "%" PRIu64 " ms", ms);
	else if (s < 60)
		snprintf(cell, TEXT_CELL_MAX, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(cell, TEXT_CELL_MAX, "%" PRIu64 " min %" PRIu64 " s",
		    s / 60, s % 60);
	else if (s < 86400)
		snprintf(cell, TEXT_CELL_MAX, "%" PRIu64 " h %" PRIu64 " min",
		    s / 3600, s / 60 % 60);
	else
		snprintf(cell, TEXT_CELL_MAX, "%" PRIu64 " d %" PRIu64 " h",
		    s / 86400, s / 3600 % 24);
	return cell;
}

/* The other end chose the text; it must not steer the terminal. */
static void
copy_printable(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from[i] != '\0' && i + 1 < size; i++)
		to[i] = from[i] >= 0x20 && from[i] <= 0x7e ? from[i] : '?';
	to[i] = '\0';
}

static const char *
get(const struct output *output, size_t record, const char *key)
{
	const char *value = reply_get(output->reply,
	    &output->reply->records[record], key);

	return value == NULL ? "" : value;
}

static uint64_t
get_number(const struct output *output, size_t record, const char *key)
{
	return strtoull(get(output, record, key), NULL, 10);
}

static void
write_words(const struct output *output, const char *text)
{
	char words[1024];

	copy_printable(words, sizeof(words), text);
	fputs(words, output->stream);
}

static void
write_line(const struct output *output, size_t record, const char *title,
    const char *key)
{
	const char *value = get(output, record, key);

	if (*value == '\0')
		return;
	fprintf(output->stream, "  %s: ", title);
	write_words(output, value);
	putc('\n', output->stream);
}

/* A path that is not up has no round trip, uptime or pid. */
static bool
is_unknown(enum column_form form, const char *value)
{
	switch (form) {
	case FORM_PID:
	case FORM_TIME:
	case FORM_ROUND_TRIP:
		return strtod(value, NULL) <= 0;
	case FORM_TEXT:
	case FORM_NUMBER:
	case FORM_BYTES:
	case FORM_RATE:
		break;
	}
	return false;
}

static void
format_cell(const struct output *output, size_t record,
    const struct column *column, char cell[URI_MAX])
{
	const char *value = get(output, record, column->key);
	uint64_t number = strtoull(value, NULL, 10);
	char form[TEXT_CELL_MAX];

	if (*value == '\0' || is_unknown(column->form, value)) {
		strcpy(cell, "-");
		return;
	}
	switch (column->form) {
	case FORM_TEXT:
	case FORM_PID:
	case FORM_NUMBER:
		copy_printable(cell, URI_MAX, value);
		break;
	case FORM_BYTES:
		strcpy(cell, text_bytes(number, form));
		break;
	case FORM_RATE:
		snprintf(cell, URI_MAX, "%s/s", text_bytes(number, form));
		break;
	case FORM_TIME:
		strcpy(cell, text_time(number, form));
		break;
	case FORM_ROUND_TRIP:
		snprintf(cell, URI_MAX, "%.2f ms", strtod(value, NULL));
		break;
	}
}

static bool
is_path_of(const struct output *output, size_t record, size_t tunnel)
{
	return output->reply->records[record].tunnel == tunnel &&
	    strcmp(output->reply->records[record].kind, "path") == 0;
}

/* The records of a tunnel end where the next one begins. */
static size_t
end_of(const struct output *output, size_t tunnel)
{
	size_t i = tunnel + 1;

	while (i < output->reply->count &&
	    strcmp(output->reply->records[i].kind, "tunnel") != 0)
		i++;
	return i;
}

static size_t
measure_columns(const struct output *output, size_t tunnel, size_t end,
    size_t widths[COLUMNS])
{
	char cell[URI_MAX];
	size_t column, paths = 0, i;

	for (column = 0; column < COLUMNS; column++)
		widths[column] = strlen(columns[column].title);
	for (i = tunnel + 1; i < end; i++) {
		if (!is_path_of(output, i, tunnel))
			continue;
		paths++;
		for (column = 0; column < COLUMNS; column++) {
			format_cell(output, i, &columns[column], cell);
			if (strlen(cell) > widths[column])
				widths[column] = strlen(cell);
		}
	}
	return paths;
}

/* Words to the left, numbers to the right. */
static void
write_cell(const struct output *output, size_t column, size_t width,
    const char *cell, const char *colour)
{
	fprintf(output->stream, "  %s", colour);
	fprintf(output->stream,
	    columns[column].form == FORM_TEXT ? "%-*s" : "%*s", (int)width,
	    cell);
	fputs(*colour == '\0' ? "" : "\033[0m", output->stream);
}

static const char *
colour_of(const struct output *output, size_t record, size_t column)
{
	if (!output->colours || strcmp(columns[column].key, "state") != 0)
		return "";
	return strcmp(get(output, record, "state"), "up") == 0 ? "\033[32m" :
								 "\033[31m";
}

/* Below the path's row, if there is anything to say. */
static void
write_remark(const struct output *output, const char *label, const char *words)
{
	if (*words == '\0')
		return;
	fprintf(output->stream, "      %s: ", label);
	write_words(output, words);
	putc('\n', output->stream);
}

static void
write_path(const struct output *output, size_t record,
    const size_t widths[COLUMNS])
{
	char cell[URI_MAX];
	size_t column;

	for (column = 0; column < COLUMNS; column++) {
		format_cell(output, record, &columns[column], cell);
		write_cell(output, column, widths[column], cell,
		    colour_of(output, record, column));
	}
	putc('\n', output->stream);
	write_remark(output, "note", get(output, record, "note"));
	write_remark(output, "last error", get(output, record, "last_error"));
}

static void
write_paths(const struct output *output, size_t tunnel, size_t end)
{
	size_t widths[COLUMNS], column, i;

	if (measure_columns(output, tunnel, end, widths) == 0) {
		fputs("  paths: none\n", output->stream);
		return;
	}
	putc('\n', output->stream);
	for (column = 0; column < COLUMNS; column++)
		write_cell(output, column, widths[column],
		    columns[column].title, "");
	putc('\n', output->stream);
	for (i = tunnel + 1; i < end; i++)
		if (is_path_of(output, i, tunnel))
			write_path(output, i, widths);
}

static void
write_drops(const struct output *output, size_t tunnel, size_t end)
{
	const char *comma = "";
	size_t i;

	fputs("  dropped: ", output->stream);
	for (i = tunnel + 1; i < end; i++) {
		if (strcmp(output->reply->records[i].kind, "drop") != 0 ||
		    get_number(output, i, "count") == 0)
			continue;
		fprintf(output->stream, "%s%" PRIu64 " ", comma,
		    get_number(output, i, "count"));
		write_words(output, get(output, i, "cause"));
		comma = ", ";
	}
	fputs(*comma == '\0' ? "none\n" : "\n", output->stream);
}

static void
write_tunnel(const struct output *output, size_t tunnel)
{
	size_t end = end_of(output, tunnel);

	fputs(output->colours ? "\033[1;32mtunnel\033[0m: \033[1m" : "tunnel: ",
	    output->stream);
	write_words(output, get(output, tunnel, "name"));
	fputs(output->colours ? "\033[0m\n" : "\n", output->stream);
	write_line(output, tunnel, "role", "role");
	write_line(output, tunnel, "state", "state");
	write_line(output, tunnel, "peer", "peer");
	write_line(output, tunnel, "local", "local");
	write_line(output, tunnel, "remote", "remote");
	write_line(output, tunnel, "scheduler", "scheduler");
	fprintf(output->stream,
	    "  datagrams: %" PRIu64 " sent, %" PRIu64 " delivered\n",
	    get_number(output, tunnel, "sent"),
	    get_number(output, tunnel, "delivered"));
	write_drops(output, tunnel, end);
	write_paths(output, tunnel, end);
}

static void
write_process(const struct output *output, size_t process, const char *socket)
{
	char cell[TEXT_CELL_MAX];

	fputs("socktopus ", output->stream);
	write_words(output, get(output, process, "version"));
	fputs(", pid ", output->stream);
	write_words(output, get(output, process, "pid"));
	fputs(", ", output->stream);
	write_words(output, get(output, process, "mode"));
	fprintf(output->stream, " mode, up %s, at ",
	    text_time(get_number(output, process, "uptime_ms"), cell));
	write_words(output, socket);
	putc('\n', output->stream);
}

void
text_write(const struct reply *reply, const char *socket, bool colours,
    FILE *stream)
{
	struct output output = { reply, stream, colours };
	size_t i, tunnels = 0;

	for (i = 0; i < reply->count; i++) {
		if (strcmp(reply->records[i].kind, "process") == 0)
			write_process(&output, i, socket);
		if (strcmp(reply->records[i].kind, "tunnel") != 0)
			continue;
		putc('\n', stream);
		write_tunnel(&output, i);
		tunnels++;
	}
	if (tunnels == 0)
		fputs("\nno tunnels\n", stream);
}
