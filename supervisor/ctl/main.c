#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/change.h"
#include "supervisor/ctl/exporter.h"
#include "supervisor/ctl/keys.h"
#include "supervisor/ctl/metrics.h"
#include "supervisor/ctl/probe.h"
#include "supervisor/ctl/status.h"
#include "supervisor/ctl/upgrade.h"
#include "supervisor/ctl/watch.h"
#include "supervisor/ctl/why_ask.h"

#define EXIT_USAGE 2

struct arguments {
	const char *socket;
	bool json;
};

struct command {
	const char *name;
	const char *options; /* NULL: it reads its own */
	int (*run)(const struct arguments *arguments);
	int (*run_own)(const char *socket, int argc, char **argv);
};

static int
run_status(const struct arguments *arguments)
{
	return status_show(arguments->socket, arguments->json);
}

static int
run_metrics(const struct arguments *arguments)
{
	return metrics_show(arguments->socket);
}

static int
run_upgrade(const struct arguments *arguments)
{
	return upgrade_run(arguments->socket);
}

static int
run_probe(const char *socket, int argc, char **argv)
{
	(void)socket;
	return probe_main(argc, argv);
}

static int
run_genkey(const struct arguments *arguments)
{
	(void)arguments;
	return keys_genkey();
}

static int
run_pubkey(const struct arguments *arguments)
{
	(void)arguments;
	return keys_pubkey();
}

static int
run_genpsk(const struct arguments *arguments)
{
	(void)arguments;
	return keys_genpsk();
}

static int
write_line(const char *text)
{
	if (puts(text) != EOF && fflush(stdout) != EOF)
		return EXIT_SUCCESS;
	warn("standard output");
	return EXIT_FAILURE;
}

static int
run_version(const struct arguments *arguments)
{
	(void)arguments;
	return write_line("socktopusctl " SOCKTOPUS_VERSION);
}

static const char usage_text[] =
    "usage: socktopusctl [-s SOCKET] status [-j] | metrics | upgrade\n"
    "       socktopusctl [-s SOCKET] watch [-c COUNT] [-i SECONDS]\n"
    "       socktopusctl [-s SOCKET] exporter [--listen HOST:PORT]\n"
    "       socktopusctl [-s SOCKET] reload | log LEVEL\n"
    "       socktopusctl [-s SOCKET] path add|set|del|drain TUNNEL URI...\n"
    "       socktopusctl [-s SOCKET] tunnel add|del|up|down NAME...\n"
    "       socktopusctl [-s SOCKET] peer add|del NAME...\n"
    "       socktopusctl [-s SOCKET] why [-j | -q] [-t SECONDS] [TUNNEL]\n"
    "       socktopusctl probe [-j] [-n CONNECTIONS] [-a AUTH]\n"
    "           [-i IDENTITY -k KEY [-p PSK]] [--to HOST:PORT] URI[,URI...]\n"
    "       socktopusctl genkey | pubkey | genpsk | version";

static int
run_help(const struct arguments *arguments)
{
	(void)arguments;
	return write_line(usage_text);
}

/* clang-format off */
static const struct command commands[] = {
	{ "status", "+:js:", run_status, NULL },
	{ "watch", NULL, NULL, watch_main },
	{ "metrics", "+:s:", run_metrics, NULL },
	{ "upgrade", "+:s:", run_upgrade, NULL },
	{ "exporter", NULL, NULL, exporter_main },
	{ "reload", NULL, NULL, change_main },
	{ "log", NULL, NULL, change_main },
	{ "path", NULL, NULL, change_main },
	{ "tunnel", NULL, NULL, change_main },
	{ "peer", NULL, NULL, change_main },
	{ "why", NULL, NULL, why_main },
	{ "probe", NULL, NULL, run_probe },
	{ "genkey", "+:", run_genkey, NULL },
	{ "pubkey", "+:", run_pubkey, NULL },
	{ "genpsk", "+:", run_genpsk, NULL },
	{ "version", "+:", run_version, NULL },
	{ "help", "+:", run_help, NULL },
};
/* clang-format on */

static void __attribute__((noreturn))
fail_usage(const char *what, const char *which)
{
	if (what != NULL)
		warnx("%s%s", what, which);
	fprintf(stderr, "%s\n", usage_text);
	exit(EXIT_USAGE);
}

static void __attribute__((noreturn)) fail_option(int result)
{
	char letter[2] = { (char)optopt, '\0' };

	fail_usage(result == ':' ? "an argument is missing for option -" :
				   "unknown option -",
	    letter);
}

static void
parse_options(int argc, char **argv, const char *options,
    struct arguments *arguments)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, options)) != -1) {
		switch (option) {
		case 's':
			arguments->socket = optarg;
			break;
		case 'j':
			arguments->json = true;
			break;
		case 'h':
			exit(run_help(arguments));
		case 'V':
			exit(run_version(arguments));
		default:
			fail_option(option);
		}
	}
}

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fail_usage("unknown command ", name);
}

int
main(int argc, char **argv)
{
	struct arguments arguments = { NULL, false };
	const struct command *command;

	parse_options(argc, argv, "+:hs:V", &arguments);
	if (optind == argc)
		fail_usage(NULL, NULL);
	command = find_command(argv[optind]);
	argc -= optind;
	argv += optind;
	if (command->options == NULL)
		return command->run_own(arguments.socket, argc, argv);
	optind = 1;
	parse_options(argc, argv, command->options, &arguments);
	if (optind != argc)
		fail_usage("too many arguments: ", argv[optind]);
	return command->run(&arguments);
}
