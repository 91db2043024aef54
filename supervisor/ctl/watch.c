#include "supervisor/ctl/watch.h"

#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/ctl/cell.h"
#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/text_ledger.h"
#include "supervisor/ctl/text_reload.h"
#include "supervisor/ctl/usage.h"
#include "supervisor/ctl/watch_screen.h"
#include "supervisor/ctl/watch_why.h"

#define ASK_TIMEOUT_MS 1000
#define SECONDS_MIN 0.1
#define SECONDS_MAX 3600

struct settings {
	const char *socket;
	int64_t period_ms;
	unsigned long rounds; /* 0: without end */
};

static double
read_number(char option, double least, double most)
{
	const char *text = optarg;
	char *end;
	double number = strtod(text, &end);

	if (end == text || *end != '\0' || !(number >= least) ||
	    !(number <= most))
		usage_fail("watch", "-%c %s: not from %g to %g", option, text,
		    least, most);
	return number;
}

static void
parse_options(int argc, char **argv, struct settings *settings)
{
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt(argc, argv, "+:c:i:s:")) != -1) {
		switch (option) {
		case 'c':
			settings->rounds = (unsigned long)read_number('c', 1,
			    1e9);
			break;
		case 'i':
			settings->period_ms = (int64_t)(1000 *
			    read_number('i', SECONDS_MIN, SECONDS_MAX));
			break;
		case 's':
			settings->socket = optarg;
			break;
		default:
			usage_fail_option("watch", option, argv);
		}
	}
	if (optind != argc)
		usage_fail("watch", "too many arguments: %s", argv[optind]);
}

static void
write_field(const char *value)
{
	char text[1024];

	printf("\t%s",
	    value == NULL || *value == '\0' ?
		"-" :
		cell_printable(text, sizeof(text), value));
}

static void
write_path(const char *now, const struct reply *reply, size_t i)
{
	static const char *const keys[] = { "uri", "state", "rtt_ms", "tx_rate",
		"rx_rate" };
	const struct reply_record *record = &reply->records[i];
	size_t k;

	fputs(now, stdout);
	write_field(reply->records[record->tunnel].name);
	for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		write_field(reply_get(reply, record, keys[k]));
	puts("\t-\t-");
}

static void
write_tunnel(const char *now, const struct gather_source *source, size_t i,
    const struct watch_why *why)
{
	const struct reply_record *record = &source->reply.records[i];
	char losses[TEXT_LEDGER_MAX];

	fputs(now, stdout);
	write_field(record->name);
	write_field(NULL);
	write_field(reply_get(&source->reply, record, "state"));
	fputs("\t-\t-\t-", stdout);
	write_field(text_ledger_losses(&source->reply, i, losses));
	write_field(watch_why_sentence(why, source->socket, &source->reply, i));
	putchar('\n');
}

/* Of a process that lacks something alone. */
static void
write_process(const char *now, const struct reply *reply,
    const struct reply_record *record)
{
	const char *missing = text_reload(reply, record);

	if (missing != NULL)
		printf("%s\t-\t-\t-\t-\t-\t-\t-\t%s\n", now, missing);
}

static void
write_source(const char *now, const struct gather_source *source,
    const struct watch_why *why)
{
	const struct reply_record *record = source->reply.records;

	for (size_t i = 0; i < source->reply.count; i++, record++) {
		if (strcmp(record->kind, "process") == 0)
			write_process(now, &source->reply, record);
		else if (strcmp(record->kind, "tunnel") == 0)
			write_tunnel(now, source, i, why);
		else if (strcmp(record->kind, "path") == 0 &&
		    record->tunnel != REPLY_NONE)
			write_path(now, &source->reply, i);
	}
}

static void
write_lines(const struct gather *gather, const struct watch_why *why)
{
	time_t now = time(NULL);
	struct tm fields;
	char text[32];
	size_t source;

	gmtime_r(&now, &fields);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &fields);
	for (source = 0; source < gather->count; source++)
		if (gather->sources[source].answered)
			write_source(text, &gather->sources[source], why);
}

static int
run_lines(const struct settings *settings, struct watch_why *why)
{
	const struct timespec period = { settings->period_ms / 1000,
		settings->period_ms % 1000 * 1000000 };
	struct gather gather;
	bool answered = true;
	unsigned long round;

	for (round = 1; answered; round++) {
		gather_ask(&gather, settings->socket, "status", ASK_TIMEOUT_MS);
		gather_complain(&gather);
		answered = gather.answered > 0;
		if (answered && round == 1)
			puts("TIME\tTUNNEL\tPATH\tSTATE\tRTT_MS\tTX_RATE\t"
			     "RX_RATE\tLOST\tWHY");
		watch_why_see(why, &gather);
		write_lines(&gather, why);
		watch_why_end(why, &gather);
		if (fflush(stdout) == EOF) {
			warn("standard output");
			return EXIT_FAILURE;
		}
		if (round == settings->rounds)
			break;
		if (answered)
			nanosleep(&period, NULL);
	}
	return answered ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run_screen(const struct settings *settings, struct watch_why *why)
{
	struct gather gather;
	unsigned long round;
	int ended = 0;

	for (round = 1; ended == 0; round++) {
		gather_ask(&gather, settings->socket, "status", ASK_TIMEOUT_MS);
		watch_why_see(why, &gather);
		watch_screen_show(&gather, why);
		watch_why_end(why, &gather);
		if (round == settings->rounds)
			break;
		ended = watch_screen_wait(settings->period_ms);
	}
	watch_screen_close();
	if (ended > 0)
		raise(ended);
	return EXIT_SUCCESS;
}

/* One that cannot move its cursor has no screen. */
static bool
is_terminal(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDOUT_FILENO) && kind != NULL &&
	    strcmp(kind, "dumb") != 0;
}

int
watch_main(const char *socket, int argc, char **argv)
{
	struct settings settings = { socket, 1000, 0 };
	struct watch_why *why;
	int result;

	parse_options(argc, argv, &settings);
	why = watch_why_new();
	if (why == NULL)
		err(EXIT_FAILURE, NULL);
	if (is_terminal() && watch_screen_open() == 0)
		result = run_screen(&settings, why);
	else
		result = run_lines(&settings, why);
	watch_why_free(why);
	return result;
}
