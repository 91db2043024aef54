#include "supervisor/engine/permitted.h"

#include <stdlib.h>

#include "supervisor/config.h"
#include "supervisor/config_ends.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/sockets.h"

int
permitted_open(struct permitted *permitted, const struct engine *engine,
    const struct sockets *sockets)
{
	struct config_walk walk = { 0 };
	struct config_end item;
	struct end *end;

	permitted->ends = calloc(sockets->permitted_count + 1,
	    sizeof(*permitted->ends));
	if (permitted->ends == NULL)
		return -1;
	while (config_ends_next(engine->config, &walk, &item)) {
		if (!item.permitted)
			continue;
		end = end_new(&item.pair, sockets->permitted[permitted->count]);
		if (end == NULL)
			return -1;
		end->kept = true;
		permitted->ends[permitted->count++] = end;
	}
	return 0;
}

void
permitted_close(struct permitted *permitted)
{
	for (size_t i = 0; i < permitted->count; i++)
		end_free(permitted->ends[i]);
	free(permitted->ends);
	*permitted = (struct permitted){ NULL, 0 };
}

struct end *
permitted_find(const struct permitted *permitted,
    const struct address_pair *asked)
{
	for (size_t i = 0; i < permitted->count; i++)
		if (address_same_pair(&permitted->ends[i]->asked, asked))
			return permitted->ends[i];
	return NULL;
}
