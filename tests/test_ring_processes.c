/*
 * The ring between two real processes, over real regions and bells: the test
 * is the engine, its child the worker. Small rings and records of odd sizes,
 * so that both ends meet full, empty and wrapped rings all the time.
 */
#include "shm/bell.h"
#include "shm/layout.h"
#include "shm/region.h"
#include "shm/ring.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/suite.h"

#define CAPACITY ((size_t)4096)
#define RECORDS 20000
#define PAYLOAD_MAX 1400
#define WAIT_MS 10000
#define HOSTILE_S 45 /* where others have the processor, too */

struct record {
	uint64_t sequence;
	uint32_t bytes;
	uint32_t checksum;
	uint8_t payload[PAYLOAD_MAX];
};
#define HEADER_BYTES offsetof(struct record, payload)

/* One process's view of the path. */
struct side {
	struct region s;
	struct region w;
	struct layout_engine *engine;
	struct layout_worker *worker;
	struct ring_producer producer;
	struct ring_consumer consumer;
	int sleeper;
	int waker;
};

static struct side engine;
static int worker_sleeper, worker_waker;
static const uint64_t starts[] = { 0, UINT64_MAX - 5000 };
static uint64_t start;

static void
make_engine(void)
{
	ck_assert_int_eq(region_create(&engine.s, "s", CAPACITY,
			     REGION_CREATOR_WRITES),
	    0);
	ck_assert_int_eq(region_create(&engine.w, "w", CAPACITY,
			     REGION_PEER_WRITES),
	    0);
	ck_assert_int_eq(bell_create(&engine.sleeper, &worker_waker), 0);
	ck_assert_int_eq(bell_create(&worker_sleeper, &engine.waker), 0);
	engine.engine = engine.s.control;
	engine.worker = engine.w.control;
	atomic_store(&engine.worker->rx_head, start);
	atomic_store(&engine.worker->tx_tail, start);
	ring_producer_init(&engine.producer, engine.s.data, CAPACITY,
	    &engine.engine->tx_head, &engine.worker->tx_tail, start);
	ring_consumer_init(&engine.consumer, engine.w.data, CAPACITY,
	    &engine.worker->rx_head, &engine.engine->rx_tail, start);
}

/* In the child: the engine's mappings did not come along. */
static bool
attach_worker(struct side *worker)
{
	if (region_attach(&worker->s, engine.s.fd, CAPACITY,
		REGION_CREATOR_WRITES) == -1 ||
	    region_attach(&worker->w, engine.w.fd, CAPACITY,
		REGION_PEER_WRITES) == -1)
		return false;
	worker->engine = worker->s.control;
	worker->worker = worker->w.control;
	worker->sleeper = worker_sleeper;
	worker->waker = worker_waker;
	ring_consumer_init(&worker->consumer, worker->s.data, CAPACITY,
	    &worker->engine->tx_head, &worker->worker->tx_tail, start);
	ring_producer_init(&worker->producer, worker->w.data, CAPACITY,
	    &worker->worker->rx_head, &worker->engine->rx_tail, start);
	return true;
}

/* Fork a worker that ends with the exit code of its main. */
static pid_t
start_worker(int (*main_of_worker)(struct side *))
{
	struct side worker = { .s = REGION_NONE, .w = REGION_NONE };
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* So that the engine's end is seen on the bell. */
		close(engine.waker);
		_exit(attach_worker(&worker) ? main_of_worker(&worker) : 99);
	}
	close(worker_sleeper);
	close(worker_waker);
	return pid;
}

/* Wait for the bell; false if it does not ring in time: a lost wake-up. */
static bool
sleep_on(int sleeper)
{
	struct pollfd entry = { .fd = sleeper, .events = POLLIN };

	if (poll(&entry, 1, WAIT_MS) != 1)
		return false;
	return bell_drain(sleeper) > 0;
}

static uint32_t
checksum_of(const struct record *record)
{
	uint32_t sum = 2166136261U ^ (uint32_t)record->sequence;
	size_t i;

	for (i = 0; i < record->bytes; i++)
		sum = (sum ^ record->payload[i]) * 16777619U;
	return sum;
}

static void
fill_record(struct record *record, uint64_t sequence)
{
	size_t i;

	record->sequence = sequence;
	record->bytes = (uint32_t)random() % (PAYLOAD_MAX + 1);
	for (i = 0; i < record->bytes; i++)
		record->payload[i] = (uint8_t)(sequence * 31 + i * 7);
	record->checksum = checksum_of(record);
}

