#include "supervisor/ctl/metrics.h"

#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/labels.h"
#include "supervisor/ctl/reply.h"

enum type {
	TYPE_COUNTER,
	TYPE_GAUGE,
	TYPE_INFO,  /* 1, its words in labels: those of the key, by commas */
	TYPE_PARTS, /* a gauge for each of these, the label fate is its name */
	TYPE_IS,    /* 1 if the key, up to a =, has the value that follows it */
	TYPE_STATE  /* of each of the names 1 or 0 */
};

struct metric {
	const char *name; /* with its unit, without the suffix of its type */
	const char *unit; /* or NULL */
	const char *kind; /* of the records that have it */
	const char *key;
	enum type type;
	double scale;  /* the unit in the key's; 0: as it stands */
	bool while_up; /* else it is known of no path */
	const char *help;
};

static const char *const states[] = { "up", "stalled", "dialling", "handshake",
	"opening", "waiting", "resting" };

/* clang-format off */
#define TUNNEL_COUNTER(name, key, help)					\
	{ "socktopus_tunnel_" name "_datagrams", "datagrams", "tunnel", key, \
	    TYPE_COUNTER, 0, false, help }
#define PATH_COUNTER(name, unit, key, help)				\
	{ "socktopus_path_" name, unit, "path", key, TYPE_COUNTER, 0, false, \
	    help }
#define PATH_GAUGE(name, unit, key, scale, help)			\
	{ "socktopus_path_" name "_" unit, unit, "path", key, TYPE_GAUGE, \
	    scale, true, help }

static const struct metric metrics[] = {
	{ "socktopus_process", NULL, "process", "version,mode", TYPE_INFO, 0,
	    false, "A running socktopus." },
	{ "socktopus_process_uptime_seconds", "seconds", "process",
	    "uptime_ms", TYPE_GAUGE, 1e-3, false, "Since its engine started." },
	{ "socktopus_process_reload_available", NULL, "process",
	    "reload=available", TYPE_IS, 0, false,
	    "Whether a reload can change all that is in the file." },

	{ "socktopus_tunnel", NULL, "tunnel",
	    "role,peer,local,remote,scheduler", TYPE_INFO, 0, false,
	    "A tunnel." },
	{ "socktopus_tunnel_up", NULL, "tunnel", "state=up", TYPE_IS, 0, false,
	    "Whether one of its paths is up." },
	TUNNEL_COUNTER("received", "received",
	    "Datagrams taken from the application."),
	TUNNEL_COUNTER("sent", "sent",
	    "Datagrams that went out on a path."),
	TUNNEL_COUNTER("delivered", "delivered",
	    "Datagrams given to the application."),
	TUNNEL_COUNTER("resent", "resent",
	    "Datagrams that went out again on another path."),
	TUNNEL_COUNTER("duplicate", "duplicates",
	    "Datagrams that had come before."),
	TUNNEL_COUNTER("late", "late",
	    "Datagrams that came too late to tell whether they had come."),
	TUNNEL_COUNTER("missing", "missing",
	    "Datagrams of the far end that have not come."),
	TUNNEL_COUNTER("reordered", "reordered",
	    "Datagrams that came out of order, by RFC 4737."),
	{ "socktopus_tunnel_reorder_extent_max_datagrams", "datagrams",
	    "tunnel", "reorder_extent_max", TYPE_GAUGE, 0, false,
	    "The largest extent of reordering, by RFC 4737." },
	{ "socktopus_tunnel_blocked_seconds", "seconds", "tunnel", "blocked_us",
	    TYPE_COUNTER, 1e-6, false, "For how long no path had room." },
	{ "socktopus_tunnel_reorder_wait_seconds", "seconds", "tunnel",
	    "held_us", TYPE_COUNTER, 1e-6, false,
	    "How long datagrams were held for order, all added up." },
	{ "socktopus_tunnel_buffer_bytes", "bytes", "tunnel", "buffer_bytes",
	    TYPE_GAUGE, 0, false,
	    "What may wait in the UDP receive buffer now." },
	{ "socktopus_tunnel_clients", NULL, "tunnel", "clients", TYPE_GAUGE, 0,
	    false, "Senders that the tunnel tells apart." },
	{ "socktopus_tunnel_clients_max", NULL, "tunnel", "clients_max",
	    TYPE_GAUGE, 0, false, "How many it may tell apart." },
	{ "socktopus_tunnel_dropped_datagrams", "datagrams", "drop", "count",
	    TYPE_COUNTER, 0, false,
	    "Datagrams that were lost on this system, by cause." },

	{ "socktopus_ledger_settled", NULL, "ledger", "state=settled", TYPE_IS,
	    0, false, "Whether all that came in are accounted for." },
	{ "socktopus_ledger_came_in_datagrams", "datagrams", "ledger",
	    "came_in", TYPE_GAUGE, 0, false,
	    "Datagrams that reached the UDP socket, since the count began." },
	{ "socktopus_ledger_datagrams", "datagrams", "ledger",
	    "kernel,no_room,too_large,too_old,stranger,waiting,under_way,"
	    "lost_with_path,late,held,delivered,refused,nobody", TYPE_PARTS, 0,
	    false, "What became of them; the sum, once it is settled." },

	{ "socktopus_path", NULL, "path", "role", TYPE_INFO, 0, false,
	    "A path, and its part in its tunnel." },
	{ "socktopus_path_state", NULL, "path", "state", TYPE_STATE, 0, false,
	    "What the path is doing." },
	PATH_GAUGE("uptime", "seconds", "uptime_ms", 1e-3,
	    "Since the path was last ready."),
	PATH_GAUGE("round_trip", "seconds", "rtt_ms", 1e-3,
	    "The smoothed round trip from end to end."),
	PATH_GAUGE("round_trip_variation", "seconds", "rtt_var_ms", 1e-3,
	    "By how much it varies, smoothed: jitter."),
	PATH_GAUGE("rate", "bytes_per_second", "rate", 0,
	    "What the path is believed to carry."),
	PATH_COUNTER("transmitted_bytes", "bytes", "tx_bytes",
	    "Bytes sent, as on the wire."),
	PATH_COUNTER("received_bytes", "bytes", "rx_bytes",
	    "Bytes received, as on the wire."),
	PATH_COUNTER("transmitted_datagrams", "datagrams", "tx_datagrams",
	    "Datagrams in the bytes sent."),
	PATH_COUNTER("received_datagrams", "datagrams", "rx_datagrams",
	    "Datagrams in the bytes received."),
	PATH_COUNTER("restarts", NULL, "restarts",
	    "How often a new worker was needed."),
};
/* clang-format on */

