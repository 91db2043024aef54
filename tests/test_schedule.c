#include "supervisor/engine/schedule.h"

#include <check.h>
#include <stdlib.h>

#include "supervisor/engine/frame.h"
#include "tests/suite.h"

#define QUEUE_MS 50
#define MB UINT64_C(1000000)

static struct schedule_path
make_path(uint64_t rate, uint64_t rtt_us)
{
	struct schedule_path path = { .up = true,
		.room_bytes = 1 << 20,
		.rate_bytes_s = rate,
		.srtt_us = rtt_us,
		.rtt_min_us = rtt_us };

	return path;
}

static int
pick(enum config_scheduler scheduler, const struct schedule_path *paths,
    size_t count)
{
	uint64_t least_us;

	return schedule_pick(scheduler, paths, count, 1400, QUEUE_MS,
	    &least_us);
}

START_TEST(test_delivery_time)
{
	struct schedule_path path = make_path(MB, 20000);

	/* An idle path: the frame's own time and the way there. */
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 11000);
	/* Under way, not waiting. */
	path.backlog_bytes = 20000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 11000);
	/* 10 ms wait, and the round trip shows them: counted once. */
	path.backlog_bytes = 30000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 21000);
	path.srtt_us = 30000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 21000);
	/* More delay than the backlog explains. */
	path.srtt_us = 50000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 31000);
	/* An empty path has no queue, whatever it was. */
	path.backlog_bytes = 0;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 11000);
}
END_TEST

START_TEST(test_delivery_time_unknown_round_trip)
{
	struct schedule_path path = make_path(MB, 0);

	path.backlog_bytes = 5000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 6000);
}
END_TEST

START_TEST(test_delivery_time_extremes)
{
	struct schedule_path path = make_path(1, UINT64_MAX / 16);

	path.backlog_bytes = UINT64_MAX;
	ck_assert_uint_ge(schedule_delivery_us(&path, SIZE_MAX),
	    UINT64_MAX / 16);
	ck_assert(
	    !schedule_has_room(&path, 1, UINT32_MAX) || path.room_bytes > 0);
	path.rate_bytes_s = UINT64_MAX;
	(void)schedule_delivery_us(&path, SIZE_MAX);
	(void)schedule_has_room(&path, 1, UINT32_MAX);
}
END_TEST

START_TEST(test_room)
{
	struct schedule_path path = make_path(MB, 20000);

	/* 20000 bytes are under way, 50000 may wait. */
	path.backlog_bytes = 20000 + 50000 - 1400;
	ck_assert(schedule_has_room(&path, 1400, QUEUE_MS));
	path.backlog_bytes++;
	ck_assert(!schedule_has_room(&path, 1400, QUEUE_MS));
	path.backlog_bytes = 0;
	path.room_bytes = 1399;
	ck_assert(!schedule_has_room(&path, 1400, QUEUE_MS));
	path.room_bytes = 1400;
	ck_assert(schedule_has_room(&path, 1400, QUEUE_MS));
	path.up = false;
	ck_assert(!schedule_has_room(&path, 1400, QUEUE_MS));
}
END_TEST

START_TEST(test_room_of_a_slow_path)
{
	struct schedule_path path = make_path(1000, 20000);

	/* 50 ms of it are 50 bytes, but no frame is too large for it. */
	ck_assert(schedule_has_room(&path, 65535, QUEUE_MS));
	path.backlog_bytes = 21;
	ck_assert(!schedule_has_room(&path, 1400, QUEUE_MS));
}
END_TEST

START_TEST(test_room_while_draining)
{
	struct schedule_path path = make_path(MB, 20000);

	path.drains = true;
	path.backlog_bytes = 15000;
	ck_assert(schedule_has_room(&path, 1400, QUEUE_MS));
	path.backlog_bytes = 15001;
	ck_assert(!schedule_has_room(&path, 1400, QUEUE_MS));
}
END_TEST

/* A queue delays all that follow, so it is left to grow less than it could. */
START_TEST(test_queue_weighs_more_than_the_way)
{
	struct schedule_path paths[2] = { make_path(10 * MB, 60000),
		make_path(MB, 20000) };

	/* The other way is 20 ms longer; with 10 ms here it is taken. */
	paths[1].backlog_bytes = 20000 + 4000;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 1);
	paths[1].backlog_bytes = 20000 + 10000;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 0);
}
END_TEST

