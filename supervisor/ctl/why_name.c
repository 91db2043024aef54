#include "supervisor/ctl/why.h"

const char *
why_limit_name(enum why_limit limit)
{
	static const char *const names[] = {
		[WHY_DOWN] = "down",
		[WHY_RECEIVER] = "receiver",
		[WHY_STRANGERS] = "strangers",
		[WHY_CPU] = "cpu",
		[WHY_BUFFER] = "buffer",
		[WHY_PATHS] = "paths",
		[WHY_REORDER] = "reorder",
		[WHY_NOTHING] = "nothing",
	};

	return names[limit];
}
