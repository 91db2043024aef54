#include "supervisor/ctl/text_reload.h"

#include <stddef.h>
#include <string.h>

#include "supervisor/ctl/reply.h"

const char *
text_reload(const struct reply *reply, const struct reply_record *process)
{
	const char *state = reply_get(reply, process, "reload");

	if (state != NULL && strcmp(state, "unavailable") == 0)
		return "reload unavailable: the loader is gone, restart the "
		       "service";
	if (state != NULL && strcmp(state, "limited") == 0)
		return "reload limited: the opener is gone, no new log or "
		       "named end until a restart";
	return NULL;
}
