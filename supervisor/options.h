/*
 * The command line and the environment. Without a file they are the whole
 * configuration: the quick mode.
 */
#ifndef SUPERVISOR_OPTIONS_H
#define SUPERVISOR_OPTIONS_H

#include <stdbool.h>

#define OPTIONS_ERROR_MAX 512

struct config;

struct options {
	const char *file;  /* -f; NULL: quick mode */
	bool check;	   /* -n: check the configuration and exit */
	bool debug;	   /* -d: log at debug level, to stderr */
	char *const *uris; /* quick mode: what is to be dialled; empty: */
	int uris_count;	   /* a listener */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE, /* -h or -V was answered: exit 0 */
	OPTIONS_USAGE /* said on stderr with the usage: exit 1 */
};

enum options_result
options_parse(int argc, char *const *argv, struct options *options);

/*
 * The configuration that the options ask for: the file's, or in quick mode one
 * made of the arguments and of UDPLOC, UDPREM, SERVICE, AE_LOG and the XDG
 * variables. Returns a config (config_free()), or NULL with one line in error.
 * notice holds what of AE_LOG has no meaning here after a success, for the log.
 */
struct config *options_config(const struct options *options,
    char error[OPTIONS_ERROR_MAX], char notice[OPTIONS_ERROR_MAX]);

#endif
