/*
 * loglines: access log lines as text or as UDP datagrams, and their collector.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/accesslog.h"
#include "tests/batch.h"
#include "tests/endpoint.h"
#include "tests/limit.h"
#include "tests/pace.h"

#define FILE_BUFFER_BYTES (1 << 20)
#define REST_NS UINT64_C(500000)

static const char usage_text[] =
    "usage: loglines print [options]            lines on stdout\n"
    "       loglines send [options] HOST PORT   one datagram for each line\n"
    "       loglines sink [options]             each datagram a line\n"
    "\n"
    "  -4, -6        address family\n"
    "  -a ADDRESS    local address\n"
    "  -p PORT       local port (default: any, printed as port=)\n"
    "  -Q PATH       over the local SOCK_SEQPACKET socket of that name, no "
    "port\n"
    "  -b BYTES      socket buffers (default 33554432)\n"
    "  -o FILE       append the lines sent or received to it\n"
    "  -n COUNT      lines\n"
    "  -t SECONDS    end after this time\n"
    "  -r RATE       lines a second (5000, 100k), 0 (default): no limit\n"
    "  -i SECONDS    sink: end after this silence, once something came\n"
    "  -S SEED       of the lines (default 1)\n";

struct loglines {
	struct endpoint endpoint;
	struct limit limit;
	struct pace pace;
	struct accesslog log;
	const char *file;
	FILE *out; /* NULL: none */
	uint64_t lines;
	uint64_t bytes;
};

static _Noreturn void
usage(int status)
{
	fputs(usage_text, status == 0 ? stdout : stderr);
	exit(status);
}

static void
open_output(struct loglines *lines)
{
	if (lines->file == NULL)
		return;
	lines->out = fopen(lines->file, "ae");
	if (lines->out == NULL)
		err(1, "%s", lines->file);
	setvbuf(lines->out, NULL, _IOFBF, FILE_BUFFER_BYTES);
}

static int
close_output(struct loglines *lines)
{
	if (lines->out != NULL &&
	    (ferror(lines->out) || fclose(lines->out) != 0))
		err(1, "%s", lines->file == NULL ? "stdout" : lines->file);
	return 0;
}

static void
keep(struct loglines *lines, const void *line, size_t length)
{
	lines->lines++;
	lines->bytes += length;
	if (lines->out == NULL)
		return;
	fwrite(line, 1, length, lines->out);
	fputc('\n', lines->out);
}

static bool
is_over(const struct loglines *lines)
{
	return limit_reached(&lines->limit, lines->lines, pace_now_ns(), 0);
}

/*
 * Sleep until the next line is due, at most for a moment. True: it is. To wake
 * for each line would cost more than to send it: some are due then.
 */
static bool
await_turn(const struct loglines *lines)
{
	uint64_t wait_ns = pace_wait_ns(&lines->pace, pace_now_ns());

	if (wait_ns == 0)
		return true;
	if (wait_ns < REST_NS)
		wait_ns = REST_NS;
	pace_sleep_ns(wait_ns < LIMIT_LOOK_NS ? wait_ns : LIMIT_LOOK_NS);
	return false;
}

static void
begin(struct loglines *lines, int fd)
{
	uint64_t now_ns = pace_now_ns();

	(void)prctl(PR_SET_TIMERSLACK, 1000);
	limit_begin(&lines->limit, now_ns);
	pace_start(&lines->pace, now_ns);
	if (fd == -1)
		return;
	printf("port=%u\n", endpoint_port(fd));
	fflush(stdout);
}

static int
print_lines(struct loglines *lines)
{
	char line[ACCESSLOG_LINE_MAX];
	size_t length;

	lines->out = stdout;
	lines->file = NULL;
	begin(lines, -1);
	while (!is_over(lines) && !ferror(stdout)) {
		if (!await_turn(lines))
			continue;
		length = accesslog_line(&lines->log, line);
		pace_spend(&lines->pace, pace_now_ns(), length);
		keep(lines, line, length);
	}
	return close_output(lines);
}

static void
send_due(struct loglines *lines, struct batch *batch, int fd)
{
	static char line[BATCH_SIZE][ACCESSLOG_LINE_MAX];
	uint64_t now_ns = pace_now_ns();
	size_t length;
	char *next;

	while (batch->count < BATCH_SIZE &&
	    (lines->limit.count == 0 || lines->lines < lines->limit.count) &&
	    pace_wait_ns(&lines->pace, now_ns) == 0) {
		next = line[batch->count];
		length = accesslog_line(&lines->log, next);
		batch_add(batch, 0, (uint8_t *)next, length);
		pace_spend(&lines->pace, now_ns, length);
		keep(lines, next, length);
	}
	batch_send(batch, fd);
}

