#include "supervisor/ctl/watch_lines.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/cell.h"
#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/labels.h"
#include "supervisor/ctl/text_ledger.h"
#include "supervisor/ctl/text_reload.h"
#include "supervisor/ctl/watch_why.h"
#include "supervisor/ctl/why.h"

#define WRAP 76 /* columns of a sentence */

static struct watch_line *
add_line(struct watch_lines *seen)
{
	struct watch_line *lines = reallocarray(seen->lines, seen->count + 1,
	    sizeof(*lines));

	if (lines == NULL)
		return NULL;
	seen->lines = lines;
	memset(&lines[seen->count], 0, sizeof(*lines));
	return &lines[seen->count++];
}

static const char *
get(const struct labels_row *row, const char *key)
{
	return reply_text(row->reply, row->record, key);
}

/* How much of it goes on a line: up to a blank, if there is one. */
static size_t
take_words(const char *text)
{
	size_t length = strlen(text), at = WRAP;

	if (length <= WRAP)
		return length;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : WRAP;
}

/* A sentence, on as many lines as it takes. */
static void
add_words(struct watch_lines *seen, const char *text)
{
	char words[WHY_SENTENCE_MAX];
	const char *at = cell_printable(words, sizeof(words), text);
	struct watch_line *line;
	size_t length;

	while (*at != '\0') {
		line = add_line(seen);
		if (line == NULL)
			return;
		length = take_words(at);
		snprintf(line->text, sizeof(line->text), "%.*s", (int)length,
		    at);
		at += length;
		at += *at == ' ';
	}
}

/* Those who do not answer, and why. */
static void
add_silent(struct watch_lines *seen, const struct gather *gather)
{
	const struct gather_source *source = gather->sources;
	char text[WATCH_TEXT_MAX];

	for (; source < gather->sources + gather->count; source++) {
		if (source->answered)
			continue;
		snprintf(text, sizeof(text), "%s: %s", source->socket,
		    source->error);
		add_words(seen, text);
	}
	if (gather->count > 0 || gather->denied == NULL)
		return;
	snprintf(text, sizeof(text), "%s: " CLIENT_DENIED, gather->denied);
	add_words(seen, text);
}

static void
add_process(struct watch_lines *seen, const struct labels_row *row)
{
	const char *missing = text_reload(row->reply,
	    &row->reply->records[row->record]);

	if (missing != NULL)
		add_words(seen, missing);
}

static void
add_tunnel(struct watch_lines *seen, const struct labels_row *row,
    const struct watch_why *why)
{
	struct watch_line *line;
	char text[WATCH_TEXT_MAX], losses[TEXT_LEDGER_MAX];

	(void)add_line(seen); /* an empty one between */
	line = add_line(seen);
	if (line == NULL)
		return;
	line->title = true;
	snprintf(text, sizeof(text), "%s  %s, peer %s, %s", get(row, "name"),
	    get(row, "role"), get(row, "peer"), get(row, "state"));
	cell_printable(line->text, sizeof(line->text), text);
	snprintf(text, sizeof(text), "lost: %s",
	    text_ledger_losses(row->reply, row->record, losses));
	add_words(seen, text);
	add_words(seen,
	    watch_why_sentence(why, row->socket, row->reply, row->record));
}

static enum watch_colour
colour_of(const char *state)
{
	if (strcmp(state, "up") == 0)
		return WATCH_GOOD;
	if (strcmp(state, "resting") == 0)
		return WATCH_NONE;
	if (strcmp(state, "waiting") == 0 || strcmp(state, "stalled") == 0)
		return WATCH_BAD;
	return WATCH_BUSY;
}

static void
format_rate(char to[WATCH_CELL_MAX], double rate)
{
	char cell[CELL_MAX];

	snprintf(to, WATCH_CELL_MAX, "%s/s", cell_bytes((uint64_t)rate, cell));
}

static void
add_path(struct watch_lines *seen, const struct labels_row *row)
{
	struct watch_line *line = add_line(seen);
	double tx = reply_amount(row->reply, row->record, "tx_rate");
	double rx = reply_amount(row->reply, row->record, "rx_rate");
	double rtt_ms = reply_amount(row->reply, row->record, "rtt_ms");
	char key[WATCH_TEXT_MAX * 2];

	if (line == NULL)
		return;
	cell_printable(line->text, sizeof(line->text), get(row, "uri"));
	if (strlen(line->text) > seen->longest)
		seen->longest = strlen(line->text);
	cell_printable(line->state, sizeof(line->state), get(row, "state"));
	line->colour = colour_of(line->state);
	if (rtt_ms > 0 && rtt_ms < 1e6)
		snprintf(line->rtt, sizeof(line->rtt), "%.2f ms", rtt_ms);
	format_rate(line->tx, tx);
	format_rate(line->rx, rx);
	snprintf(key, sizeof(key), "%u %s", row->number, row->text);
	line->samples = graph_add(&seen->graph, key, tx + rx, rtt_ms);
}

void
watch_lines_update(struct watch_lines *seen, const struct gather *gather,
    const struct watch_why *why)
{
	struct labels labels;
	size_t i;

	seen->count = seen->longest = 0;
	add_silent(seen, gather);
	if (labels_make(&labels, gather) == -1)
		return;
	graph_begin(&seen->graph);
	for (i = 0; i < labels.count; i++) {
		if (strcmp(labels.rows[i].kind, "process") == 0)
			add_process(seen, &labels.rows[i]);
		else if (strcmp(labels.rows[i].kind, "tunnel") == 0)
			add_tunnel(seen, &labels.rows[i], why);
		else if (strcmp(labels.rows[i].kind, "path") == 0)
			add_path(seen, &labels.rows[i]);
	}
	graph_end(&seen->graph);
	labels_free(&labels);
}

void
watch_lines_free(struct watch_lines *seen)
{
	graph_free(&seen->graph);
	free(seen->lines);
	memset(seen, 0, sizeof(*seen));
}
