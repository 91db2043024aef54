#include "supervisor/ctl/upgrade.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "supervisor/ctl/gather.h"

/* The service itself gives up sooner. */
#define TIMEOUT_MS 30000

int
upgrade_run(const char *socket)
{
	struct gather gather;
	int result;

	gather_ask(&gather, socket, "upgrade", TIMEOUT_MS);
	gather_complain(&gather);
	for (size_t i = 0; i < gather.count; i++)
		if (gather.sources[i].answered)
			printf("%s: upgraded\n", gather.sources[i].socket);
	result = gather.answered > 0 && gather.answered == gather.count ?
	    EXIT_SUCCESS :
	    EXIT_FAILURE;
	gather_free(&gather);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		warn("standard output");
		return EXIT_FAILURE;
	}
	return result;
}