START_TEST(test_earliest)
{
	struct schedule_path paths[2] = { make_path(10 * MB, 80000),
		make_path(MB, 20000) };

	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 1);
	/* 30 ms wait there: now the long way is the shorter one. */
	paths[1].backlog_bytes = 20000 + 30000;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 0);
	ck_assert_int_eq(pick(CONFIG_REDUNDANT, paths, 2), 0);
	/* It spills where there is room, late or not. */
	paths[0].room_bytes = 0;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 1);
	paths[1].up = false;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), -1);
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 0), -1);
}
END_TEST

/* What is hardly later is as good, and few paths cost less than many. */
START_TEST(test_as_good)
{
	struct schedule_path paths[3] = { make_path(100 * MB, 6000),
		make_path(120 * MB, 6800), make_path(200 * MB, 8000) };

	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 3), 1);
	/* A little waits there, and a little more is late. */
	paths[1].backlog_bytes = 120 * 6800 + 120 * 1900;
	paths[1].srtt_us = 6800 + 1900 + 9000;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 3), 1);
	paths[1].srtt_us += 2000;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 3), 0);
	paths[1].srtt_us -= 2000;
	paths[1].backlog_bytes += 120 * 200;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 3), 0);
	/* Not among those that are there for another case. */
	paths[1].backlog_bytes = 0;
	paths[1].backup = true;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 3), 0);
}
END_TEST

START_TEST(test_keeps)
{
	struct schedule_path path = make_path(100 * MB, 6000);
	uint64_t least_us = schedule_delivery_us(&path, 1400) - 400;

	ck_assert(schedule_keeps(&path, 1400, QUEUE_MS, least_us));
	ck_assert(!schedule_keeps(&path, 1400, QUEUE_MS, least_us - 200));
	path.backlog_bytes = 100 * 8000;
	ck_assert(schedule_keeps(&path, 1400, QUEUE_MS, least_us));
	path.backlog_bytes += 1000;
	ck_assert(!schedule_keeps(&path, 1400, QUEUE_MS, least_us));
	path.backlog_bytes = 0;
	path.room_bytes = 1399;
	ck_assert(!schedule_keeps(&path, 1400, QUEUE_MS, least_us));
}
END_TEST

/* It leaves while nobody says so, but not for ever. */
/* Room alone may be awaited, and only of a worker that is at it. */
START_TEST(test_awaits)
{
	struct schedule_path path = make_path(100 * MB, 6000);
	uint64_t least_us = schedule_delivery_us(&path, 1400);

	path.ring_bytes = 1000;
	ck_assert(!schedule_awaits(&path, 1400, QUEUE_MS, least_us));
	path.room_bytes = 1399;
	ck_assert(schedule_awaits(&path, 1400, QUEUE_MS, least_us));
	path.ring_bytes = 0;
	ck_assert(!schedule_awaits(&path, 1400, QUEUE_MS, least_us));
	path.ring_bytes = 1000;
	path.backlog_bytes = 100 * 8000 + 1000;
	ck_assert(schedule_awaits(&path, 1400, QUEUE_MS, least_us));
	path.backlog_bytes += 1000;
	ck_assert(!schedule_awaits(&path, 1400, QUEUE_MS, least_us));
	path.backlog_bytes = 0;
	path.up = false;
	ck_assert(!schedule_awaits(&path, 1400, QUEUE_MS, least_us));
}
END_TEST

/* What a late worker has yet to take is no queue of the path. */
START_TEST(test_keeps_behind_a_late_worker)
{
	struct schedule_path path = make_path(100 * MB, 6000);
	uint64_t least_us = schedule_delivery_us(&path, 1400);

	path.backlog_bytes = 100 * 11000;
	ck_assert(!schedule_keeps(&path, 1400, QUEUE_MS, least_us));
	path.ring_bytes = 100 * 3000;
	ck_assert(schedule_keeps(&path, 1400, QUEUE_MS, least_us));
	path.backlog_bytes += 100 * 1000;
	path.ring_bytes += 100 * 1000;
	ck_assert(!schedule_keeps(&path, 1400, QUEUE_MS, least_us));
}
END_TEST

