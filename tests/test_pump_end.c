/* How the pump ends. */
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shm/bell.h"
#include "tests/pump_rig.h"
#include "tests/suite.h"
#include "worker/pump.h"

#define TRIES 5 /* of what a busy machine may spoil */

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(delivers_all_before_it_says_closed)
{
	size_t stuffed;

	pump_rig_start();
	stuffed = pump_rig_stuff();
	close(far);
	pump_rig_drain(stuffed);
	pump_rig_expect_end(PUMP_CLOSED);
}
END_TEST

/* Take what comes until the pump's end of the bell is closed. */
static size_t
drain_all(void)
{
	const uint8_t *span;
	size_t place = 0, bytes;
	bool ended = false;

	for (;;) {
		while (ring_peek(&rig.rx, &span, &bytes) == RING_OK) {
			pump_rig_check(span, bytes, place);
			place += bytes;
			ring_release(&rig.rx, bytes);
			bell_ring(&rig.flags->worker_wants_room, rig.bell_out);
		}
		if (ended)
			return place;
		bell_arm(&rig.flags->engine_wants_data);
		if (ring_peek(&rig.rx, &span, &bytes) == RING_OK)
			continue;
		rig_poll(rig.bell_in, POLLIN);
		ended = bell_drain(rig.bell_in) == -1;
	}
}

/* Writing fails first; what came before is still in the socket. */
START_TEST(delivers_all_before_it_says_failed)
{
	int unread;

	pump_rig_start();
	pump_rig_stuff();
	rig_send(&rig, "x", 1);
	rig_poll(far, POLLIN);
	ck_assert_int_eq(ioctl(far, FIONREAD, &unread), 0);
	ck_assert_int_eq(unread, 1);
	/* An unread byte: the kernel resets. */
	close(far);
	rig_send(&rig, "y", 1);
	ck_assert_uint_gt(drain_all(), RIG_RING_BYTES);
	ck_assert_int_gt(rig_exit_code(&rig), PUMP_RIG_FAILED);
}
END_TEST

/* A dead connection and a full ring: nothing to do, and nothing is done. */
START_TEST(does_not_spin_on_a_dead_connection)
{
	struct rusage usage;
	int status;

	pump_rig_start();
	pump_rig_stuff();
	rig_send(&rig, "x", 1);
	rig_poll(far, POLLIN);
	close(far);
	usleep(300000);
	kill(rig.pid, SIGKILL);
	ck_assert_int_eq(wait4(rig.pid, &status, 0, &usage), rig.pid);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	ck_assert_int_eq(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec, 0);
	ck_assert_int_lt(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
	    150000);
}
END_TEST

START_TEST(refuses_an_impossible_head)
{
	struct layout_engine *words;

	pump_rig_start();
	words = rig.engine.control;
	atomic_store(&words->tx_head, RIG_RING_BYTES + 1);
	rig_write(far, "x", 1);
	pump_rig_expect_end(PUMP_BROKEN);
}
END_TEST

START_TEST(refuses_an_impossible_tail)
{
	struct layout_engine *words;

	pump_rig_start();
	words = rig.engine.control;
	atomic_store(&words->rx_tail, RIG_RING_BYTES + 1);
	rig_write(far, "x", 1);
	pump_rig_expect_end(PUMP_BROKEN);
}
END_TEST

/* The engine's last frames arrive, whatever the far end is sending. */
START_TEST(finishes_what_the_engine_left)
{
	static uint8_t chunk[RIG_RING_BYTES];
	uint8_t byte;

	pump_rig_start();
	pump_rig_stuff();
	pump_rig_fill(chunk, sizeof(chunk), 0);
	rig_send(&rig, chunk, sizeof(chunk));
	rig_let_go(&rig);
	pump_rig_expect_end(PUMP_STOPPED);
	rig_read(far, chunk, sizeof(chunk));
	pump_rig_check(chunk, sizeof(chunk), 0);
	rig_poll(far, POLLIN);
	ck_assert_int_eq(read(far, &byte, 1), 0);
}
END_TEST

/* So do those that are still on their way when the time is up. */
START_TEST(leaves_the_rest_to_the_kernel)
{
	size_t stuffed;

	pump_rig_start();
	pump_rig_stuff();
	stuffed = pump_rig_stuff_ring();
	rig_let_go(&rig);
	pump_rig_expect_end(PUMP_STOPPED);
	pump_rig_receive_stream(stuffed - RIG_RING_BYTES);
}
END_TEST

/* It waits for us for half a second: who looks later has seen nothing. */
static bool
is_seen_to_wait(void)
{
	int64_t begin_ms;
	uint8_t byte;
	bool waits;

	pump_rig_start();
	begin_ms = now_ms();
	rig_let_go(&rig);
	rig_poll(far, POLLIN);
	ck_assert_int_eq(read(far, &byte, 1), 0);
	waits = waitpid(rig.pid, NULL, WNOHANG) == 0;
	ck_assert(waits || now_ms() - begin_ms >= 450);
	close(far);
	if (waits)
		pump_rig_expect_end(PUMP_STOPPED);
	return waits;
}

START_TEST(closes_its_side_before_it_ends)
{
	int tries = 1;

	while (!is_seen_to_wait())
		ck_assert_int_lt(tries++, TRIES);
}
END_TEST

static int64_t
wait_for_far_end(void)
{
	int64_t begin_ms, took_ms;

	pump_rig_start();
	rig_send(&rig, "x", 1);
	begin_ms = now_ms();
	rig_let_go(&rig);
	pump_rig_expect_end(PUMP_STOPPED);
	took_ms = now_ms() - begin_ms;
	ck_assert_int_ge(took_ms, 450);
	close(far);
	return took_ms;
}

START_TEST(does_not_wait_long_for_the_far_end)
{
	int tries = 1;

	while (wait_for_far_end() >= 2000)
		ck_assert_int_lt(tries++, TRIES);
}
END_TEST

START_TEST(ends_with_the_bell)
{
	pump_rig_start();
	close(far);
	pump_rig_expect_end(PUMP_CLOSED);
	pump_rig_start();
	close(rig.bell_out);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("pump_end");
	TCase *t = tcase_create("pump_end");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, delivers_all_before_it_says_closed);
	tcase_add_test(t, delivers_all_before_it_says_failed);
	tcase_add_test(t, does_not_spin_on_a_dead_connection);
	tcase_add_test(t, refuses_an_impossible_head);
	tcase_add_test(t, refuses_an_impossible_tail);
	tcase_add_test(t, finishes_what_the_engine_left);
	tcase_add_test(t, leaves_the_rest_to_the_kernel);
	tcase_add_test(t, closes_its_side_before_it_ends);
	tcase_add_test(t, does_not_wait_long_for_the_far_end);
	tcase_add_test(t, ends_with_the_bell);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
