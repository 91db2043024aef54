#include "supervisor/options.h"

#include <bsd/string.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/options_quick.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

_Static_assert(OPTIONS_ERROR_MAX == CONFIG_ERROR_MAX, "errors are passed on");

static const char usage[] =
    "usage: socktopus [-dn] -f FILE\n"
    "       [UDPLOC=TUPLE UDPREM=TUPLE] socktopus [-dn] tcp://HOST[:PORT] "
    "[URI ...]\n"
    "       [SERVICE=[HOST:]PORT] socktopus [-dn]\n"
    "       socktopus -h | -V\n";

static enum options_result
refuse(const char *why)
{
	fprintf(stderr, "socktopus: %s\n%s", why, usage);
	return OPTIONS_USAGE;
}

static enum options_result
answer(int option)
{
	if (option == 'V')
		printf("socktopus %s\n", PACKAGE_VERSION);
	else
		printf("%s", usage);
	return OPTIONS_DONE;
}

enum options_result
options_parse(int argc, char *const *argv, struct options *options)
{
	static const struct option words[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	memset(options, 0, sizeof(*options));
	optind = 0; /* glibc's getopt begins anew */
	while ((option = getopt_long(argc, argv, "df:hnV", words, NULL)) != -1)
		switch (option) {
		case 'd':
			options->debug = true;
			break;
		case 'f':
			options->file = optarg;
			break;
		case 'n':
			options->check = true;
			break;
		case 'h':
		case 'V':
			return answer(option);
		default:
			return refuse("see socktopus(8)");
		}
	options->uris = argv + optind;
	options->uris_count = argc - optind;
	if (options->file != NULL && options->uris_count > 0)
		return refuse("a file and URIs exclude each other");
	if (options->file != NULL && options->file[0] == '\0')
		return refuse("the name of the file is empty");
	return OPTIONS_RUN;
}

struct config *
options_config(const struct options *options, char error[OPTIONS_ERROR_MAX],
    char notice[OPTIONS_ERROR_MAX])
{
	struct config *config;

	notice[0] = '\0';
	if (options->file != NULL)
		config = config_load(options->file, error);
	else
		config = options_quick(options->uris, options->uris_count,
		    error, notice);
	if (config != NULL && options->debug) {
		config->log.level = LOG_DEBUG_LEVEL;
		config->log.target = LOG_TO_STDERR;
	}
	return config;
}