#define KEYS_MAX 192 /* in a metric's key */
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct output {
	const struct gather *gather;
	struct labels labels;
	enum metrics_format format;
	FILE *stream;
};

static const char *
get(const struct labels_row *row, const char *key)
{
	return reply_get(row->reply, &row->reply->records[row->record], key);
}

/* Plain text knows no other types, and counts a suffix as part of the name. */
static void
write_head(const struct output *output, const struct metric *metric)
{
	static const char *const types[] = { [TYPE_COUNTER] = "counter",
		[TYPE_GAUGE] = "gauge",
		[TYPE_INFO] = "info",
		[TYPE_PARTS] = "gauge",
		[TYPE_IS] = "gauge",
		[TYPE_STATE] = "stateset" };
	static const char *const suffixes[] = { [TYPE_COUNTER] = "_total",
		[TYPE_GAUGE] = "",
		[TYPE_INFO] = "_info",
		[TYPE_PARTS] = "",
		[TYPE_IS] = "",
		[TYPE_STATE] = "" };
	bool open = output->format == METRICS_OPENMETRICS;
	const char *suffix = open ? "" : suffixes[metric->type];
	const char *type = open || metric->type == TYPE_COUNTER ?
	    types[metric->type] :
	    "gauge";

	fprintf(output->stream, "# TYPE %s%s %s\n", metric->name, suffix, type);
	if (open && metric->unit != NULL)
		fprintf(output->stream, "# UNIT %s %s\n", metric->name,
		    metric->unit);
	fprintf(output->stream, "# HELP %s%s %s\n", metric->name, suffix,
	    metric->help);
}

static void
begin_sample(const struct output *output, const struct metric *metric,
    const struct labels_row *row, const char *suffix)
{
	fprintf(output->stream, "%s%s{%s", metric->name, suffix, row->text);
	if (row->number > 1)
		fprintf(output->stream, ",number=\"%u\"", row->number);
}

/* Only digits reach the output, whatever the other side says. */
static bool
is_number(const char *value)
{
	size_t whole = strspn(value, "0123456789");

	if (value[whole] == '.')
		return whole > 0 && whole < 20 &&
		    strspn(value + whole + 1, "0123456789") ==
		    strlen(value + whole + 1);
	return whole > 0 && whole <= 20 && value[whole] == '\0';
}

static void
write_number(const struct output *output, const struct metric *metric,
    const struct labels_row *row, const char *value)
{
	if (!is_number(value))
		return;
	begin_sample(output, metric, row,
	    metric->type == TYPE_COUNTER ? "_total" : "");
	if (metric->scale > 0)
		fprintf(output->stream, "} %.6f\n",
		    strtod(value, NULL) * metric->scale);
	else
		fprintf(output->stream, "} %.*s\n",
		    (int)strspn(value, "0123456789"), value);
}

