#include "shm/bell.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/suite.h"

#define ROUNDS 200000
#define ROUNDS_S 10 /* but no longer */

static int sleeper, waker;
static _Atomic uint32_t sleeping;

static void
setup(void)
{
	ck_assert_int_eq(bell_create(&sleeper, &waker), 0);
	atomic_store(&sleeping, 0);
	signal(SIGPIPE, SIG_IGN);
}

static void
teardown(void)
{
	close(sleeper);
	close(waker);
}

static bool
readable(void)
{
	struct pollfd entry = { .fd = sleeper, .events = POLLIN };

	return poll(&entry, 1, 0) == 1;
}

static void
fill_pipe(void)
{
	char bytes[4096] = { 0 };

	while (write(waker, bytes, sizeof(bytes)) > 0)
		continue;
	while (write(waker, bytes, 1) > 0)
		continue;
}

START_TEST(ends_are_closed_on_exec_and_do_not_block)
{
	ck_assert_int_eq(fcntl(sleeper, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(waker, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(sleeper, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(waker, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}
END_TEST

START_TEST(one_side_cannot_make_the_other_block)
{
	ck_assert_int_eq(fcntl(waker, F_SETFL, 0), 0);
	ck_assert_int_eq(fcntl(sleeper, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(bell_drain(sleeper), 0);
}
END_TEST

START_TEST(nobody_sleeps_nothing_is_written)
{
	ck_assert(!bell_ring(&sleeping, waker));
	ck_assert(!readable());
	ck_assert_int_eq(bell_drain(sleeper), 0);
}
END_TEST

START_TEST(a_sleeper_is_woken_once)
{
	bell_arm(&sleeping);
	ck_assert_uint_ne(atomic_load(&sleeping), 0);
	ck_assert(bell_ring(&sleeping, waker));
	ck_assert_uint_eq(atomic_load(&sleeping), 0);
	ck_assert(!bell_ring(&sleeping, waker));
	ck_assert(readable());
	ck_assert_int_eq(bell_drain(sleeper), 1);
	ck_assert(!readable());
	ck_assert_int_eq(bell_drain(sleeper), 0);
	bell_arm(&sleeping);
	ck_assert(bell_ring(&sleeping, waker));
	ck_assert_int_eq(bell_drain(sleeper), 1);
}
END_TEST

START_TEST(disarmed_is_not_rung)
{
	bell_arm(&sleeping);
	bell_disarm(&sleeping);
	ck_assert_uint_eq(atomic_load(&sleeping), 0);
	ck_assert(!bell_ring(&sleeping, waker));
	ck_assert(!readable());
}
END_TEST

START_TEST(any_forged_flag_counts_as_armed)
{
	atomic_store(&sleeping, UINT32_C(0x80000000));
	ck_assert(bell_ring(&sleeping, waker));
	ck_assert_uint_eq(atomic_load(&sleeping), 0);
}
END_TEST

START_TEST(a_full_pipe_counts_as_rung)
{
	fill_pipe();
	bell_arm(&sleeping);
	ck_assert(bell_ring(&sleeping, waker));
}
END_TEST

START_TEST(a_drain_has_a_limit)
{
	fill_pipe();
	ck_assert_int_eq(bell_drain(sleeper), 4096);
	ck_assert(readable());
}
END_TEST

START_TEST(the_other_end_is_gone)
{
	int ends[2];

	ck_assert_int_eq(bell_create(&ends[0], &ends[1]), 0);
	bell_arm(&sleeping);
	close(ends[0]);
	ck_assert(!bell_ring(&sleeping, ends[1]));
	close(ends[1]);

	ck_assert_int_eq(bell_create(&ends[0], &ends[1]), 0);
	bell_arm(&sleeping);
	ck_assert(bell_ring(&sleeping, ends[1]));
	close(ends[1]);
	/* What was rung before is read first. */
	ck_assert_int_eq(bell_drain(ends[0]), 1);
	ck_assert_int_eq(bell_drain(ends[0]), -1);
	close(ends[0]);
	ck_assert_int_eq(bell_drain(ends[0]), -1);
}
END_TEST

/*
 * Two threads meet in every round: one arms and looks, the other publishes and
 * rings. If the one does not see what was published, the other must have rung.
 */
static alignas(64) _Atomic uint32_t begun;
static alignas(64) _Atomic uint32_t published;
static alignas(64) _Atomic uint32_t ended;
static alignas(64) _Atomic uint32_t flag;
static _Atomic bool over;
static bool rung;

/* Spin, but not for ever: there may be one core for the two. */
static void
await(const _Atomic uint32_t *word, uint32_t value)
{
	unsigned int spins = 0;

	while (atomic_load_explicit(word, memory_order_acquire) != value)
		if (++spins % 1000 == 0)
			sched_yield();
}

static void *
publish_and_ring(void *nothing)
{
	uint32_t round;

	for (round = 1;; round++) {
		await(&begun, round);
		if (atomic_load(&over))
			return nothing;
		atomic_store_explicit(&published, round, memory_order_release);
		rung = bell_ring(&flag, waker);
		atomic_store_explicit(&ended, round, memory_order_release);
	}
}

static bool
looks_published(uint32_t round)
{
	return atomic_load_explicit(&published, memory_order_acquire) == round;
}

/* Fewer rounds where the two share a processor with others. */
START_TEST(no_wake_up_is_lost)
{
	time_t deadline = time(NULL) + ROUNDS_S;
	uint32_t round, lost = 0;
	volatile uint32_t pause;
	pthread_t thread;
	bool seen;

	ck_assert_int_eq(pthread_create(&thread, NULL, publish_and_ring, NULL),
	    0);
	for (round = 1; round <= ROUNDS && time(NULL) < deadline; round++) {
		atomic_store_explicit(&begun, round, memory_order_release);
		for (pause = round % 2048; pause > 0; pause--)
			continue;
		/* The first look, which leaves an old value in the cache. */
		if (!looks_published(round))
			bell_arm(&flag);
		seen = looks_published(round);
		await(&ended, round);
		lost += !seen && !rung;
		bell_drain(sleeper);
	}
	atomic_store(&over, true);
	atomic_store_explicit(&begun, round, memory_order_release);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bell");
	TCase *tcase = tcase_create("bell");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, ends_are_closed_on_exec_and_do_not_block);
	tcase_add_test(tcase, one_side_cannot_make_the_other_block);
	tcase_add_test(tcase, nobody_sleeps_nothing_is_written);
	tcase_add_test(tcase, a_sleeper_is_woken_once);
	tcase_add_test(tcase, disarmed_is_not_rung);
	tcase_add_test(tcase, any_forged_flag_counts_as_armed);
	tcase_add_test(tcase, a_full_pipe_counts_as_rung);
	tcase_add_test(tcase, a_drain_has_a_limit);
	tcase_add_test(tcase, the_other_end_is_gone);
	tcase_add_test(tcase, no_wake_up_is_lost);
	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