START_TEST(test_queue_runs_out_between_pongs)
{
	struct schedule_path path = make_path(MB, 2000);

	path.backlog_bytes = 10000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 10000);
	path.pong_age_us = 5000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 5000);
	path.backlog_bytes = 22000;
	path.pong_age_us = 1000000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 14000);
	/* Where PONGs come often in a round trip, silence is a bad sign. */
	path.rtt_min_us = path.srtt_us = 20000;
	path.backlog_bytes = 30000;
	ck_assert_uint_eq(schedule_delivery_us(&path, 1000), 21000);
}
END_TEST

START_TEST(test_fresh)
{
	struct schedule_path paths[] = { make_path(100 * MB, 1000),
		make_path(MB, 90000) };

	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 0);
	/* Slow by its start values only: it is tried. */
	paths[1].fresh = true;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 1);
	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 2), 0);
	/* But with a little at a time. */
	paths[1].backlog_bytes = 4096;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 0);
}
END_TEST

START_TEST(test_primary)
{
	struct schedule_path paths[3] = { make_path(MB, 200000),
		make_path(MB, 10000), make_path(MB, 5000) };

	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 3), 0);
	paths[0].room_bytes = 0;
	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 3), 1);
	paths[1].up = false;
	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 3), 2);
	paths[2].room_bytes = 0;
	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 3), -1);
}
END_TEST

START_TEST(test_backup)
{
	struct schedule_path paths[2] = { make_path(MB, 1000),
		make_path(MB, 50000) };

	paths[0].backup = true;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 1);
	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 2), 1);
	/* Full is not down. */
	paths[1].room_bytes = 0;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), -1);
	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 2), -1);
	paths[1].up = false;
	ck_assert_int_eq(pick(CONFIG_EARLIEST, paths, 2), 0);
	ck_assert_int_eq(pick(CONFIG_PRIMARY, paths, 2), 0);
}
END_TEST

START_TEST(test_taken)
{
	struct schedule_path paths[3] = { make_path(MB, 1000),
		make_path(MB, 2000), make_path(MB, 3000) };

	paths[2].backup = true;
	paths[0].taken = true;
	ck_assert_int_eq(pick(CONFIG_REDUNDANT, paths, 3), 1);
	paths[1].taken = true;
	ck_assert_int_eq(pick(CONFIG_REDUNDANT, paths, 3), -1);
}
END_TEST

START_TEST(test_frame_bytes)
{
	struct schedule_path path = make_path(10 * MB, 0);

	ck_assert_uint_eq(schedule_frame_bytes(&path, 1412), 10000);
	ck_assert_uint_eq(schedule_frame_bytes(&path, 20000), 20000);
	path.rate_bytes_s = 1000 * MB;
	ck_assert_uint_eq(schedule_frame_bytes(&path, 1412), FRAME_PLAIN_MAX);
	path.rate_bytes_s = 1;
	ck_assert_uint_eq(schedule_frame_bytes(&path, 1412), 1412);
	/* Short datagrams share a segment even on the slowest path. */
	ck_assert_uint_eq(schedule_frame_bytes(&path, 76), 1300);
}
END_TEST

START_TEST(test_frame_bytes_behind_a_queue)
{
	struct schedule_path path = make_path(MB, 0);

	path.backlog_bytes = 20000;
	ck_assert_uint_eq(schedule_frame_bytes(&path, 1412), 5000);
	path.backlog_bytes = 400;
	ck_assert_uint_eq(schedule_frame_bytes(&path, 100), 1300);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("schedule");
	TCase *picks = tcase_create("picks");

	tcase_add_test(picks, test_as_good);
	tcase_add_test(picks, test_keeps);
	tcase_add_test(picks, test_awaits);
	tcase_add_test(picks, test_keeps_behind_a_late_worker);
	tcase_add_test(picks, test_queue_runs_out_between_pongs);
	tcase_add_test(picks, test_fresh);
	tcase_add_test(picks, test_delivery_time);
	tcase_add_test(picks, test_delivery_time_unknown_round_trip);
	tcase_add_test(picks, test_delivery_time_extremes);
	tcase_add_test(picks, test_room);
	tcase_add_test(picks, test_room_of_a_slow_path);
	tcase_add_test(picks, test_room_while_draining);
	tcase_add_test(picks, test_queue_weighs_more_than_the_way);
	tcase_add_test(picks, test_earliest);
	tcase_add_test(picks, test_primary);
	tcase_add_test(picks, test_backup);
	tcase_add_test(picks, test_taken);
	tcase_add_test(picks, test_frame_bytes);
	tcase_add_test(picks, test_frame_bytes_behind_a_queue);
	suite_add_tcase(suite, picks);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
