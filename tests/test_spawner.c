#include "supervisor/engine/spawner.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/spawn.h"
#include "tests/suite.h"

static struct spawner spawner;
static struct event_base *base;
static int supervisor;

static int started, exited;

static void
count_started(void *argument, pid_t pid)
{
	(void)argument;
	(void)pid;
	started++;
}

static void
count_exited(void *argument, int status)
{
	(void)argument;
	(void)status;
	exited++;
}

static const struct spawner_owner counter = { .started = count_started,
	.exited = count_exited };

static void
begin(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
			     pair),
	    0);
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(spawner_init(&spawner, base, pair[0]), 0);
	supervisor = pair[1];
}

static void
finish(void)
{
	spawner_close(&spawner);
	event_base_free(base);
	close(supervisor);
}

/* How many requests of a type there are, of all that were sent. */
static int
count_sent(enum spawn_request type)
{
	struct spawn_record record;
	int count = 0;

	while (recv(supervisor, &record, sizeof(record), 0) ==
	    (ssize_t)sizeof(record))
		count += record.type == type;
	ck_assert_int_eq(errno, EAGAIN);
	return count;
}

static void
fill_channel(void)
{
	struct spawn_record record = { .type = SPAWN_ALIVE };

	while (send(spawner.channel, &record, sizeof(record), 0) != -1)
		;
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(worker_is_killed_once_it_is_time)
{
	uint64_t now_us = clock_now_us();

	ck_assert(spawner_claim(&spawner, 3, NULL, NULL));
	spawner_disown(&spawner, 3, now_us + 1000);
	spawner_tick(&spawner, now_us);
	ck_assert_int_eq(count_sent(SPAWN_KILL), 0);
	spawner_tick(&spawner, now_us + 1000);
	ck_assert_int_eq(count_sent(SPAWN_KILL), 1);
	spawner_tick(&spawner, now_us + 2000);
	ck_assert_int_eq(count_sent(SPAWN_KILL), 0);
}
END_TEST

/* A supervisor that lags behind is asked again. */
START_TEST(kill_is_not_lost)
{
	uint64_t now_us = clock_now_us();

	ck_assert(spawner_claim(&spawner, 3, NULL, NULL));
	ck_assert(spawner_claim(&spawner, 4, NULL, NULL));
	fill_channel();
	spawner_disown(&spawner, 3, now_us);
	spawner_kill(&spawner, 4);
	spawner_tick(&spawner, now_us);
	ck_assert_int_eq(count_sent(SPAWN_KILL), 0);
	spawner_tick(&spawner, now_us + 1000);
	ck_assert_int_eq(count_sent(SPAWN_KILL), 2);
}
END_TEST

/* The last of each kind arrives, in whatever order. */
START_TEST(requests_are_not_lost)
{
	struct spawn_record record;
	int64_t levels = 0;
	int readies = 0;

	fill_channel();
	spawner_level(&spawner, 1);
	spawner_ready(&spawner, true);
	spawner_level(&spawner, 3);
	while (recv(supervisor, &record, sizeof(record), 0) != -1)
		ck_assert_uint_eq(record.type, SPAWN_ALIVE);
	spawner_tick(&spawner, clock_now_us());
	spawner_tick(&spawner, clock_now_us());
	while (recv(supervisor, &record, sizeof(record), 0) != -1) {
		if (record.type == SPAWN_LEVEL)
			levels = levels * 10 + record.value;
		readies += record.type == SPAWN_READY && record.value == 1;
	}
	ck_assert_int_eq(levels, 3);
	ck_assert_int_eq(readies, 1);
}
END_TEST

static void
report(enum spawn_report type, uint32_t slot)
{
	struct spawn_record record = { .type = type, .slot = slot };
	struct pollfd channel = { .fd = supervisor, .events = POLLOUT };

	while (send(supervisor, &record, sizeof(record), 0) == -1 &&
	    errno == EAGAIN)
		poll(&channel, 1, -1);
}

/* Every worker begins and ends while an upgrade is decided on. */
START_TEST(nothing_is_lost_while_it_waits)
{
	pid_t child;

	for (int slot = 0; slot < SPAWN_SLOTS; slot++)
		ck_assert(spawner_claim(&spawner, slot, &counter, NULL));
	ck_assert_int_eq(spawner_start(&spawner, NULL, 0, &counter, NULL), -1);
	ck_assert_str_eq(spawner_why(errno),
	    "1024 workers run, which is the limit");
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0) {
		for (uint32_t slot = 0; slot < SPAWN_SLOTS; slot++) {
			report(SPAWN_STARTED, slot);
			report(SPAWN_EXITED, slot);
		}
		report(SPAWN_GO_ON, 0);
		_exit(0);
	}
	ck_assert_uint_eq(spawner_await(&spawner).type, SPAWN_GO_ON);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	started = exited = 0;
	spawner_catch_up(&spawner);
	ck_assert_int_eq(started, SPAWN_SLOTS);
	ck_assert_int_eq(exited, SPAWN_SLOTS);
	ck_assert_uint_eq(spawner_used(&spawner), 0);
}
END_TEST

