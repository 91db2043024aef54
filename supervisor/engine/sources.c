/*
 * A table with chains by address, and a list by age. A number is a slot of the
 * table and how often the slot was given out: an answer that is late for one
 * client never goes to the next.
 */
#include "supervisor/engine/sources.h"

#include <bsd/stdlib.h>
#include <bsd/sys/queue.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/state.h"

#define CHAINS 1024

struct source {
	TAILQ_ENTRY(source) by_age; /* or free */
	LIST_ENTRY(source) chain;
	struct sockaddr_storage address;
	socklen_t length;
	uint16_t number;
	uint64_t seen_us;
};
TAILQ_HEAD(source_ages, source);
LIST_HEAD(source_chain, source);

struct sources {
	uint64_t idle_us; /* 0: one, and the last counts */
	const struct address_permit *permits;
	size_t permits_count;
	size_t known;
	uint32_t seed;		 /* nobody outside knows who shares a chain */
	struct source *last;	 /* who sent last */
	struct source_ages ages; /* oldest first */
	struct source_ages free;
	struct source_chain chains[CHAINS];
	size_t limit;
	struct source slots[];
};

_Static_assert((SOURCES_MAX & (SOURCES_MAX - 1)) == 0 &&
	SOURCES_MAX <= (UINT16_MAX + 1) / 2,
    "a number has room for how often a slot was given out");

struct sources *
sources_new(size_t limit, uint64_t idle_us)
{
	struct sources *sources;

	sources = calloc(1, sizeof(*sources) + limit * sizeof(struct source));
	if (sources == NULL)
		return NULL;
	sources->limit = limit;
	sources->idle_us = idle_us;
	sources->seed = arc4random();
	TAILQ_INIT(&sources->ages);
	TAILQ_INIT(&sources->free);
	for (size_t i = 0; i < limit; i++) {
		sources->slots[i].number = (uint16_t)i;
		/* Not the numbers of a process that was before us. */
		if (idle_us != 0)
			sources->slots[i].number |= (uint16_t)(arc4random() &
			    ~(SOURCES_MAX - 1U));
		TAILQ_INSERT_TAIL(&sources->free, &sources->slots[i], by_age);
	}
	return sources;
}

void
sources_free(struct sources *sources)
{
	free(sources);
}

void
sources_permit(struct sources *sources, const struct address_permit *permits,
    size_t count)
{
	sources->permits = permits;
	sources->permits_count = count;
}

static bool
is_at(const struct source *source, const struct sockaddr_storage *address,
    socklen_t length)
{
	return source->length == length &&
	    memcmp(&source->address, address, length) == 0;
}

