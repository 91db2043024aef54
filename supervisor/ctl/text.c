#include "supervisor/ctl/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/cell.h"
#include "supervisor/ctl/reply.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/text_ledger.h"
#include "supervisor/ctl/text_reload.h"

struct output {
	const struct reply *reply;
	const struct text_form *form;
	FILE *stream;
};

/* A row of counters, as ip -s has them. */
struct counter {
	const char *title;
	const char *key;
};

static const struct counter sent[] = { { "datagrams", "sent" },
	{ "resent", "resent" } };
static const struct counter delivered[] = { { "datagrams", "delivered" },
	{ "duplicates", "duplicates" }, { "late", "late" },
	{ "missing", "missing" }, { "reordered", "reordered" } };

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *
get(const struct output *output, size_t record, const char *key)
{
	return reply_text(output->reply, record, key);
}

static uint64_t
get_number(const struct output *output, size_t record, const char *key)
{
	return reply_number(output->reply, record, key);
}

static void
write_words(const struct output *output, const char *text)
{
	char words[1024];

	fputs(cell_printable(words, sizeof(words), text), output->stream);
}

static void
write_title(const struct output *output, const char *title)
{
	fprintf(output->stream,
	    output->form->colours ? "  \033[1m%s\033[0m: " : "  %s: ", title);
}

static void
write_line(const struct output *output, size_t record, const char *title,
    const char *key)
{
	const char *value = get(output, record, key);

	if (*value == '\0')
		return;
	write_title(output, title);
	write_words(output, value);
	putc('\n', output->stream);
}

static void
write_clients(const struct output *output, size_t tunnel)
{
	uint64_t most = get_number(output, tunnel, "clients_max");

	if (most == 0)
		return;
	write_title(output, "clients");
	fprintf(output->stream, "%" PRIu64 " of %" PRIu64 " in use\n",
	    get_number(output, tunnel, "clients"), most);
}

static bool
is_of(const struct output *output, size_t record, size_t tunnel,
    const char *kind)
{
	return output->reply->records[record].tunnel == tunnel &&
	    strcmp(output->reply->records[record].kind, kind) == 0;
}

static void
write_state(const struct output *output, size_t tunnel)
{
	size_t up = 0, paths = 0, i;

	for (i = tunnel + 1; i < output->reply->count; i++) {
		if (!is_of(output, i, tunnel, "path"))
			continue;
		paths++;
		up += strcmp(get(output, i, "state"), "up") == 0;
	}
	write_title(output, "state");
	write_words(output, get(output, tunnel, "state"));
	fprintf(output->stream, ", %zu of %zu paths up\n", up, paths);
}

/* Two lines: what is counted, and how much there was. */
static void
write_counters(const struct output *output, size_t tunnel, const char *title,
    const struct counter *counters, size_t count)
{
	const char *value;
	char number[32];
	size_t i;

	fprintf(output->stream, "  %s:%*s", title, (int)(11 - strlen(title)),
	    "");
	for (i = 0; i < count; i++)
		fprintf(output->stream, "%12s", counters[i].title);
	fprintf(output->stream, "\n%14s", "");
	for (i = 0; i < count; i++) {
		value = get(output, tunnel, counters[i].key);
		fprintf(output->stream, "%12s",
		    *value == '\0' ?
			"-" :
			cell_printable(number, sizeof(number), value));
	}
	putc('\n', output->stream);
}

static void
write_drops(const struct output *output, size_t tunnel)
{
	const char *comma = "";
	size_t i;

	write_title(output, "dropped");
	for (i = tunnel + 1; i < output->reply->count; i++) {
		if (!is_of(output, i, tunnel, "drop") ||
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
write_ledger(const struct output *output, size_t tunnel)
{
	for (size_t i = tunnel + 1; i < output->reply->count; i++)
		if (is_of(output, i, tunnel, "ledger"))
			text_ledger_write(output->reply, i, output->stream);
}

static void
write_tunnel(const struct output *output, size_t tunnel)
{
	bool colours = output->form->colours;

	fputs(colours ? "\033[1;32mtunnel\033[0m: \033[1m" : "tunnel: ",
	    output->stream);
	write_words(output, get(output, tunnel, "name"));
	fputs(colours ? "\033[0m\n" : "\n", output->stream);
	write_line(output, tunnel, "role", "role");
	write_state(output, tunnel);
	write_line(output, tunnel, "peer", "peer");
	write_line(output, tunnel, "local", "local");
	write_line(output, tunnel, "remote", "remote");
	write_clients(output, tunnel);
	write_line(output, tunnel, "scheduler", "scheduler");
	write_counters(output, tunnel, "sent", sent, LENGTH(sent));
	write_counters(output, tunnel, "delivered", delivered,
	    LENGTH(delivered));
	write_ledger(output, tunnel);
	write_drops(output, tunnel);
	table_write(output->reply, tunnel, output->form, output->stream);
}

static void
write_process(const struct output *output, size_t process, const char *socket)
{
	const char *missing = text_reload(output->reply,
	    &output->reply->records[process]);
	char cell[CELL_MAX];

	fputs("socktopus ", output->stream);
	write_words(output, get(output, process, "version"));
	fputs(", pid ", output->stream);
	write_words(output, get(output, process, "pid"));
	fputs(", ", output->stream);
	write_words(output, get(output, process, "mode"));
	fprintf(output->stream, " mode, up %s, at ",
	    cell_time(get_number(output, process, "uptime_ms"), cell));
	write_words(output, socket);
	putc('\n', output->stream);
	if (missing != NULL)
		fprintf(output->stream, "%s\n", missing);
}

void
text_write(const struct reply *reply, const char *socket,
    const struct text_form *form, FILE *stream)
{
	struct output output = { reply, form, stream };
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