/* True if a whole record was there; *bad if it is not the expected one. */
static bool
take_record(struct ring_consumer *ring, uint64_t expected, bool *bad)
{
	struct record record;
	const uint8_t *span;
	size_t bytes;
	enum ring_result result;

	result = ring_peek(ring, &span, &bytes);
	*bad = result == RING_BROKEN;
	if (result != RING_OK || bytes < HEADER_BYTES)
		return false;
	memcpy(&record, span, HEADER_BYTES);
	if (record.bytes > PAYLOAD_MAX) {
		*bad = true;
		return false;
	}
	if (bytes < HEADER_BYTES + record.bytes)
		return false;
	memcpy(record.payload, span + HEADER_BYTES, record.bytes);
	ring_release(ring, HEADER_BYTES + record.bytes);
	*bad = record.sequence != expected ||
	    record.checksum != checksum_of(&record);
	return true;
}

static enum ring_result
put_record(struct ring_producer *ring, const struct record *record)
{
	size_t whole = HEADER_BYTES + record->bytes, room;
	enum ring_result result;
	uint8_t *span;

	result = ring_reserve(ring, whole, &span, &room);
	if (result != RING_OK)
		return result;
	memcpy(span, record, whole);
	ring_commit(ring, whole);
	return RING_OK;
}

/* Copy what there is from one ring to the other; bytes moved, -1 if broken. */
static ssize_t
move(struct side *worker)
{
	const uint8_t *from;
	uint8_t *to;
	size_t bytes, room;
	enum ring_result result;

	result = ring_peek(&worker->consumer, &from, &bytes);
	if (result != RING_OK)
		return result == RING_EMPTY ? 0 : -1;
	result = ring_reserve(&worker->producer, 1, &to, &room);
	if (result != RING_OK)
		return result == RING_FULL ? 0 : -1;
	if (bytes > room)
		bytes = room;
	memcpy(to, from, bytes);
	ring_commit(&worker->producer, bytes);
	ring_release(&worker->consumer, bytes);
	return (ssize_t)bytes;
}

/* Send everything back until the engine closes its bell. */
static int
echo(struct side *worker)
{
	_Atomic uint32_t *flag = &worker->worker->worker_sleeps;
	struct pollfd entry = { .fd = worker->sleeper, .events = POLLIN };
	ssize_t moved;

	for (;;) {
		moved = move(worker);
		if (moved == 0) {
			bell_arm(flag);
			moved = move(worker);
			if (moved == 0) {
				if (poll(&entry, 1, WAIT_MS) != 1)
					return 2;
				if (bell_drain(worker->sleeper) == -1)
					return 0;
				continue;
			}
			bell_disarm(flag);
		}
		if (moved == -1)
			return 1;
		bell_ring(&worker->worker->engine_wants_data, worker->waker);
		bell_ring(&worker->worker->engine_wants_room, worker->waker);
	}
}

struct progress {
	uint64_t sent;
	uint64_t received;
	struct record next;
};

/* One round of the engine: true if anything moved. */
static bool
step(struct progress *progress)
{
	bool bad, moved = false;
	enum ring_result result;

	if (progress->sent < RECORDS) {
		result = put_record(&engine.producer, &progress->next);
		ck_assert_int_ne(result, RING_BROKEN);
		if (result == RING_OK) {
			fill_record(&progress->next, ++progress->sent);
			moved = true;
		}
	}
	if (take_record(&engine.consumer, progress->received, &bad)) {
		progress->received++;
		moved = true;
	}
	ck_assert_msg(!bad, "record %llu is wrong",
	    (unsigned long long)progress->received);
	if (moved)
		bell_ring(&engine.worker->worker_sleeps, engine.waker);
	return moved;
}

static int
wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(every_record_comes_back)
{
	struct progress progress = { .sent = 0 };
	unsigned long sleeps = 0;
	pid_t pid;

	start = starts[_i];
	make_engine();
	pid = start_worker(echo);
	fill_record(&progress.next, 0);
	while (progress.received < RECORDS) {
		if (step(&progress))
			continue;
		bell_arm(&engine.worker->engine_wants_data);
		bell_arm(&engine.worker->engine_wants_room);
		if (!step(&progress)) {
			ck_assert_msg(sleep_on(engine.sleeper),
			    "lost wake-up after %llu sent, %llu received",
			    (unsigned long long)progress.sent,
			    (unsigned long long)progress.received);
			sleeps++;
		}
		bell_disarm(&engine.worker->engine_wants_data);
		bell_disarm(&engine.worker->engine_wants_room);
	}
	close(engine.waker);
	ck_assert_int_eq(wait_for(pid), 0);
	ck_assert_uint_gt(sleeps, 0);
}
END_TEST

