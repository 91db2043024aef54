/*
 * What tests/dgram sends: datagrams whose content follows from a seed, a
 * sequence number and a size, so that the receiver can check every byte.
 *
 * A datagram of PAYLOAD_HEADER_BYTES or more begins with magic, check word,
 * sequence number and time stamp. A shorter one has no room for a number: its
 * bytes are the seed's first ones.
 */
#ifndef TESTS_PAYLOAD_H
#define TESTS_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_HEADER_BYTES 24
#define PAYLOAD_MAX 65507
#define PAYLOAD_SIZES_MAX 32

struct payload {
	uint64_t seed;
	uint8_t *pattern; /* random bytes of the seed, sent in slices */
};

/* Sizes to send: a list taken in turn, or a range drawn from. */
struct payload_sizes {
	size_t count; /* of list; 0: a range */
	size_t list[PAYLOAD_SIZES_MAX];
	size_t least;
	size_t most;
};

enum payload_kind {
	PAYLOAD_NUMBERED,
	PAYLOAD_SHORT, /* right, but without a number */
	PAYLOAD_CORRUPT
};

void payload_init(struct payload *payload, uint64_t seed);
void payload_free(struct payload *payload);

/* "1400", "0,1,1400" or "64-1400". 0, or -1. */
int payload_parse_sizes(const char *text, struct payload_sizes *sizes);
size_t payload_size(const struct payload *payload,
    const struct payload_sizes *sizes, uint64_t sequence);

/*
 * The two parts of a datagram: header[] is filled (*header_bytes, 0 for a short
 * one), the returned slice is the rest.
 */
const uint8_t *payload_make(const struct payload *payload, uint64_t sequence,
    uint64_t stamp_ns, size_t bytes, uint8_t header[PAYLOAD_HEADER_BYTES],
    size_t *header_bytes);

/* Check every byte; sequence and stamp_ns are set for PAYLOAD_NUMBERED. */
enum payload_kind
payload_check(const struct payload *payload, const uint8_t *datagram,
    size_t bytes, uint64_t *sequence, uint64_t *stamp_ns);

/* A well mixed number of two; the tools' source of chance. */
uint64_t payload_mix(uint64_t seed, uint64_t value);

#endif
