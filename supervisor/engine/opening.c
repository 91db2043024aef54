#include "supervisor/engine/opening.h"

#include <bsd/string.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log.h"

static void
clear(struct opening *opening)
{
	for (size_t i = 0; i < opening->count; i++)
		if (opening->items[i].fd != -1)
			close(opening->items[i].fd);
	free(opening->items);
	opening->items = NULL;
	opening->count = 0;
}

/* why is NULL: all went well. */
static void
finish(struct opening *opening, const char *why)
{
	if (!opening->under_way)
		return;
	opening->under_way = false;
	opening->failed = why != NULL;
	if (why != NULL)
		strlcpy(opening->why, why, sizeof(opening->why));
	opening->over(opening->argument);
}

static int
add(struct opening *opening, const struct opener_record *record, int fd)
{
	struct opening_item *items;

	items = reallocarray(opening->items, opening->count + 1,
	    sizeof(*items));
	if (items == NULL)
		return -1;
	opening->items = items;
	items[opening->count].record = *record;
	items[opening->count++].fd = fd;
	return 0;
}

/* What is not kept is closed. */
static void
take(struct opening *opening, const struct opener_record *record, int fd)
{
	switch ((enum opener_type)record->type) {
	case OPENER_ROTATED:
		opening->rotated(opening->argument, fd, record->words);
		return;
	case OPENER_LOG:
	case OPENER_END:
	case OPENER_CONTROL:
	case OPENER_LOST:
		if (opening->under_way && add(opening, record, fd) == 0)
			return;
		break;
	case OPENER_DONE:
		finish(opening, NULL);
		break;
	case OPENER_FAULT:
		finish(opening, record->words);
		break;
	}
	if (fd != -1)
		close(fd);
}

/* Nothing can be opened any more, and what is open goes on. */
static void
lose_opener(struct opening *opening)
{
	if (opening->readable != NULL)
		event_free(opening->readable);
	opening->readable = NULL;
	close(opening->channel);
	opening->channel = -1;
	clear(opening);
	finish(opening, NULL);
}

static void
handle_readable(evutil_socket_t channel, short what, void *argument)
{
	struct opening *opening = argument;
	struct opener_record record;
	int result, fd;

	(void)what;
	while ((result = opener_receive(channel, &record, &fd)) == 1) {
		take(opening, &record, fd);
		if (opening->channel == -1)
			return;
	}
	if (result == 0 || (errno != EAGAIN && errno != EINTR))
		lose_opener(opening);
}

int
opening_open(struct opening *opening, struct event_base *base, int channel)
{
	opening->channel = channel;
	if (channel == -1)
		return 0;
	opening->readable = event_new(base, channel, EV_READ | EV_PERSIST,
	    handle_readable, opening);
	if (opening->readable == NULL)
		return -1;
	return event_add(opening->readable, NULL);
}

void
opening_close(struct opening *opening)
{
	if (opening->readable != NULL)
		event_free(opening->readable);
	if (opening->channel != -1)
		close(opening->channel);
	opening->readable = NULL;
	opening->channel = -1;
	clear(opening);
}

static void
ask(struct opening *opening, enum opener_word word)
{
	opening->under_way = true;
	if (opening->channel == -1)
		finish(opening, NULL);
	else if (opener_say(opening->channel, word) == -1)
		lose_opener(opening);
}

void
opening_begin(struct opening *opening)
{
	ask(opening, OPENER_AGAIN);
}

int
opening_take(struct opening *opening, enum opener_type type, uint32_t kind,
    const char *words)
{
	struct opening_item *item;
	int fd;

	for (size_t i = 0; i < opening->count; i++) {
		item = &opening->items[i];
		if (item->record.type != (uint32_t)type ||
		    item->record.kind != kind ||
		    strcmp(item->record.words, words) != 0)
			continue;
		fd = item->fd;
		item->fd = -1;
		return fd;
	}
	return -1;
}

bool
opening_has_lost(const struct opening *opening, uint32_t kind,
    const char *words)
{
	const struct opener_record *record;

	for (size_t i = 0; i < opening->count; i++) {
		record = &opening->items[i].record;
		if (record->type == OPENER_LOST && record->kind == kind &&
		    strcmp(record->words, words) == 0)
			return true;
	}
	return false;
}

void
opening_end(struct opening *opening, bool used)
{
	clear(opening);
	ask(opening, used ? OPENER_KEEP : OPENER_DROP);
}