/* FNV-1a, from a secret start. */
static struct source_chain *
chain_of(struct sources *sources, const struct sockaddr_storage *address,
    socklen_t length)
{
	const uint8_t *bytes = (const uint8_t *)address;
	uint32_t hash = sources->seed;

	for (socklen_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619;
	return &sources->chains[(hash ^ hash >> 16) % CHAINS];
}

static void
touch(struct sources *sources, struct source *source, uint64_t now_us)
{
	source->seen_us = now_us;
	TAILQ_REMOVE(&sources->ages, source, by_age);
	TAILQ_INSERT_TAIL(&sources->ages, source, by_age);
}

static void
forget(struct sources *sources, struct source *source)
{
	LIST_REMOVE(source, chain);
	TAILQ_REMOVE(&sources->ages, source, by_age);
	TAILQ_INSERT_TAIL(&sources->free, source, by_age);
	if (sources->last == source)
		sources->last = NULL;
	source->length = 0;
	if (sources->idle_us != 0)
		source->number += SOURCES_MAX;
	sources->known--;
}

void
sources_expire(struct sources *sources, uint64_t now_us)
{
	struct source *oldest;

	while (sources->idle_us != 0 &&
	    (oldest = TAILQ_FIRST(&sources->ages)) != NULL &&
	    now_us > oldest->seen_us + sources->idle_us)
		forget(sources, oldest);
}

size_t
sources_known(const struct sources *sources)
{
	return sources->known;
}

static bool
may_come(const struct sources *sources, const struct sockaddr_storage *address)
{
	return sources->permits == NULL ||
	    address_permitted(sources->permits, sources->permits_count,
		address);
}

/* A place for a newcomer, or NULL. */
static struct source *
make_room(struct sources *sources, uint64_t now_us)
{
	if (TAILQ_EMPTY(&sources->free)) {
		if (sources->idle_us == 0)
			forget(sources, TAILQ_FIRST(&sources->ages));
		else
			sources_expire(sources, now_us);
	}
	return TAILQ_FIRST(&sources->free);
}

static struct source *
add(struct sources *sources, const struct sockaddr_storage *address,
    socklen_t length, uint64_t now_us)
{
	struct source *source = make_room(sources, now_us);

	if (source == NULL)
		return NULL;
	memcpy(&source->address, address, length);
	source->length = length;
	TAILQ_REMOVE(&sources->free, source, by_age);
	TAILQ_INSERT_TAIL(&sources->ages, source, by_age);
	LIST_INSERT_HEAD(chain_of(sources, address, length), source, chain);
	sources->known++;
	return source;
}

size_t
sources_limit(const struct sources *sources)
{
	return sources->limit;
}

uint64_t
sources_idle_us(const struct sources *sources)
{
	return sources->idle_us;
}

static void
leave_source(struct state *state, struct source *source)
{
	uint32_t length = source->length;

	state_address(state, &source->address);
	STATE_NUMBER(state, length);
	STATE_NUMBER(state, source->seen_us);
	if (length == 0 || length > sizeof(source->address))
		state_break(state);
	source->length = length;
}

/* In the order of their age. */
static void
read_source(struct state *state, struct sources *sources)
{
	size_t slot = state_count(state, 0, sources->limit - 1);
	struct source *source = &sources->slots[slot];
	struct source read = { .length = 0 };

	leave_source(state, &read);
	if (source->length != 0)
		state_break(state);
	if (state->broken)
		return;
	source->address = read.address;
	source->length = read.length;
	source->seen_us = read.seen_us;
	TAILQ_REMOVE(&sources->free, source, by_age);
	TAILQ_INSERT_TAIL(&sources->ages, source, by_age);
	LIST_INSERT_HEAD(chain_of(sources, &source->address, source->length),
	    source, chain);
	sources->known++;
}

void
sources_leave(struct state *state, struct sources *sources)
{
	struct source *source;
	size_t count;

	for (size_t i = 0; i < sources->limit; i++)
		STATE_NUMBER(state, sources->slots[i].number);
	count = state_count(state, sources->known, sources->limit);
	if (state->way == STATE_READ) {
		for (size_t i = 0; i < count && !state->broken; i++)
			read_source(state, sources);
		return;
	}
	TAILQ_FOREACH(source, &sources->ages, by_age) {
		state_count(state, (size_t)(source - sources->slots),
		    sources->limit - 1);
		leave_source(state, source);
	}
}

int
sources_admit(struct sources *sources, const struct sockaddr_storage *from,
    socklen_t length, uint64_t now_us)
{
	struct source *source = sources->last;

	if (length > sizeof(*from))
		return SOURCES_STRANGER;
	if (source == NULL || !is_at(source, from, length))
		LIST_FOREACH(source, chain_of(sources, from, length), chain)
			if (is_at(source, from, length))
				break;
	if (source == NULL && !may_come(sources, from))
		return SOURCES_STRANGER;
	if (source == NULL)
		source = add(sources, from, length, now_us);
	if (source == NULL)
		return SOURCES_FULL;
	touch(sources, source, now_us);
	sources->last = source;
	return source->number;
}

const struct sockaddr_storage *
sources_find(struct sources *sources, uint16_t client, uint64_t now_us,
    socklen_t *length)
{
	size_t slot = client % SOURCES_MAX;
	struct source *source = &sources->slots[slot];

	if (slot >= sources->limit || source->number != client ||
	    source->length == 0)
		return NULL;
	touch(sources, source, now_us);
	*length = source->length;
	return &source->address;
}
