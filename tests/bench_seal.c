/*
 * Processor seconds per GB that sealing and opening take, without anything else
 * that a tunnel does: the least that both its ends together can cost. Frames of
 * 46 datagrams of 1400 bytes, sealed from a store as large as the engine's by
 * default into a ring's worth of memory, and opened there.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "supervisor/engine/channel.h"
#include "supervisor/engine/noise_cipher.h"

#define PLAIN ((size_t)46 * 1400)
#define SEALED (PLAIN + NOISE_TAG_BYTES)
#define STORE ((size_t)16 << 20)
#define STORED (STORE / PLAIN)
#define FRAMES 10000
#define RUNS 5

static struct noise_cipher *tx, *rx;
static uint8_t store[STORE], opened[PLAIN];
static uint8_t ring[CHANNEL_RING_BYTES / SEALED + 1][SEALED];

#define RINGED (sizeof(ring) / sizeof(ring[0]))

static double
processor_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct noise_cipher *
make_cipher(void)
{
	static const uint8_t key[NOISE_KEY_BYTES];
	struct noise_cipher *cipher = noise_cipher_new();

	if (cipher == NULL || !noise_cipher_set_key(cipher, key))
		errx(1, "no cipher");
	return cipher;
}

static double
seal(size_t from)
{
	double begin_s = processor_s();

	for (size_t i = 0; i < RINGED; i++)
		if (noise_seal(tx, store + (from + i) % STORED * PLAIN, PLAIN,
			ring[i]) == -1)
			errx(1, "cannot seal");
	return processor_s() - begin_s;
}

static double
open_all(void)
{
	double begin_s = processor_s();

	for (size_t i = 0; i < RINGED; i++)
		if (noise_open(rx, ring[i], SEALED, opened) == -1)
			errx(1, "cannot open");
	return processor_s() - begin_s;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double values[RUNS])
{
	qsort(values, RUNS, sizeof(values[0]), by_value);
	return values[RUNS / 2];
}

int
main(void)
{
	double sealing[RUNS] = { 0 }, opening[RUNS] = { 0 }, gb = 0;

	if (!noise_cipher_init())
		errx(1, "no ChaCha20-Poly1305");
	tx = make_cipher();
	rx = make_cipher();
	for (size_t i = 0; i < FRAMES; i += RINGED)
		gb += (double)(RINGED * PLAIN) / 1e9;
	for (int run = 0; run < RUNS; run++)
		for (size_t i = 0; i < FRAMES; i += RINGED) {
			sealing[run] += seal(i) / gb;
			opening[run] += open_all() / gb;
		}
	printf("frames of %zu bytes, median of %d runs, processor s/GB: "
	       "sealing %.3f, opening %.3f, both %.3f\n",
	    PLAIN, RUNS, median(sealing), median(opening),
	    median(sealing) + median(opening));
	noise_cipher_free(tx);
	noise_cipher_free(rx);
	return EXIT_SUCCESS;
}
