#include "supervisor/ctl/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "supervisor/ctl/cell.h"
#include "supervisor/ctl/reply.h"
#include "supervisor/ctl/text.h"

#define TEXT_MAX 256
#define GAP 2

enum form {
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
	enum form form;
	unsigned int rank; /* the highest goes first */
} columns[] = { { "PATH", "uri", FORM_TEXT, 0 },
	{ "STATE", "state", FORM_TEXT, 0 }, { "PID", "pid", FORM_PID, 3 },
	{ "UPTIME", "uptime_ms", FORM_TIME, 2 },
	{ "RTT", "rtt_ms", FORM_ROUND_TRIP, 0 },
	{ "TX RATE", "tx_rate", FORM_RATE, 0 },
	{ "RX RATE", "rx_rate", FORM_RATE, 0 },
	{ "TX", "tx_bytes", FORM_BYTES, 1 },
	{ "RX", "rx_bytes", FORM_BYTES, 1 },
	{ "TX DGRAMS", "tx_datagrams", FORM_NUMBER, 4 },
	{ "RX DGRAMS", "rx_datagrams", FORM_NUMBER, 4 },
	{ "RESTARTS", "restarts", FORM_NUMBER, 2 } };

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define RANK_MAX 4

struct table {
	const struct reply *reply;
	const struct text_form *form;
	FILE *stream;
	size_t tunnel;
	size_t widths[COLUMNS];
	unsigned int rank; /* columns above are left out */
};

static const char *
get(const struct table *table, size_t record, const char *key)
{
	return reply_text(table->reply, record, key);
}

/* A path that is not up has no round trip, uptime or pid. */
static bool
is_unknown(enum form form, double amount)
{
	switch (form) {
	case FORM_PID:
	case FORM_TIME:
	case FORM_ROUND_TRIP:
		return amount <= 0;
	case FORM_TEXT:
	case FORM_NUMBER:
	case FORM_BYTES:
	case FORM_RATE:
		break;
	}
	return false;
}

static void
format_cell(const struct table *table, size_t record,
    const struct column *column, char cell[TEXT_MAX])
{
	const char *value = get(table, record, column->key);
	uint64_t number = reply_number(table->reply, record, column->key);
	double amount = reply_amount(table->reply, record, column->key);
	char form[CELL_MAX];

	if (*value == '\0' || is_unknown(column->form, amount)) {
		strcpy(cell, "-");
		return;
	}
	switch (column->form) {
	case FORM_TEXT:
	case FORM_PID:
	case FORM_NUMBER:
		cell_printable(cell, TEXT_MAX, value);
		break;
	case FORM_BYTES:
		strcpy(cell, cell_bytes(number, form));
		break;
	case FORM_RATE:
		snprintf(cell, TEXT_MAX, "%s/s", cell_bytes(number, form));
		break;
	case FORM_TIME:
		strcpy(cell, cell_time(number, form));
		break;
	case FORM_ROUND_TRIP:
		snprintf(cell, TEXT_MAX, "%.2f ms", amount);
		break;
	}
}

static bool
is_row(const struct table *table, size_t record)
{
	return table->reply->records[record].tunnel == table->tunnel &&
	    strcmp(table->reply->records[record].kind, "path") == 0;
}

static size_t
measure(struct table *table)
{
	char cell[TEXT_MAX];
	size_t column, rows = 0, i;

	for (column = 0; column < COLUMNS; column++)
		table->widths[column] = strlen(columns[column].title);
	for (i = table->tunnel + 1; i < table->reply->count; i++) {
		if (!is_row(table, i))
			continue;
		rows++;
		for (column = 0; column < COLUMNS; column++) {
			format_cell(table, i, &columns[column], cell);
			if (strlen(cell) > table->widths[column])
				table->widths[column] = strlen(cell);
		}
	}
	return rows;
}

static size_t
total_width(const struct table *table)
{
	size_t column, total = 0;

	for (column = 0; column < COLUMNS; column++)
		if (columns[column].rank <= table->rank)
			total += GAP + table->widths[column];
	return total;
}

/* Words to the left, numbers to the right. */
static void
write_cell(const struct table *table, size_t column, const char *cell,
    const char *colour)
{
	fprintf(table->stream, "%*s%s", GAP, "", colour);
	fprintf(table->stream,
	    columns[column].form == FORM_TEXT ? "%-*s" : "%*s",
	    (int)table->widths[column], cell);
	fputs(*colour == '\0' ? "" : "\033[0m", table->stream);
}

static const char *
colour_of(const struct table *table, size_t record, size_t column)
{
	const char *state = get(table, record, "state");

	if (!table->form->colours || strcmp(columns[column].key, "state") != 0)
		return "";
	if (strcmp(state, "up") == 0)
		return "\033[32m";
	if (strcmp(state, "resting") == 0)
		return "";
	if (strcmp(state, "waiting") == 0 || strcmp(state, "stalled") == 0)
		return "\033[31m";
	return "\033[33m";
}

/* Below the row, if there is anything to say. */
static void
write_remark(const struct table *table, const char *label, const char *words)
{
	char text[1024];

	if (*words != '\0')
		fprintf(table->stream, "      %s: %s\n", label,
		    cell_printable(text, sizeof(text), words));
}

static void
write_row(const struct table *table, size_t record)
{
	char cell[TEXT_MAX];
	size_t column;

	for (column = 0; column < COLUMNS; column++) {
		if (columns[column].rank > table->rank)
			continue;
		format_cell(table, record, &columns[column], cell);
		write_cell(table, column, cell,
		    colour_of(table, record, column));
	}
	putc('\n', table->stream);
	write_remark(table, "role", get(table, record, "role"));
	write_remark(table, "note", get(table, record, "note"));
	write_remark(table, "last error", get(table, record, "last_error"));
}

static void
write_titles(const struct table *table)
{
	const char *colour = table->form->colours ? "\033[1m" : "";
	size_t column;

	for (column = 0; column < COLUMNS; column++)
		if (columns[column].rank <= table->rank)
			write_cell(table, column, columns[column].title,
			    colour);
	putc('\n', table->stream);
}

void
table_write(const struct reply *reply, size_t tunnel,
    const struct text_form *form, FILE *stream)
{
	struct table table = { reply, form, stream, tunnel, { 0 }, RANK_MAX };
	size_t i;

	if (measure(&table) == 0) {
		fputs("  paths: none\n", stream);
		return;
	}
	while (form->width > 0 && table.rank > 0 &&
	    total_width(&table) > form->width)
		table.rank--;
	putc('\n', stream);
	write_titles(&table);
	for (i = tunnel + 1; i < reply->count; i++)
		if (is_row(&table, i))
			write_row(&table, i);
}
