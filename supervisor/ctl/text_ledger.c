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
	bool lost;
} fates[] = {
	{ "delivered", "delivered", false },
	{ "waiting", "waiting", false },
	{ "under_way", "under way", false },
	{ "held", "held for order", false },
	{ "kernel", "dropped by the UDP receive buffer", true },
	{ "no_room", "without room on a path", true },
	{ "too_old", "too old", true },
	{ "too_large", "too large", true },
	{ "lost_with_path", "lost with a path", true },
	{ "late", "too late", true },
	{ "refused", "refused by the local socket", true },
	{ "stranger", "from a stranger", true },
	{ "nobody", "for nobody", true },
};

/* What has come since the other end last told its count. */
static bool
is_behind(const struct reply *reply, size_t record)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++)
		sum += reply_number(reply, record, fates[i].key);
	return sum != reply_number(reply, record, "came_in");
}

void
text_ledger_write(const struct reply *reply, size_t record, FILE *stream)
{
	bool out = strcmp(reply_text(reply, record, "direction"), "out") == 0;
	const char *sign = is_behind(reply, record) ? " as last heard; here" :
						      " =";
	uint64_t count;

	if (reply_number(reply, record, "came_in") == 0)
		return;
	fprintf(stream, "  came in %s: %" PRIu64,
	    out ? "here" : "at the other end",
	    reply_number(reply, record, "came_in"));
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		count = reply_number(reply, record, fates[i].key);
		if (count == 0)
			continue;
		fprintf(stream, "%s %" PRIu64 " %s", sign, count,
		    fates[i].words);
		sign = " +";
	}
	count = reply_number(reply, record, "duplicates");
	if (count > 0)
		fprintf(stream, ", and %" PRIu64 " duplicates removed", count);
	if (strcmp(reply_text(reply, record, "state"), "unknown") == 0)
		fputs(", as far as is known here", stream);
	putc('\n', stream);
}

/* Those of one direction, behind what the stream has already. */
static void
write_losses(const struct reply *reply, size_t record, const char *before,
    FILE *stream)
{
	const char *direction = reply_text(reply, record, "direction");
	bool begun = false;
	uint64_t count;

	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		count = reply_number(reply, record, fates[i].key);
		if (!fates[i].lost || count == 0)
			continue;
		if (begun)
			fputs(", ", stream);
		else
			fprintf(stream, "%s%s ", before,
			    strcmp(direction, "out") == 0 ? "out" : "in");
		fprintf(stream, "%" PRIu64 " %s", count, fates[i].key);
		begun = true;
	}
}

char *
text_ledger_losses(const struct reply *reply, size_t tunnel,
    char text[TEXT_LEDGER_MAX])
{
	FILE *stream;

	strcpy(text, "none");
	stream = fmemopen(text, TEXT_LEDGER_MAX, "w");
	if (stream == NULL)
		return text;
	for (size_t i = tunnel + 1; i < reply->count; i++)
		if (reply->records[i].tunnel == tunnel &&
		    strcmp(reply->records[i].kind, "ledger") == 0)
			write_losses(reply, i, ftell(stream) > 0 ? "; " : "",
			    stream);
	if (ftell(stream) == 0)
		fputs("none", stream);
	fclose(stream);
	return text;
}
