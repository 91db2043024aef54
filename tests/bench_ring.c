/*
 * Nanoseconds per 1400-byte record from one process to another: through the
 * ring and its bells, a pipe and a socketpair, all in one run. Each way in
 * turn, five times over; the median counts. A record is committed alone, as
 * the engine commits frames alone; the bell is rung after each, or as the
 * engine does, after each burst. The reader takes all that is there. A run is
 * long enough that its start (fork, first touch of the pages, the scheduler
 * finding two cores) does not count.
 *
 * They are compared with memcpy. In one process, into the same cache again and
 * again, it tells how fast a core copies. But whatever goes from one process
 * to another is copied in by one core and out by the other, and each line has
 * to move between their caches: the least that this takes is a memcpy at both
 * ends, with nothing but a flag for a block of records between them, and both
 * processes spinning. That is what the ring has to be measured by.
 */
#include "shm/bell.h"
#include "shm/layout.h"
#include "shm/region.h"
#include "shm/ring.h"
#include "supervisor/engine/channel.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECORD ((size_t)1400)
#define RECORDS 1000000
#define TOTAL (RECORD * RECORDS)
#define CAPACITY CHANNEL_RING_BYTES
#define BURST 16 /* records */
#define BLOCK (RECORD * BURST)
#define BLOCKS (CAPACITY / BLOCK)
#define RUNS 5
#define WAYS 6

static uint8_t record[RECORD];
static uint8_t sink[CAPACITY];

static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Keep the compiler from dropping copies that nobody reads. */
static void
use(const void *memory)
{
	__asm__ volatile("" : : "r"(memory) : "memory");
}

static void
run_memcpy(void)
{
	size_t i, at = 0;

	for (i = 0; i < RECORDS; i++) {
		memcpy(sink + at, record, RECORD);
		use(sink);
		at += RECORD;
		if (at > CAPACITY - RECORD)
			at = 0;
	}
}

/* Blocks that were written, and read. */
struct shared {
	alignas(64) _Atomic uint64_t written;
	alignas(64) _Atomic uint64_t read;
	alignas(64) uint8_t data[CAPACITY];
};

static void
finish(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) == -1 || status != 0)
		die("reader");
}

/* Spinning, but not against the other process where there is one core. */
static void
await(const _Atomic uint64_t *count, uint64_t least)
{
	unsigned int spins = 0;

	while (atomic_load_explicit(count, memory_order_acquire) < least)
		if (++spins % 1024 == 0)
			sched_yield();
}

static void
blocks_read(struct shared *shared)
{
	uint64_t i;

	for (i = 0; i < RECORDS / BURST; i++) {
		await(&shared->written, i + 1);
		memcpy(sink, shared->data + i % BLOCKS * BLOCK, BLOCK);
		use(sink);
		atomic_store_explicit(&shared->read, i + 1,
		    memory_order_release);
	}
}

static void
blocks_write(struct shared *shared)
{
	uint8_t *block;
	uint64_t i;
	size_t k;

	for (i = 0; i < RECORDS / BURST; i++) {
		if (i >= BLOCKS)
			await(&shared->read, i + 1 - BLOCKS);
		block = shared->data + i % BLOCKS * BLOCK;
		for (k = 0; k < BURST; k++)
			memcpy(block + k * RECORD, record, RECORD);
		atomic_store_explicit(&shared->written, i + 1,
		    memory_order_release);
	}
}

static void
run_blocks(void)
{
	struct shared *shared;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (pid == 0) {
		blocks_read(shared);
		_exit(0);
	}
	blocks_write(shared);
	finish(pid);
	munmap(shared, sizeof(*shared));
}

struct path {
	struct region s, w;
	struct layout_engine *engine;
	struct layout_worker *worker;
	int data[2]; /* sleeper, waker */
	int room[2];
};

static void
sleep_on(int sleeper)
{
	struct pollfd entry = { .fd = sleeper, .events = POLLIN };

	if (poll(&entry, 1, 10000) != 1 || bell_drain(sleeper) == -1)
		die("bell");
}

static void
ring_read(const struct path *path)
{
	struct region s = REGION_NONE;
	struct ring_consumer ring;
	struct layout_engine *engine;
	const uint8_t *span;
	size_t bytes, done = 0;

	if (region_attach(&s, path->s.fd, CAPACITY, REGION_CREATOR_WRITES))
		die("region_attach");
	engine = s.control;
	ring_consumer_init(&ring, s.data, CAPACITY, &engine->tx_head,
	    &path->worker->tx_tail, 0);
	while (done < TOTAL) {
		if (ring_peek(&ring, &span, &bytes) == RING_EMPTY) {
			bell_arm(&path->worker->worker_sleeps);
			if (ring_peek(&ring, &span, &bytes) == RING_EMPTY) {
				sleep_on(path->data[0]);
				continue;
			}
			bell_disarm(&path->worker->worker_sleeps);
		}
		memcpy(sink, span, bytes);
		use(sink);
		ring_release(&ring, bytes);
		bell_ring(&path->worker->engine_wants_room, path->room[1]);
		done += bytes;
	}
}

