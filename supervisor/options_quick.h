/*
 * The quick mode: a configuration out of arguments and environment alone.
 */
#ifndef SUPERVISOR_OPTIONS_QUICK_H
#define SUPERVISOR_OPTIONS_QUICK_H

#include "supervisor/options.h"

/*
 * With URIs a connector: the first is the destination, each further one a
 * path. Without, a listener. See options_config() for the rest.
 */
struct config *options_quick(char *const *uris, int count,
    char error[OPTIONS_ERROR_MAX], char notice[OPTIONS_ERROR_MAX]);

#endif
