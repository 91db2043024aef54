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
#include "supervisor/ctl/usage.h"
#include "supervisor/ctl/watch.h"
#include "supervisor/ctl/why_ask.h"

struct arguments {
	const char *socket;
	const char *tunnel;
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
	return status_show(arguments->socket, arguments->tunnel,
	    arguments->json);
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
finish_output(void)
{
	if (!ferror(stdout) && fflush(stdout) != EOF)
		return EXIT_SUCCESS;
	warn("standard output");
	return EXIT_FAILURE;
}

static int
show_usage(const char *command)
{
	usage_write(stdout, command);
	return finish_output();
}

static int
run_version(const struct arguments *arguments)
{
	(void)arguments;
	puts("socktopusctl " SOCKTOPUS_VERSION);
	return finish_output();
}

static int
run_help(const struct arguments *arguments)
{
	(void)arguments;
	return show_usage(NULL);
}

/* clang-format off */
static const struct command commands[] = {
	{ "status", ":js:", run_status, NULL },
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

/* command: behind which they stand, or NULL. */
static void
parse_options(int argc, char **argv, const char *command, const char *options,
    struct arguments *arguments)
{
	static const struct option names[] = { { "help", no_argument, NULL,
						   'h' },
		{ "version", no_argument, NULL, 'V' }, { 0 } };
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, options,
		    names + (command == NULL ? 0 : 2), NULL)) != -1) {
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
			usage_fail_option(command, option, argv);
		}
	}
}

static bool
asks_for_help(char **argv)
{
	while (*++argv != NULL && strcmp(*argv, "--") != 0)
		if (strcmp(*argv, "-h") == 0 || strcmp(*argv, "--help") == 0)
			return true;
	return false;
}

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	warnx("unknown command %s", name);
	fputs("usage: socktopusctl [-s SOCKET] COMMAND ...; "
	      "\"socktopusctl help\" lists them\n",
	    stderr);
	exit(USAGE_EXIT);
}

int
main(int argc, char **argv)
{
	struct arguments arguments = { NULL, NULL, false };
	const struct command *command;

	parse_options(argc, argv, NULL, "+:hs:V", &arguments);
	if (optind == argc)
		usage_fail(NULL, "a command is missing");
	command = find_command(argv[optind]);
	argc -= optind;
	argv += optind;
	if (asks_for_help(argv))
		return show_usage(command->name);
	if (command->options == NULL)
		return command->run_own(arguments.socket, argc, argv);
	/* Not 1: glibc would go on to take the first operand for the end. */
	optind = 0;
	parse_options(argc, argv, command->name, command->options, &arguments);
	if (command->run == run_status && optind < argc)
		arguments.tunnel = argv[optind++];
	if (optind != argc)
		usage_fail(command->name, "too many arguments: %s",
		    argv[optind]);
	return command->run(&arguments);
}