static void
ring_write(const struct path *path, size_t burst)
{
	struct ring_producer ring;
	uint8_t *span;
	size_t room, i = 0;

	ring_producer_init(&ring, path->s.data, CAPACITY,
	    &path->engine->tx_head, &path->worker->tx_tail, 0);
	while (i < RECORDS) {
		if (ring_reserve(&ring, RECORD, &span, &room) == RING_FULL) {
			bell_arm(&path->worker->engine_wants_room);
			if (ring_reserve(&ring, RECORD, &span, &room) ==
			    RING_FULL) {
				bell_ring(&path->worker->worker_sleeps,
				    path->data[1]);
				sleep_on(path->room[0]);
				continue;
			}
			bell_disarm(&path->worker->engine_wants_room);
		}
		memcpy(span, record, RECORD);
		ring_commit(&ring, RECORD);
		if (++i % burst == 0)
			bell_ring(&path->worker->worker_sleeps, path->data[1]);
	}
}

static void
run_ring(size_t burst)
{
	struct path path = { .s = REGION_NONE, .w = REGION_NONE };
	struct region w = REGION_NONE;
	pid_t pid;

	if (region_create(&path.s, "s", CAPACITY, REGION_CREATOR_WRITES) ||
	    region_create(&path.w, "w", 4096, REGION_PEER_WRITES) ||
	    bell_create(&path.data[0], &path.data[1]) ||
	    bell_create(&path.room[0], &path.room[1]))
		die("ring");
	path.engine = path.s.control;
	path.worker = path.w.control;
	pid = fork();
	if (pid == 0) {
		if (region_attach(&w, path.w.fd, 4096, REGION_PEER_WRITES))
			die("region_attach");
		path.worker = w.control;
		ring_read(&path);
		_exit(0);
	}
	ring_write(&path, burst);
	finish(pid);
	region_destroy(&path.s);
	region_destroy(&path.w);
	close(path.data[0]);
	close(path.data[1]);
	close(path.room[0]);
	close(path.room[1]);
}

static void
run_ring_alone(void)
{
	run_ring(1);
}

static void
run_ring_bursts(void)
{
	run_ring(BURST);
}

static void
run_stream(int reader, int writer)
{
	size_t done = 0, i;
	ssize_t got;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		for (; done < TOTAL; done += (size_t)got) {
			got = read(reader, sink, 65536);
			if (got <= 0)
				die("read");
		}
		_exit(0);
	}
	for (i = 0; i < RECORDS; i++)
		if (write(writer, record, RECORD) != (ssize_t)RECORD)
			die("write");
	finish(pid);
	close(reader);
	close(writer);
}

static void
run_pipe(void)
{
	int ends[2];

	if (pipe(ends) == -1)
		die("pipe");
	run_stream(ends[0], ends[1]);
}

static void
run_socketpair(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
		die("socketpair");
	run_stream(ends[0], ends[1]);
}

static int
compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} ways[] = {
		{ "memcpy, one process", run_memcpy },
		{ "memcpy, two processes", run_blocks },
		{ "ring, a bell each", run_ring_alone },
		{ "ring, a bell a burst", run_ring_bursts },
		{ "pipe", run_pipe },
		{ "socketpair", run_socketpair },
	};
	double ns[WAYS][RUNS], begun;
	size_t way;
	int run;

	signal(SIGPIPE, SIG_IGN);
	memset(record, 'r', sizeof(record));
	memset(sink, 0, sizeof(sink));
	for (run = 0; run < RUNS; run++)
		for (way = 0; way < WAYS; way++) {
			begun = now_ns();
			ways[way].run();
			ns[way][run] = (now_ns() - begun) / RECORDS;
		}
	printf("%zu-byte records, %d a run, bursts of %d, %zu KB of memory, "
	       "median of %d runs\n",
	    RECORD, RECORDS, BURST, CAPACITY / 1024, RUNS);
	printf("%-22s %10s %8s %9s %12s\n", "", "ns/record", "GB/s", "x memcpy",
	    "x two's");
	for (way = 0; way < WAYS; way++)
		qsort(ns[way], RUNS, sizeof(double), compare);
	for (way = 0; way < WAYS; way++)
		printf("%-22s %10.1f %8.2f %9.2f %12.2f\n", ways[way].name,
		    ns[way][RUNS / 2], (double)RECORD / ns[way][RUNS / 2],
		    ns[way][RUNS / 2] / ns[0][RUNS / 2],
		    ns[way][RUNS / 2] / ns[1][RUNS / 2]);
	return EXIT_SUCCESS;
}