/* The supervisor has said its last word, and has not heard ours. */
START_TEST(the_last_word_is_heard)
{
	spawner_level(&spawner, 1);
	report(SPAWN_END, 0);
	close(supervisor);
	supervisor = -1;
	ck_assert_uint_eq(spawner_await(&spawner).type, SPAWN_END);
	ck_assert_uint_eq(spawner_await(&spawner).type, SPAWN_STOP);
}
END_TEST

/* A refusal of another request decides nothing. */
START_TEST(a_refusal_ends_no_wait)
{
	report(SPAWN_BUSY, 0);
	report(SPAWN_END, 0);
	ck_assert_uint_eq(spawner_await(&spawner).type, SPAWN_END);
	ck_assert_uint_eq(spawner.late_count, 1);
	ck_assert_uint_eq(spawner.late[0].type, SPAWN_BUSY);
}
END_TEST

/* An heir hears of 64 slots at once: those that nobody claimed are let go. */
START_TEST(slots_of_another_engine_are_taken_over)
{
	struct spawn_record workers = { .type = SPAWN_WORKERS,
		.slot = 64,
		.value = INT64_MIN | 6 };
	struct spawn_record serve = { .type = SPAWN_SERVE };

	ck_assert(spawner_claim(&spawner, 65, &counter, NULL));
	ck_assert_int_ne(send(supervisor, &workers, sizeof(workers), 0), -1);
	workers.slot = SPAWN_SLOTS - 1; /* none of its */
	ck_assert_int_ne(send(supervisor, &workers, sizeof(workers), 0), -1);
	ck_assert_int_ne(send(supervisor, &serve, sizeof(serve), 0), -1);
	ck_assert_uint_eq(spawner_await(&spawner).type, SPAWN_SERVE);
	spawner_catch_up(&spawner);
	ck_assert_uint_eq(spawner_used(&spawner), 3);
	ck_assert(spawner.slots[65].owner == &counter);
	ck_assert_uint_eq(spawner.slots[65].kill_at_us, 0);
	ck_assert_uint_ne(spawner.slots[66].kill_at_us, 0);
	ck_assert_uint_ne(spawner.slots[127].kill_at_us, 0);
	ck_assert(!spawner_claim(&spawner, 66, &counter, NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spawner");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, begin, finish);
	tcase_add_test(tests, worker_is_killed_once_it_is_time);
	tcase_add_test(tests, kill_is_not_lost);
	tcase_add_test(tests, requests_are_not_lost);
	tcase_add_test(tests, nothing_is_lost_while_it_waits);
	tcase_add_test(tests, the_last_word_is_heard);
	tcase_add_test(tests, a_refusal_ends_no_wait);
	tcase_add_test(tests, slots_of_another_engine_are_taken_over);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
