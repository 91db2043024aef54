/*
 * The engine's end of a worker, whose bell this test rings itself; what the
 * channel asks of the spawner stays here.
 */
#include "supervisor/engine/channel.h"

#include <sys/ioctl.h>

#include <check.h>
#include <event2/event.h>
#include <unistd.h>

#include "supervisor/engine/spawner.h"
#include "tests/suite.h"

static struct event_base *base;
static struct spawner spawner;
static struct channel channel;
static struct {
	int waker; /* the worker's ends */
	int socket;
	int bells, broken, kills;
	int unread; /* when the work is done, and when it asked for more */
	int read;
	void (*work)(void);
} seen;

int
spawner_start(struct spawner *unused, const int *descriptors, size_t count,
    const struct spawner_owner *owner, void *argument)
{
	(void)unused;
	(void)owner;
	(void)argument;
	ck_assert_uint_gt(count, FD_BELL_OUT - FD_CHANNEL);
	seen.waker = dup(descriptors[FD_BELL_OUT - FD_CHANNEL]);
	seen.socket = dup(descriptors[0]);
	return 0;
}

bool
spawner_claim(struct spawner *unused, int slot,
    const struct spawner_owner *owner, void *argument)
{
	(void)unused;
	(void)slot;
	(void)owner;
	(void)argument;
	return true;
}

void
spawner_kill(struct spawner *unused, int slot)
{
	(void)unused;
	(void)slot;
	seen.kills++;
}

void
spawner_disown(struct spawner *unused, int slot, uint64_t kill_at_us)
{
	(void)unused;
	(void)slot;
	(void)kill_at_us;
}

static void
handle_bell(void *argument)
{
	(void)argument;
	seen.bells++;
	seen.work();
}

static void
handle_broken(void *argument, const char *words)
{
	(void)argument;
	ck_assert_str_eq(words, "worker rings for nothing");
	seen.broken++;
}

static const struct channel_handler handler = {
	.bell = handle_bell,
	.broken = handle_broken,
};

static int
unread(void)
{
	int bytes;

	ck_assert_int_eq(ioctl(channel.bell_in, FIONREAD, &bytes), 0);
	return bytes;
}

static void
ring(void)
{
	ck_assert_int_eq(write(seen.waker, "", 1), 1);
}

static void
turn(void)
{
	ck_assert_int_ne(event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK),
	    -1);
}

static void
begin(void (*work)(void))
{
	struct job job = { .kind = JOB_SERVE };

	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	channel_init(&channel, &handler, NULL);
	ck_assert_int_eq(channel_open(&channel, base, &spawner, &job, -1), 0);
	seen.work = work;
	channel_want_data(&channel);
}

static void
end(void)
{
	channel_close(&channel, false);
	event_base_free(base);
	close(seen.waker);
	close(seen.socket);
}

/* The worker has more as soon as it is asked. */
static void
ask_again(void)
{
	seen.unread = unread();
	if (seen.bells % 2 == 1)
		channel_want_room(&channel);
	else
		channel_want_data(&channel);
	seen.read = seen.unread - unread();
	if (seen.bells < 3)
		ring();
}

/* It is read behind the work, and what rings from then on is not lost. */
START_TEST(test_bell_behind_the_work)
{
	begin(ask_again);
	ring();
	for (int bells = 1; bells <= 3; bells++) {
		turn();
		ck_assert_int_eq(seen.bells, bells);
		ck_assert_int_eq(seen.unread, 1);
		ck_assert_int_eq(seen.read, 1);
	}
	turn();
	ck_assert_int_eq(seen.bells, 3);
	ck_assert_int_eq(seen.broken, 0);
	end();
}
END_TEST

static void
ask_for_nothing(void)
{
	seen.unread = unread();
}

/* More wait than one turn takes, say. */
START_TEST(test_bell_is_read_once)
{
	begin(ask_for_nothing);
	ring();
	turn();
	turn();
	ck_assert_int_eq(seen.bells, 1);
	ck_assert_int_eq(seen.unread, 1);
	ck_assert_int_eq(unread(), 0);
	channel_again(&channel);
	turn();
	ck_assert_int_eq(seen.bells, 2);
	ck_assert_int_eq(seen.broken, 0);
	end();
}
END_TEST

START_TEST(test_more_bells_than_asked)
{
	begin(_i == 0 ? ask_for_nothing : ask_again);
	seen.bells = 3;
	ring();
	ring();
	turn();
	ck_assert_int_eq(seen.broken, 1);
	ck_assert_int_eq(seen.kills, 1);
	end();
}
END_TEST

START_TEST(test_bell_of_a_worker_that_ended)
{
	begin(_i == 0 ? ask_for_nothing : ask_again);
	seen.bells = 3;
	close(seen.waker);
	seen.waker = dup(STDERR_FILENO);
	turn();
	turn();
	ck_assert_int_eq(seen.bells, 4);
	ck_assert_int_eq(seen.kills, 1);
	ck_assert_int_eq(seen.broken, 0);
	end();
}
END_TEST

static void
close_channel(void)
{
	channel_close(&channel, false);
}

START_TEST(test_channel_that_the_work_closes)
{
	begin(close_channel);
	ring();
	turn();
	turn();
	ck_assert_int_eq(seen.bells, 1);
	ck_assert_int_eq(seen.broken, 0);
	ck_assert_int_eq(seen.kills, 0);
	ck_assert(!channel_is_open(&channel));
	end();
}
END_TEST

static Suite *
channel_suite(void)
{
	Suite *suite = suite_create("channel");
	TCase *tests = tcase_create("bell");

	tcase_add_test(tests, test_bell_behind_the_work);
	tcase_add_test(tests, test_bell_is_read_once);
	tcase_add_loop_test(tests, test_more_bells_than_asked, 0, 2);
	tcase_add_loop_test(tests, test_bell_of_a_worker_that_ended, 0, 2);
	tcase_add_test(tests, test_channel_that_the_work_closes);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(channel_suite());
}
