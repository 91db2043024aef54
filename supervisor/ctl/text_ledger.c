#include "supervisor/ctl/text_ledger.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/reply.h"

static const struct fate {
	const char *key;
	const char *words;
} fates[] = {
	{ "delivered", "delivered" },
	{ "waiting", "waiting" },
	{ "under_way", "under way" },
	{ "held", "held for order" },
	{ "kernel", "dropped by the UDP receive buffer" },
	{ "no_room", "without room on a path" },
	{ "too_old", "too old" },
	{ "too_large", "too large" },
	{ "lost_with_path", "lost with a path" },
	{ "late", "too late" },
	{ "refused", "refused by the local socket" },
	{ "stranger", "from a stranger" },
	{ "nobody", "for nobody" },
};

static const char *
get(const struct reply *reply, size_t record, const char *key)
{
	const char *value = reply_get(reply, &reply->records[record], key);

	return value == NULL ? "" : value;
}

static uint64_t
number(const struct reply *reply, size_t record, const char *key)
{
	return strtoull(get(reply, record, key), NULL, 10);
}

void
text_ledger_write(const struct reply *reply, size_t record, FILE *stream)
{
	bool out = strcmp(get(reply, record, "direction"), "out") == 0;
	const char *sign = "=";
	uint64_t count;

	if (number(reply, record, "came_in") == 0)
		return;
	fprintf(stream, "  came in %s: %" PRIu64,
	    out ? "here" : "at the other end",
	    number(reply, record, "came_in"));
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		count = number(reply, record, fates[i].key);
		if (count == 0)
			continue;
		fprintf(stream, " %s %" PRIu64 " %s", sign, count,
		    fates[i].words);
		sign = "+";
	}
	count = number(reply, record, "duplicates");
	if (count > 0)
		fprintf(stream, ", and %" PRIu64 " duplicates removed", count);
	if (strcmp(get(reply, record, "state"), "unknown") == 0)
		fputs(", as far as is known here", stream);
	putc('\n', stream);
}
