#include "supervisor/ctl/probe_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "supervisor/ctl/probe_words.h"
#include "supervisor/ctl/cell.h"

#define PLACE_MAX (ADDRESS_URI_MAX + 32)

static double
to_ms(uint64_t us)
{
	return (double)us / 1000;
}

static double
mean_ms(const struct probe_count *count)
{
	return count->pongs == 0 ? 0 : to_ms(count->rtt_sum_us / count->pongs);
}

/* How much later than on an idle path the answers came. */
static double
growth_ms(const struct probe_outcome *outcome, double loaded_ms)
{
	double idle_ms = to_ms(outcome->idle.rtt_least_us);

	return loaded_ms > idle_ms ? loaded_ms - idle_ms : 0;
}

static void
row(FILE *stream, const char *what, const char *value)
{
	fprintf(stream, "%-40s %s\n", what, value);
}

static void
row_ms(FILE *stream, const char *what, uint64_t us)
{
	char value[CELL_MAX];

	snprintf(value, sizeof(value), "%9.3f ms", to_ms(us));
	row(stream, what, value);
}

static void
row_rate(FILE *stream, unsigned int connections, uint64_t bytes_s)
{
	char what[CELL_MAX], value[CELL_MAX];

	if (connections == 1)
		snprintf(what, sizeof(what), "one connection");
	else
		snprintf(what, sizeof(what), "%u connections", connections);
	snprintf(value, sizeof(value), "%9.3f Mbit/s",
	    (double)bytes_s * 8 / 1e6);
	row(stream, what, value);
}

static void
write_steps(const struct probe_outcome *outcome, FILE *stream)
{
	const struct probe_link *link = &outcome->first;
	char place[PLACE_MAX];

	for (size_t i = 0; i < link->steps_count; i++) {
		probe_words_place(outcome->target, link->steps[i].stage,
		    link->steps[i].hop, place, sizeof(place));
		row_ms(stream, place, link->steps[i].took_us);
	}
}

static void
write_round_trip(const struct probe_count *idle, FILE *stream)
{
	char value[128];

	snprintf(value, sizeof(value),
	    "%9.3f ms (least %.3f, most %.3f, %u answers)", mean_ms(idle),
	    to_ms(idle->rtt_least_us), to_ms(idle->rtt_most_us), idle->pongs);
	row(stream, "round trip", value);
}

static void
write_load(const struct probe_outcome *outcome, FILE *stream)
{
	char value[128], bytes[CELL_MAX];

	row_rate(stream, 1, outcome->one_bytes_s);
	snprintf(value, sizeof(value),
	    "%9.3f ms (most %.3f), %s of queue at most",
	    growth_ms(outcome, mean_ms(&outcome->one)),
	    growth_ms(outcome, to_ms(outcome->one.rtt_most_us)),
	    cell_bytes(outcome->queue_bytes, bytes));
	row(stream, "more delay under load", value);
}

int
probe_report_text(const struct probe_outcome *outcome, FILE *stream)
{
	write_steps(outcome, stream);
	if (outcome->handshake_us != 0)
		row_ms(stream, "handshake", outcome->handshake_us);
	if (outcome->idle.pongs > 0)
		write_round_trip(&outcome->idle, stream);
	if (outcome->one_bytes_s > 0)
		write_load(outcome, stream);
	if (outcome->many_bytes_s > 0)
		row_rate(stream, outcome->many, outcome->many_bytes_s);
	if (outcome->words[0] != '\0')
		row(stream, "FAILED", outcome->words);
	else if (outcome->target->identity == NULL)
		row(stream, "connected", "(with -i and -k more is measured)");
	return fflush(stream) == EOF || ferror(stream) ? -1 : 0;
}

static json_t *
make_steps(const struct probe_outcome *outcome)
{
	const struct probe_link *link = &outcome->first;
	json_t *steps = json_array();
	char place[PLACE_MAX];

	for (size_t i = 0; i < link->steps_count; i++) {
		probe_words_place(outcome->target, link->steps[i].stage,
		    link->steps[i].hop, place, sizeof(place));
		json_array_append_new(steps,
		    json_pack("{s:s, s:i, s:f}", "what", place, "hop",
			(int)link->steps[i].hop + 1, "ms",
			to_ms(link->steps[i].took_us)));
	}
	return steps;
}

static json_t *
make_round_trip(const struct probe_count *count)
{
	if (count->pongs == 0)
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:i}", "mean_ms", mean_ms(count),
	    "least_ms", to_ms(count->rtt_least_us), "most_ms",
	    to_ms(count->rtt_most_us), "answers", (int)count->pongs);
}

/* What was not measured is null. */
static json_t *
make_number(uint64_t value)
{
	return value == 0 ? json_null() : json_integer((json_int_t)value);
}

static json_t *
make_outcome(const struct probe_outcome *outcome)
{
	bool failed = outcome->words[0] != '\0';
	json_t *words = failed ? json_string(outcome->words) : json_null();
	json_t *handshake = outcome->handshake_us == 0 ?
	    json_null() :
	    json_real(to_ms(outcome->handshake_us));

	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o}",
	    "ok", !failed, "failure", words, "steps", make_steps(outcome),
	    "handshake_ms", handshake, "round_trip",
	    make_round_trip(&outcome->idle), "round_trip_loaded",
	    make_round_trip(&outcome->one), "rate",
	    make_number(outcome->one_bytes_s), "queued_bytes",
	    make_number(outcome->queue_bytes), "connections",
	    (int)outcome->many, "rate_of_all",
	    make_number(outcome->many_bytes_s));
}

int
probe_report_json(const struct probe_outcome *outcome, FILE *stream)
{
	json_t *json = make_outcome(outcome);
	int result = -1;

	if (json != NULL &&
	    json_dumpf(json, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) ==
		0 &&
	    fputc('\n', stream) != EOF && fflush(stream) != EOF)
		result = 0;
	json_decref(json);
	return result;
}
