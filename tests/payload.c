#include "tests/payload.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x6f637473u /* "stco" */
#define SLICES 65536	  /* places in the pattern where a body begins */
#define PATTERN_BYTES (SLICES + PAYLOAD_MAX + 1)

struct header {
	uint32_t magic;
	uint32_t check; /* over size, sequence and stamp */
	uint64_t sequence;
	uint64_t stamp_ns;
};

_Static_assert(sizeof(struct header) == PAYLOAD_HEADER_BYTES,
    "the header has no holes");

/* The finalizer of SplitMix64 over a sum with the golden ratio. */
uint64_t
payload_mix(uint64_t seed, uint64_t value)
{
	uint64_t x = seed + (value + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void
payload_init(struct payload *payload, uint64_t seed)
{
	size_t i;

	payload->seed = seed;
	payload->pattern = malloc(PATTERN_BYTES);
	if (payload->pattern == NULL)
		err(1, NULL);
	for (i = 0; i < PATTERN_BYTES; i++)
		payload->pattern[i] = (uint8_t)payload_mix(seed, i);
}

void
payload_free(struct payload *payload)
{
	free(payload->pattern);
}

static int
parse_size(const char **text, size_t *size)
{
	unsigned long value;
	char *end;

	if (**text < '0' || **text > '9')
		return -1;
	value = strtoul(*text, &end, 10);
	if (value > PAYLOAD_MAX)
		return -1;
	*text = end;
	*size = value;
	return 0;
}

int
payload_parse_sizes(const char *text, struct payload_sizes *sizes)
{
	memset(sizes, 0, sizeof(*sizes));
	for (;;) {
		if (sizes->count == PAYLOAD_SIZES_MAX ||
		    parse_size(&text, &sizes->list[sizes->count++]) == -1)
			return -1;
		if (*text != ',')
			break;
		text++;
	}
	if (*text == '-' && sizes->count == 1) {
		text++;
		sizes->count = 0;
		sizes->least = sizes->list[0];
		if (parse_size(&text, &sizes->most) == -1 ||
		    sizes->most < sizes->least)
			return -1;
	}
	return *text == '\0' ? 0 : -1;
}

size_t
payload_size(const struct payload *payload, const struct payload_sizes *sizes,
    uint64_t sequence)
{
	if (sizes->count > 0)
		return sizes->list[sequence % sizes->count];
	return sizes->least +
	    payload_mix(~payload->seed, sequence) %
	    (sizes->most - sizes->least + 1);
}

static const uint8_t *
slice(const struct payload *payload, uint64_t sequence)
{
	return payload->pattern + payload_mix(payload->seed, sequence) % SLICES;
}

static uint32_t
check_word(const struct payload *payload, uint64_t sequence, uint64_t stamp_ns,
    size_t bytes)
{
	return (uint32_t)payload_mix(payload_mix(payload->seed, sequence),
	    payload_mix(stamp_ns, bytes));
}

const uint8_t *
payload_make(const struct payload *payload, uint64_t sequence,
    uint64_t stamp_ns, size_t bytes, uint8_t header[PAYLOAD_HEADER_BYTES],
    size_t *header_bytes)
{
	struct header fields;

	*header_bytes = 0;
	if (bytes < PAYLOAD_HEADER_BYTES)
		return payload->pattern;
	fields.magic = MAGIC;
	fields.check = check_word(payload, sequence, stamp_ns, bytes);
	fields.sequence = sequence;
	fields.stamp_ns = stamp_ns;
	memcpy(header, &fields, sizeof(fields));
	*header_bytes = sizeof(fields);
	return slice(payload, sequence);
}

enum payload_kind
payload_check(const struct payload *payload, const uint8_t *datagram,
    size_t bytes, uint64_t *sequence, uint64_t *stamp_ns)
{
	struct header fields;

	if (bytes < PAYLOAD_HEADER_BYTES)
		return memcmp(datagram, payload->pattern, bytes) == 0 ?
		    PAYLOAD_SHORT :
		    PAYLOAD_CORRUPT;
	memcpy(&fields, datagram, sizeof(fields));
	if (bytes > PAYLOAD_MAX || fields.magic != MAGIC ||
	    fields.check !=
		check_word(payload, fields.sequence, fields.stamp_ns, bytes) ||
	    memcmp(datagram + sizeof(fields), slice(payload, fields.sequence),
		bytes - sizeof(fields)) != 0)
		return PAYLOAD_CORRUPT;
	*sequence = fields.sequence;
	*stamp_ns = fields.stamp_ns;
	return PAYLOAD_NUMBERED;
}