static void
write_parts(const struct output *output, const struct metric *metric,
    const struct labels_row *row)
{
	char keys[KEYS_MAX], *rest = keys, *key;
	const char *value;

	strcpy(keys, metric->key);
	while ((key = strsep(&rest, ",")) != NULL) {
		value = get(row, key);
		if (value == NULL || !is_number(value))
			continue;
		begin_sample(output, metric, row, "");
		fprintf(output->stream, ",fate=\"%s\"} %s\n", key, value);
	}
}

static void
write_is(const struct output *output, const struct metric *metric,
    const struct labels_row *row)
{
	char key[KEYS_MAX], *wanted = key;
	const char *value;

	strcpy(key, metric->key);
	(void)strsep(&wanted, "=");
	value = get(row, key);
	if (value == NULL)
		return;
	begin_sample(output, metric, row, "");
	fprintf(output->stream, "} %d\n", strcmp(value, wanted) == 0);
}

static void
write_info(const struct output *output, const struct metric *metric,
    const struct labels_row *row)
{
	char keys[KEYS_MAX], *rest = keys, *key;
	const char *value;

	begin_sample(output, metric, row, "_info");
	strcpy(keys, metric->key);
	while ((key = strsep(&rest, ",")) != NULL) {
		value = get(row, key);
		if (value == NULL)
			continue;
		putc(',', output->stream);
		labels_write(output->stream, key, value);
	}
	fputs("} 1\n", output->stream);
}

static void
write_states(const struct output *output, const struct metric *metric,
    const struct labels_row *row, const char *value)
{
	size_t i;

	for (i = 0; i < LENGTH(states); i++) {
		begin_sample(output, metric, row, "");
		fprintf(output->stream, ",%s=\"%s\"} %d\n", metric->name,
		    states[i], strcmp(states[i], value) == 0);
	}
}

static bool
is_up(const struct labels_row *row)
{
	const char *state = get(row, "state");

	return state != NULL &&
	    (strcmp(state, "up") == 0 || strcmp(state, "stalled") == 0);
}

static void
write_sample(const struct output *output, const struct metric *metric,
    const struct labels_row *row)
{
	const char *value = get(row, metric->key);
	bool known = value != NULL && (!metric->while_up || is_up(row));

	switch (metric->type) {
	case TYPE_INFO:
		write_info(output, metric, row);
		break;
	case TYPE_PARTS:
		write_parts(output, metric, row);
		break;
	case TYPE_IS:
		write_is(output, metric, row);
		break;
	case TYPE_STATE:
		if (known)
			write_states(output, metric, row, value);
		break;
	case TYPE_COUNTER:
	case TYPE_GAUGE:
		if (known)
			write_number(output, metric, row, value);
		break;
	}
}

static void
write_metric(const struct output *output, const struct metric *metric)
{
	const struct labels_row *row;
	bool begun = false;
	size_t i;

	for (i = 0; i < output->labels.count; i++) {
		row = &output->labels.rows[i];
		if (strcmp(row->kind, metric->kind) != 0)
			continue;
		if (!begun)
			write_head(output, metric);
		begun = true;
		write_sample(output, metric, row);
	}
}

/* Of every process, of one that does not answer too; or that there is none. */
static void
write_up(const struct output *output)
{
	const struct gather *gather = output->gather;
	size_t i;

	fputs("# TYPE socktopus_up gauge\n"
	      "# HELP socktopus_up Whether the process answers.\n",
	    output->stream);
	if (gather->count == 0)
		fputs("socktopus_up 0\n", output->stream);
	for (i = 0; i < gather->count; i++) {
		fputs("socktopus_up{", output->stream);
		labels_write(output->stream, "socket",
		    gather->sources[i].socket);
		fprintf(output->stream, "} %d\n", gather->sources[i].answered);
	}
}

int
metrics_write(const struct gather *gather, enum metrics_format format,
    FILE *stream)
{
	struct output output = { gather, { NULL, 0 }, format, stream };
	size_t i;

	if (labels_make(&output.labels, gather) == -1)
		return -1;
	write_up(&output);
	for (i = 0; i < LENGTH(metrics); i++)
		write_metric(&output, &metrics[i]);
	if (format == METRICS_OPENMETRICS)
		fputs("# EOF\n", stream);
	labels_free(&output.labels);
	return 0;
}

int
metrics_show(const char *socket)
{
	struct gather gather;
	int result;

	gather_ask(&gather, socket, "status", CLIENT_TIMEOUT_MS);
	gather_complain(&gather);
	result = gather.answered > 0 && gather.answered == gather.count ?
	    EXIT_SUCCESS :
	    EXIT_FAILURE;
	if (metrics_write(&gather, METRICS_OPENMETRICS, stdout) == -1) {
		warnx("out of memory");
		result = EXIT_FAILURE;
	}
	gather_free(&gather);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		warn("standard output");
		return EXIT_FAILURE;
	}
	return result;
}