static int
send_lines(struct loglines *lines)
{
	struct batch *batch;
	double seconds;
	int fd;

	fd = endpoint_open(&lines->endpoint);
	batch = batch_new();
	open_output(lines);
	begin(lines, fd);
	while (!is_over(lines)) {
		if (await_turn(lines))
			send_due(lines, batch, fd);
	}
	seconds = (double)(pace_now_ns() - lines->limit.begun_ns) / 1e9;
	printf("sent=%" PRIu64 "\nsent_bytes=%" PRIu64 "\n", lines->lines,
	    lines->bytes);
	printf("send_seconds=%.3f\nlines_per_s=%.0f\n", seconds,
	    (double)lines->lines / seconds);
	printf("send_refused=%" PRIu64 "\n", batch->refused);
	batch_free(batch);
	close(fd);
	return close_output(lines);
}

static int
sink_lines(struct loglines *lines)
{
	const uint8_t *line;
	struct batch *batch;
	uint64_t now_ns, heard_ns = 0;
	unsigned int i, count;
	bool was_told;
	size_t length;
	int fd;

	fd = endpoint_open(&lines->endpoint);
	batch = batch_new();
	open_output(lines);
	begin(lines, fd);
	do {
		was_told = limit_signalled();
		now_ns = pace_now_ns();
		count = batch_receive(batch, fd);
		if (count == 0)
			limit_wait_input(fd, LIMIT_LOOK_NS);
		else
			heard_ns = pace_now_ns();
		for (i = 0; i < count; i++) {
			line = batch_message(batch, i, &length);
			keep(lines, line, length);
		}
	} while (limit_goes_on(&lines->limit, lines->lines, now_ns, heard_ns,
	    was_told, count > 0));
	printf("received=%" PRIu64 "\nbytes=%" PRIu64 "\n", lines->lines,
	    lines->bytes);
	printf("kernel_drops=%" PRIu32 "\n", batch->kernel_drops);
	batch_free(batch);
	close(fd);
	return close_output(lines);
}

static const struct {
	const char *name;
	int (*run)(struct loglines *lines);
	bool sends;
} commands[] = {
	{ "print", print_lines, false },
	{ "send", send_lines, true },
	{ "sink", sink_lines, false },
};

static void
set_option(struct loglines *lines, int option, const char *value)
{
	switch (option) {
	case '4':
		lines->endpoint.family = AF_INET;
		break;
	case '6':
		lines->endpoint.family = AF_INET6;
		break;
	case 'a':
		lines->endpoint.local_host = value;
		break;
	case 'p':
		lines->endpoint.local_port = value;
		break;
	case 'Q':
		lines->endpoint.unix_type = SOCK_SEQPACKET;
		lines->endpoint.unix_path = value;
		break;
	case 'b':
		lines->endpoint.buffer_bytes = (int)limit_number(option, value);
		break;
	case 'o':
		lines->file = value;
		break;
	case 'n':
		lines->limit.count = (uint64_t)limit_number(option, value);
		break;
	case 't':
		lines->limit.seconds = limit_number(option, value);
		break;
	case 'i':
		lines->limit.idle_s = limit_number(option, value);
		break;
	case 'r':
		if (pace_parse(value, &lines->pace) == -1)
			errx(2, "-r %s: not a rate", value);
		break;
	case 'S':
		accesslog_init(&lines->log,
		    (uint64_t)limit_number(option, value));
		break;
	case 'h':
		usage(0);
	default:
		usage(2);
	}
}

static void
parse(struct loglines *lines, const char *name, int argc, char **argv,
    bool sends)
{
	int option, wanted;

	memset(lines, 0, sizeof(*lines));
	lines->endpoint.buffer_bytes = 32 << 20;
	accesslog_init(&lines->log, 1);
	while ((option = getopt(argc, argv, "46a:p:Q:b:o:n:t:r:i:S:h")) != -1)
		set_option(lines, option, optarg);
	wanted = sends && lines->endpoint.unix_type == 0 ? 2 : 0;
	if (argc - optind != wanted)
		errx(2, "%s %s", name,
		    wanted > 0 ? "needs HOST and PORT" : "takes options only");
	if (wanted > 0) {
		lines->endpoint.host = argv[optind];
		lines->endpoint.port = argv[optind + 1];
	}
}

int
main(int argc, char **argv)
{
	struct loglines lines;
	size_t i;

	if (argc >= 2 && strcmp(argv[1], "-h") == 0)
		usage(0);
	for (i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]);
	     i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			parse(&lines, argv[1], argc - 1, argv + 1,
			    commands[i].sends);
			return commands[i].run(&lines);
		}
	}
	usage(2);
}