/* Writes a record, commits it, writes half of another one and is killed. */
static int
die_half_way(struct side *worker)
{
	struct record record;
	uint8_t *span;
	size_t room;

	fill_record(&record, 0);
	if (put_record(&worker->producer, &record) != RING_OK)
		return 1;
	if (ring_reserve(&worker->producer, 1000, &span, &room) != RING_OK)
		return 2;
	memset(span, 'x', 500);
	kill(getpid(), SIGKILL);
	return 3;
}

START_TEST(a_killed_producer_has_published_nothing)
{
	int status;
	bool bad;

	make_engine();
	status = wait_for(start_worker(die_half_way));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert(take_record(&engine.consumer, 0, &bad));
	ck_assert(!bad);
	ck_assert(!take_record(&engine.consumer, 1, &bad));
	ck_assert(!bad);
	/* Its end is seen on the bell. */
	ck_assert_int_eq(bell_drain(engine.sleeper), -1);
}
END_TEST

/* An honest index, one near it, or anything; of the words it may write. */
static int
scribble(struct side *worker)
{
	static const uint64_t near[] = { 0, 1, (uint64_t)-1, CAPACITY,
		CAPACITY + 1, CAPACITY - 1, (uint64_t) - (int64_t)CAPACITY,
		UINT64_C(1) << 63, UINT64_C(1) << 32, 100 };
	struct layout_worker *words = worker->worker;
	uint64_t any, index;

	for (;;) {
		any = (uint64_t)random() << 33 ^ (uint64_t)random();
		index = near[any % 10];
		atomic_store(&words->tx_tail,
		    any % 3 == 0 ?
			any :
			atomic_load(&worker->engine->tx_head) - index);
		atomic_store(&words->rx_head,
		    any % 5 == 0 ?
			any :
			atomic_load(&worker->engine->rx_tail) + index);
		atomic_store(&words->worker_sleeps, (uint32_t)any);
		atomic_store(&words->engine_wants_data, (uint32_t)any);
		worker->w.data[any % CAPACITY] = (uint8_t)index;
		bell_ring(&words->engine_wants_room, worker->waker);
	}
	return 0;
}

static bool
inside(const uint8_t *base, const uint8_t *span, size_t bytes)
{
	return span >= base && span < base + CAPACITY && bytes >= 1 &&
	    bytes <= CAPACITY;
}

/* What a path would do: end on RING_BROKEN, and begin again with new rings. */
static void
judge(enum ring_result result, unsigned long *valid, unsigned long *broken)
{
	switch (result) {
	case RING_OK:
		(*valid)++;
		break;
	case RING_BROKEN:
		(*broken)++;
		engine.producer.head = engine.producer.tail = start;
		engine.consumer.head = engine.consumer.tail = start;
		atomic_store(&engine.engine->tx_head, start);
		atomic_store(&engine.engine->rx_tail, start);
		break;
	case RING_FULL:
	case RING_EMPTY:
		break;
	}
}

static void
hostile_round(unsigned long *valid, unsigned long *broken)
{
	static uint8_t copy[CAPACITY];
	enum ring_result result;
	const uint8_t *from;
	uint8_t *to;
	size_t bytes;

	result = ring_reserve(&engine.producer, 1 + (size_t)random() % CAPACITY,
	    &to, &bytes);
	if (result == RING_OK) {
		ck_assert(inside(engine.s.data, to, bytes));
		memset(to, 1, bytes);
		ring_commit(&engine.producer, (size_t)random() % (bytes + 1));
	}
	judge(result, valid, broken);

	result = ring_peek(&engine.consumer, &from, &bytes);
	if (result == RING_OK) {
		ck_assert(inside(engine.w.data, from, bytes));
		memcpy(copy, from, bytes);
		ring_release(&engine.consumer, (size_t)random() % (bytes + 1));
	}
	judge(result, valid, broken);

	bell_ring(&engine.worker->worker_sleeps, engine.waker);
	ck_assert_int_ge(bell_drain(engine.sleeper), 0);
}

START_TEST(a_hostile_worker_gets_broken_or_valid)
{
	unsigned long rounds, valid = 0, broken = 0;
	time_t deadline = time(NULL) + HOSTILE_S;
	pid_t pid;

	start = starts[_i];
	make_engine();
	pid = start_worker(scribble);
	for (rounds = 0; rounds < 50000 || valid < 1000 || broken < 1000;
	     rounds++) {
		hostile_round(&valid, &broken);
		ck_assert_int_le(time(NULL), deadline);
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(WTERMSIG(wait_for(pid)), SIGKILL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ring_processes");
	TCase *tcase = tcase_create("ring_processes");

	suite_seed();
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, every_record_comes_back, 0, 2);
	tcase_add_test(tcase, a_killed_producer_has_published_nothing);
	tcase_add_loop_test(tcase, a_hostile_worker_gets_broken_or_valid, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
