/* Bytes in motion. */
#include <sys/wait.h>

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "shm/bell.h"
#include "tests/pump_rig.h"
#include "tests/suite.h"
#include "worker/pump.h"

#define STREAM_BYTES (3 * 1024 * 1024)

static pid_t
elsewhere(void (*work)(size_t), size_t bytes)
{
	pid_t pid = fork();

	if (pid == 0) {
		work(bytes);
		_exit(0);
	}
	return pid;
}

static void
expect_success(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* What an engine does that takes over from the one before. */
static void
take_over(void)
{
	ck_assert_int_eq(ring_producer_resume(&rig.tx, rig.worker.spare,
			     RIG_RING_BYTES, &rig.flags->heir_tx_head,
			     &rig.flags->tx_tail, rig.tx.head, rig.tx.tail),
	    0);
	ck_assert_int_eq(ring_consumer_resume(&rig.rx, rig.worker.data,
			     RIG_RING_BYTES, &rig.flags->rx_head,
			     &rig.flags->heir_rx_tail, rig.rx.head,
			     rig.rx.tail),
	    0);
	atomic_store(&rig.flags->heir, 1);
	bell_ring(&rig.flags->worker_sleeps, rig.bell_out);
}

static void
carry_streams(size_t heirs_from)
{
	uint8_t chunk[RIG_RING_BYTES];
	size_t place, size;
	pid_t reader, writer;

	seed = arc4random();
	fprintf(stderr, "seed %u\n", seed);
	pump_rig_start();
	reader = elsewhere(pump_rig_receive_stream, STREAM_BYTES);
	writer = elsewhere(pump_rig_send_stream, STREAM_BYTES);
	for (place = 0; place < STREAM_BYTES; place += size) {
		size = pump_rig_random_size();
		if (size > STREAM_BYTES - place)
			size = STREAM_BYTES - place;
		if (place >= heirs_from)
			take_over();
		pump_rig_fill(chunk, size, place);
		rig_send(&rig, chunk, size);
		rig_receive(&rig, chunk, size);
		pump_rig_check(chunk, size, place);
	}
	expect_success(reader);
	expect_success(writer);
	rig_let_go(&rig);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}

START_TEST(carries_streams_both_ways_at_once)
{
	carry_streams(STREAM_BYTES);
}
END_TEST

START_TEST(follows_one_engine_after_another)
{
	carry_streams(STREAM_BYTES / 2);
}
END_TEST

/* What the first one wrote goes out before what its heir writes. */
START_TEST(an_heir_finds_the_ring_full)
{
	uint8_t chunk[100];
	size_t stuffed;
	pid_t reader;
	char bytes[4];

	pump_rig_start();
	stuffed = pump_rig_stuff_ring();
	take_over();
	rig_write(far, "here", 4);
	rig_receive(&rig, bytes, 4);
	ck_assert_mem_eq(bytes, "here", 4);
	pump_rig_fill(chunk, sizeof(chunk), stuffed);
	reader = elsewhere(pump_rig_receive_stream, stuffed + sizeof(chunk));
	rig_send(&rig, chunk, sizeof(chunk));
	expect_success(reader);
	rig_let_go(&rig);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

/* The far end reads nothing, and still is heard; then it reads. */
START_TEST(a_full_way_out_does_not_block_the_way_in)
{
	size_t stuffed;
	char bytes[4];

	pump_rig_start();
	stuffed = pump_rig_stuff_ring();
	ck_assert_uint_gt(stuffed, RIG_RING_BYTES);
	rig_write(far, "here", 4);
	rig_receive(&rig, bytes, 4);
	ck_assert_mem_eq(bytes, "here", 4);
	pump_rig_receive_stream(stuffed);
	rig_let_go(&rig);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

/* TCP's window closes, nothing is lost, and the way out stays open. */
START_TEST(a_full_way_in_holds_the_far_end_back)
{
	size_t stuffed;
	char bytes[4];

	pump_rig_start();
	stuffed = pump_rig_stuff();
	ck_assert_uint_gt(stuffed, RIG_RING_BYTES);
	rig_send(&rig, "well", 4);
	rig_read(far, bytes, 4);
	ck_assert_mem_eq(bytes, "well", 4);
	pump_rig_drain(stuffed);
	rig_let_go(&rig);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

START_TEST(rings_only_who_sleeps)
{
	char byte;

	pump_rig_start();
	/* The ring is watched by eye, without a word to the worker. */
	rig_write(far, "a", 1);
	while (atomic_load(&rig.flags->rx_head) != 1)
		;
	ck_assert_int_eq(bell_drain(rig.bell_in), 0);
	rig_receive(&rig, &byte, 1);
	rig_send(&rig, "b", 1);
	rig_read(far, &byte, 1);
	ck_assert_int_eq(byte, 'b');
	ck_assert_int_eq(bell_drain(rig.bell_in), 0);

	bell_arm(&rig.flags->engine_wants_data);
	rig_write(far, "c", 1);
	rig_poll(rig.bell_in, POLLIN);
	ck_assert_int_eq(bell_drain(rig.bell_in), 1);
	bell_arm(&rig.flags->engine_wants_room);
	rig_send(&rig, "d", 1);
	rig_poll(rig.bell_in, POLLIN);
	ck_assert_int_eq(bell_drain(rig.bell_in), 1);
	rig_let_go(&rig);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

static void
await_word(const _Atomic uint32_t *word)
{
	while (atomic_load(word) != 1)
		;
}

/* What is taken out of a ring that had room is no news to the worker. */
START_TEST(is_woken_for_room_if_there_was_none)
{
	size_t stuffed;
	char byte;

	pump_rig_start();
	rig_write(far, "a", 1);
	rig_receive(&rig, &byte, 1);
	await_word(&rig.flags->worker_sleeps);
	ck_assert(!bell_ring(&rig.flags->worker_wants_room, rig.bell_out));
	stuffed = pump_rig_stuff();
	await_word(&rig.flags->worker_wants_room);
	rig_let_go(&rig);
	ck_assert_uint_gt(stuffed, RIG_RING_BYTES);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

/* A worker that was awaited, and has to wait for TCP itself, says so. */
START_TEST(tells_that_the_way_out_is_full)
{
	struct pollfd bell;
	size_t stuffed;

	pump_rig_start();
	stuffed = pump_rig_stuff_ring();
	await_word(&rig.flags->worker_sleeps);
	bell_arm(&rig.flags->engine_wants_room);
	ck_assert(bell_ring(&rig.flags->worker_sleeps, rig.bell_out));
	bell = (struct pollfd){ .fd = rig.bell_in, .events = POLLIN };
	ck_assert_int_eq(poll(&bell, 1, 10000), 1);
	ck_assert_int_eq(atomic_load(&rig.flags->engine_wants_room), 0);
	await_word(&rig.flags->worker_sleeps);
	pump_rig_receive_stream(stuffed);
	rig_let_go(&rig);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("pump");
	TCase *t = tcase_create("pump");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, carries_streams_both_ways_at_once);
	tcase_add_test(t, follows_one_engine_after_another);
	tcase_add_test(t, an_heir_finds_the_ring_full);
	tcase_add_test(t, a_full_way_out_does_not_block_the_way_in);
	tcase_add_test(t, a_full_way_in_holds_the_far_end_back);
	tcase_add_test(t, rings_only_who_sleeps);
	tcase_add_test(t, is_woken_for_room_if_there_was_none);
	tcase_add_test(t, tells_that_the_way_out_is_full);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
