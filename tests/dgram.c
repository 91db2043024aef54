/*
 * dgram: a load generator, sink and echo for UDP datagrams.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/flow.h"

static const char usage_text[] =
    "usage: dgram send [options] HOST PORT   send numbered datagrams\n"
    "       dgram sink [options]             count and check what arrives\n"
    "       dgram echo [options]             send everything back\n"
    "       dgram ping [options] HOST PORT   send and measure round trips\n"
    "       dgram port [-n COUNT]            print ports that are free\n"
    "\n"
    "  -4, -6        address family\n"
    "  -a ADDRESS    local address\n"
    "  -p PORT       local port (default: any, printed as port=)\n"
    "  -b BYTES      socket buffers (default 8388608)\n"
    "  -s SIZES      1400, or a list in turn 0,1,1400, or a range 64-1400\n"
    "  -n COUNT      datagrams; sink: end when so many have arrived\n"
    "  -t SECONDS    end after this time\n"
    "  -r RATE       datagrams a second (5000, 100k) or bits (50Mbit);\n"
    "                0 (default): as fast as possible; ping: one at a time\n"
    "  -i SECONDS    sink (default 1), echo (default: never): end after this\n"
    "                silence, once something came; ping (default 5): give up\n"
    "                what has not been answered by then\n"
    "  -w SECONDS    sink: measure nothing but losses before\n"
    "  -o FILE       sink: what arrived in each 20 ms: time in ms, datagrams,\n"
    "                bytes, longest delay in ms\n"
    "  -z COUNT      sink: stop (SIGSTOP) once so many have come\n"
    "  -G            let the kernel cut (send, of one size) and join (sink) "
    "many\n"
    "                datagrams at once\n"
    "  -U PATH       over the local datagram socket of that name, no port\n"
    "  -Q PATH       over the local SOCK_SEQPACKET socket of that name\n"
    "  -B PATH       under this name, if it is a local datagram socket\n"
    "  -S SEED       of content and sizes; the same at both ends (default 1)\n"
    "\n"
    "The reports are key=value lines. One-way delays are right where the two\n"
    "ends share a clock, that is on one machine.\n";

static int
print_ports(const struct flow *flow)
{
	uint64_t i;

	for (i = 0; i < (flow->limit.count == 0 ? 1 : flow->limit.count); i++)
		printf("%u\n", endpoint_free_port());
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct flow *flow);
	bool sends;
	double idle_s;
} commands[] = {
	{ "send", flow_send, true, 0 },
	{ "sink", flow_sink, false, 1 },
	{ "echo", flow_echo, false, 0 },
	{ "ping", flow_ping, true, 5 },
	{ "port", print_ports, false, 0 },
};

static _Noreturn void
usage(int status)
{
	fputs(usage_text, status == 0 ? stdout : stderr);
	exit(status);
}

static void
set_option(struct flow *flow, int option, const char *value)
{
	switch (option) {
	case '4':
		flow->endpoint.family = AF_INET;
		break;
	case '6':
		flow->endpoint.family = AF_INET6;
		break;
	case 'G':
		flow->joins = true;
		break;
	case 'a':
		flow->endpoint.local_host = value;
		break;
	case 'U':
	case 'Q':
		flow->endpoint.unix_type = option == 'U' ? SOCK_DGRAM :
							   SOCK_SEQPACKET;
		flow->endpoint.unix_path = value;
		break;
	case 'B':
		flow->endpoint.unix_type = SOCK_DGRAM;
		flow->endpoint.unix_bind = value;
		break;
	case 'p':
		flow->endpoint.local_port = value;
		break;
	case 'b':
		flow->endpoint.buffer_bytes = (int)limit_number(option, value);
		break;
	case 's':
		if (payload_parse_sizes(value, &flow->sizes) == -1)
			errx(2, "-s %s: not sizes of 0 to %d", value,
			    PAYLOAD_MAX);
		break;
	case 'n':
		flow->limit.count = (uint64_t)limit_number(option, value);
		break;
	case 't':
		flow->limit.seconds = limit_number(option, value);
		break;
	case 'r':
		if (pace_parse(value, &flow->pace) == -1)
			errx(2, "-r %s: not a rate", value);
		break;
	case 'i':
		flow->limit.idle_s = limit_number(option, value);
		break;
	case 'w':
		flow->warm_s = limit_number(option, value);
		break;
	case 'o':
		flow->series = value;
		break;
	case 'z':
		flow->rest_at = (uint64_t)limit_number(option, value);
		break;
	case 'S':
		flow->seed = (uint64_t)limit_number(option, value);
		break;
	case 'h':
		usage(0);
	default:
		usage(2);
	}
}

/* Options, into what has their defaults, and operands behind the name. */
static void
parse(struct flow *flow, const char *name, int argc, char **argv, bool sends)
{
	int option, wanted;

	flow->endpoint.buffer_bytes = 8 << 20;
	(void)payload_parse_sizes("1400", &flow->sizes);
	while ((option = getopt(argc, argv,
		    "46Ga:p:b:U:Q:B:s:n:t:r:i:w:o:z:S:h")) != -1)
		set_option(flow, option, optarg);
	wanted = sends && flow->endpoint.unix_type == 0 ? 2 : 0;
	if (argc - optind != wanted)
		errx(2, "%s %s", name,
		    wanted > 0 ? "needs HOST and PORT" : "takes options only");
	if (flow->joins && sends &&
	    (flow->sizes.count != 1 || flow->sizes.list[0] == 0))
		errx(2, "-G needs datagrams of one size");
	if (wanted > 0) {
		flow->endpoint.host = argv[optind];
		flow->endpoint.port = argv[optind + 1];
	}
}

int
main(int argc, char **argv)
{
	struct flow flow = { .seed = 1 };
	size_t i;

	if (argc >= 2 && strcmp(argv[1], "-h") == 0)
		usage(0);
	for (i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]);
	     i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			flow.limit.idle_s = commands[i].idle_s;
			parse(&flow, argv[1], argc - 1, argv + 1,
			    commands[i].sends);
			return commands[i].run(&flow);
		}
	}
	usage(2);
}
