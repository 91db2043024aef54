#include "supervisor/ctl/usage.h"

#include <err.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct form {
	const char *command;
	const char *words;
} forms[] = {
	{ "status", "[-s SOCKET] status [-j] [TUNNEL]" },
	{ "why", "[-s SOCKET] why [-j | -q] [-t SECONDS] [TUNNEL]" },
	{ "watch", "[-s SOCKET] watch [-c COUNT] [-i SECONDS]" },
	{ "metrics", "[-s SOCKET] metrics" },
	{ "exporter", "[-s SOCKET] exporter [--listen HOST:PORT]" },
	{ "path", "[-s SOCKET] path add TUNNEL URI[,URI...] [KEY=VALUE...]" },
	{ "path", "[-s SOCKET] path set TUNNEL URI[,URI...] KEY=VALUE..." },
	{ "path", "[-s SOCKET] path del|drain TUNNEL URI[,URI...]" },
	{ "tunnel", "[-s SOCKET] tunnel add NAME peer=NAME destination=URI\n"
	    "           local=TUPLE remote=TUPLE [path=URI...] "
	    "[KEY=VALUE...]" },
	{ "tunnel", "[-s SOCKET] tunnel del|up|down NAME" },
	{ "peer", "[-s SOCKET] peer add NAME KEY [psk=FILE] "
	    "[permit=ENTRY,...]" },
	{ "peer", "[-s SOCKET] peer del NAME" },
	{ "reload", "[-s SOCKET] reload" },
	{ "upgrade", "[-s SOCKET] upgrade" },
	{ "log", "[-s SOCKET] log LEVEL" },
	{ "probe", "probe [-j] [-n CONNECTIONS] [-a AUTH]\n"
	    "           [-i IDENTITY -k KEY [-p PSK]] [--to HOST:PORT] "
	    "URI[,URI...]" },
	{ "genkey", "genkey" },
	{ "pubkey", "pubkey" },
	{ "genpsk", "genpsk" },
	{ "version", "version" },
	{ "help", "help" },
};
/* clang-format on */

void
usage_write(FILE *stream, const char *command)
{
	const char *lead = "usage:";

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (command != NULL && strcmp(forms[i].command, command) != 0)
			continue;
		fprintf(stream, "%s socktopusctl %s\n", lead, forms[i].words);
		lead = "      ";
	}
}

void
usage_fail(const char *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
	usage_write(stderr, command);
	exit(USAGE_EXIT);
}

void
usage_fail_option(const char *command, int result, char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	const char *option = strncmp(argv[optind - 1], "--", 2) == 0 ?
	    argv[optind - 1] :
	    letter;

	usage_fail(command,
	    result == ':' ? "option %s needs an argument" : "unknown option %s",
	    option);
}
