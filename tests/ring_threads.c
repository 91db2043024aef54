/*
 * The ring and its bells between two threads, for ThreadSanitizer, which
 * cannot see across processes. A second of random spans, with every byte
 * checked; the exit status is 1 if one is wrong or a wake-up is lost.
 */
#include "shm/bell.h"
#include "shm/layout.h"
#include "shm/region.h"
#include "shm/ring.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CAPACITY ((size_t)4096)
#define START (UINT64_MAX - 10000)
#define WAIT_MS 10000

/* A bell as its two users see it. */
struct bell {
	_Atomic uint32_t *sleeping;
	int sleeper;
	int waker;
};

static struct region s = REGION_NONE, w = REGION_NONE;
static struct ring_producer producer;
static struct ring_consumer consumer;
static struct bell data_bell, room_bell;
static _Atomic bool stop;

static void
die(const char *why)
{
	fprintf(stderr, "ring_threads: %s\n", why);
	exit(EXIT_FAILURE);
}

static void
wait_for(const struct bell *bell)
{
	struct pollfd entry = { .fd = bell->sleeper, .events = POLLIN };

	if (poll(&entry, 1, WAIT_MS) != 1 || bell_drain(bell->sleeper) < 1)
		die("lost wake-up");
}

static uint8_t
byte_at(uint64_t position)
{
	return (uint8_t)(position % 251);
}

static bool
produce(uint64_t *position, unsigned int *random_state)
{
	size_t want = 1 + (size_t)rand_r(random_state) % CAPACITY, room, i;
	uint8_t *span;

	switch (ring_reserve(&producer, want, &span, &room)) {
	case RING_OK:
		break;
	case RING_FULL:
	case RING_EMPTY:
		return false;
	case RING_BROKEN:
		die("the producer's ring is broken");
	}
	for (i = 0; i < want; i++)
		span[i] = byte_at(*position + i);
	*position += want;
	ring_commit(&producer, want);
	bell_ring(data_bell.sleeping, data_bell.waker);
	return true;
}

static void *
run_producer(void *nothing)
{
	unsigned int random_state = 1;
	uint64_t position = 0;

	while (!atomic_load(&stop)) {
		if (produce(&position, &random_state))
			continue;
		bell_arm(room_bell.sleeping);
		if (produce(&position, &random_state))
			bell_disarm(room_bell.sleeping);
		else
			wait_for(&room_bell);
	}
	close(data_bell.waker);
	return nothing;
}

static bool
consume(uint64_t *position, unsigned int *random_state)
{
	const uint8_t *span;
	size_t bytes, part, i;

	switch (ring_peek(&consumer, &span, &bytes)) {
	case RING_OK:
		break;
	case RING_FULL:
	case RING_EMPTY:
		return false;
	case RING_BROKEN:
		die("the consumer's ring is broken");
	}
	part = 1 + (size_t)rand_r(random_state) % bytes;
	for (i = 0; i < part; i++)
		if (span[i] != byte_at(*position + i))
			die("a byte is wrong");
	*position += part;
	ring_release(&consumer, part);
	bell_ring(room_bell.sleeping, room_bell.waker);
	return true;
}

/* Until the deadline, then until the producer has seen it and is done. */
static uint64_t
run_consumer(time_t deadline)
{
	struct pollfd entry = { .fd = data_bell.sleeper, .events = POLLIN };
	unsigned int random_state = 2;
	uint64_t position = 0;

	for (;;) {
		if (time(NULL) > deadline)
			atomic_store(&stop, true);
		if (consume(&position, &random_state))
			continue;
		bell_arm(data_bell.sleeping);
		if (consume(&position, &random_state)) {
			bell_disarm(data_bell.sleeping);
			continue;
		}
		if (poll(&entry, 1, WAIT_MS) != 1)
			die("lost wake-up");
		if (bell_drain(data_bell.sleeper) == -1)
			return position;
	}
}

static void
set_up(void)
{
	struct layout_engine *engine;
	struct layout_worker *worker;

	if (region_create(&s, "s", CAPACITY, REGION_CREATOR_WRITES) == -1 ||
	    region_create(&w, "w", CAPACITY, REGION_PEER_WRITES) == -1 ||
	    bell_create(&data_bell.sleeper, &data_bell.waker) == -1 ||
	    bell_create(&room_bell.sleeper, &room_bell.waker) == -1)
		die("no region or no bell");
	engine = s.control;
	worker = w.control;
	data_bell.sleeping = &worker->worker_sleeps;
	room_bell.sleeping = &worker->engine_wants_room;
	ring_producer_init(&producer, s.data, CAPACITY, &engine->tx_head,
	    &worker->tx_tail, START);
	ring_consumer_init(&consumer, s.data, CAPACITY, &engine->tx_head,
	    &worker->tx_tail, START);
}

int
main(void)
{
	pthread_t thread;
	uint64_t bytes;

	set_up();
	if (pthread_create(&thread, NULL, run_producer, NULL) != 0)
		die("no thread");
	bytes = run_consumer(time(NULL) + 1);
	pthread_join(thread, NULL);
	printf("%llu bytes\n", (unsigned long long)bytes);
	return bytes > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
