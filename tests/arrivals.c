#include "tests/arrivals.h"

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BITS 6
#define SUB (UINT64_C(1) << SUB_BITS)
#define SEQUENCE_LIMIT (UINT64_C(1) << 34) /* 2 GiB of bits */

/* Log-linear: exact below SUB, then SUB buckets for each power of two. */
static size_t
bucket_of(uint64_t ns)
{
	unsigned int shift;

	if (ns < SUB)
		return ns;
	shift = 63 - (unsigned int)__builtin_clzll(ns) - SUB_BITS;
	return (shift + 1) * SUB + (size_t)((ns >> shift) - SUB);
}

static uint64_t
bucket_middle_ns(size_t bucket)
{
	unsigned int shift;

	if (bucket < SUB)
		return bucket;
	shift = (unsigned int)(bucket / SUB) - 1;
	return ((bucket % SUB + SUB) << shift) + ((UINT64_C(1) << shift) >> 1);
}

static void
note_time(struct arrivals *arrivals, size_t bytes, uint64_t now_ns)
{
	uint64_t gap_ns;

	if (arrivals->received++ == 0)
		arrivals->first_ns = arrivals->last_ns = now_ns;
	gap_ns = now_ns - arrivals->last_ns;
	if (gap_ns > arrivals->gap_max_ns)
		arrivals->gap_max_ns = gap_ns;
	arrivals->last_ns = now_ns;
	arrivals->bytes += bytes;
}

/* Mark the number; true if it was marked before. */
static bool
seen_before(struct arrivals *arrivals, uint64_t sequence)
{
	size_t word = (size_t)(sequence / 64), words;
	uint64_t bit = UINT64_C(1) << (sequence % 64);
	bool seen;

	if (word >= arrivals->seen_words) {
		words = word + word / 2 + 1024;
		arrivals->seen = realloc(arrivals->seen,
		    words * sizeof(*arrivals->seen));
		if (arrivals->seen == NULL)
			err(1, NULL);
		memset(arrivals->seen + arrivals->seen_words, 0,
		    (words - arrivals->seen_words) * sizeof(*arrivals->seen));
		arrivals->seen_words = words;
	}
	seen = (arrivals->seen[word] & bit) != 0;
	arrivals->seen[word] |= bit;
	return seen;
}

void
arrivals_add(struct arrivals *arrivals, uint64_t sequence, size_t bytes,
    uint64_t delay_ns, uint64_t now_ns)
{
	if (sequence >= SEQUENCE_LIMIT) {
		arrivals_add_corrupt(arrivals, bytes, now_ns);
		return;
	}
	if (sequence < arrivals->base && !seen_before(arrivals, sequence)) {
		arrivals->before++;
		return;
	}
	note_time(arrivals, bytes, now_ns);
	if (seen_before(arrivals, sequence)) {
		arrivals->duplicates++;
		return;
	}
	arrivals->distinct++;
	if (sequence < arrivals->next) {
		arrivals->reordered++;
		if (arrivals->next - sequence > arrivals->distance_max)
			arrivals->distance_max = arrivals->next - sequence;
	} else {
		arrivals->next = sequence + 1;
	}
	if (delay_ns > arrivals->delay_max_ns)
		arrivals->delay_max_ns = delay_ns;
	arrivals->bucket[bucket_of(delay_ns)]++;
	arrivals->delays++;
}

void
arrivals_add_short(struct arrivals *arrivals, size_t bytes, uint64_t now_ns)
{
	note_time(arrivals, bytes, now_ns);
	arrivals->unnumbered++;
	arrivals->distinct++;
}

void
arrivals_add_corrupt(struct arrivals *arrivals, size_t bytes, uint64_t now_ns)
{
	note_time(arrivals, bytes, now_ns);
	arrivals->corrupt++;
}

void
arrivals_restart(struct arrivals *arrivals)
{
	struct arrivals kept = *arrivals;

	memset(arrivals, 0, sizeof(*arrivals));
	arrivals->next = arrivals->base = kept.next;
	arrivals->before = arrivals_total(&kept);
	arrivals->corrupt = kept.corrupt;
	arrivals->seen = kept.seen;
	arrivals->seen_words = kept.seen_words;
}

uint64_t
arrivals_total(const struct arrivals *arrivals)
{
	return arrivals->before + arrivals->distinct;
}

uint64_t
arrivals_delay_ns(const struct arrivals *arrivals, double per_mille)
{
	double wanted = (double)arrivals->delays * per_mille / 1000;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < ARRIVALS_BUCKETS; i++) {
		sum += arrivals->bucket[i];
		if (sum > 0 && (double)sum >= wanted)
			return bucket_middle_ns(i);
	}
	return 0;
}

static void
print_delays(const struct arrivals *arrivals, const char *label)
{
	static const struct {
		const char *name;
		double per_mille;
	} points[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 },
		{ "p999", 999 } };
	size_t i;

	if (arrivals->delays == 0)
		return;
	printf("%s_min_ms=%.3f\n", label,
	    (double)arrivals_delay_ns(arrivals, 0) / 1e6);
	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		printf("%s_%s_ms=%.3f\n", label, points[i].name,
		    (double)arrivals_delay_ns(arrivals, points[i].per_mille) /
			1e6);
	printf("%s_max_ms=%.3f\n", label, (double)arrivals->delay_max_ns / 1e6);
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void
arrivals_print(const struct arrivals *arrivals, const char *label,
    uint64_t expected)
{
	double seconds = (double)(arrivals->last_ns - arrivals->first_ns) / 1e9;
	uint64_t lost;

	/* Short datagrams have a number too, they only do not show it. */
	if (expected == 0)
		expected = larger(arrivals->next, arrivals_total(arrivals));
	expected -= arrivals->base;
	lost = expected - smaller(expected, arrivals->distinct);
	printf("received=%" PRIu64 "\nlost=%" PRIu64 "\n", arrivals->received,
	    lost);
	printf("lost_before=%" PRIu64 "\n",
	    arrivals->base - smaller(arrivals->base, arrivals->before));
	printf("loss_percent=%.4f\n",
	    expected == 0 ? 0 : 100 * (double)lost / (double)expected);
	printf("distinct=%" PRIu64 "\n", arrivals_total(arrivals));
	printf("duplicates=%" PRIu64 "\nreordered=%" PRIu64 "\n",
	    arrivals->duplicates, arrivals->reordered);
	printf("reorder_distance_max=%" PRIu64 "\n", arrivals->distance_max);
	printf("unnumbered=%" PRIu64 "\ncorrupt=%" PRIu64 "\n",
	    arrivals->unnumbered, arrivals->corrupt);
	printf("bytes=%" PRIu64 "\nseconds=%.3f\n", arrivals->bytes, seconds);
	if (seconds > 0) {
		printf("datagrams_per_s=%.0f\n",
		    (double)arrivals->received / seconds);
		printf("mbit_per_s=%.2f\n",
		    (double)arrivals->bytes * 8 / seconds / 1e6);
	}
	printf("gap_max_ms=%.3f\n", (double)arrivals->gap_max_ns / 1e6);
	print_delays(arrivals, label);
}

void
arrivals_free(struct arrivals *arrivals)
{
	free(arrivals->seen);
	memset(arrivals, 0, sizeof(*arrivals));
}
