/*
 * A frame holds what waits, however many receives that takes; and what several
 * frames bring goes to the application at once. sendmmsg is ours here.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <check.h>
#include <unistd.h>

#include "supervisor/engine/udp_batch.h"
#include "tests/engine_rig.h"
#include "tests/suite.h"

#define WARM 20000 /* until the rate is known, and frames are as long */
#define FRAMES 20
#define DATAGRAMS (100 * ENGINE_RIG_BURST)

_Static_assert(ENGINE_RIG_BURST > 2 * UDP_BATCH, "a burst is several receives");

/* One for each burst, one where the budget cut it, and PINGs and PONGs. */
START_TEST(test_one_frame_for_a_burst)
{
	uint64_t frames;

	engine_rig_begin(1);
	ck_assert_uint_eq(engine_rig_carry(WARM, 64), WARM);
	frames = engine_rig_frames();
	ck_assert_uint_eq(engine_rig_carry(DATAGRAMS, 64), DATAGRAMS);
	frames = engine_rig_frames() - frames;
	ck_assert_uint_ge(frames, DATAGRAMS / ENGINE_RIG_BURST);
	ck_assert_uint_le(frames, DATAGRAMS / UDP_BATCH * 3 / 4);
	engine_rig_end();
}
END_TEST

static unsigned int calls;

int
sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	calls++;
	return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

START_TEST(test_one_call_for_many_frames)
{
	uint64_t frames;

	engine_rig_begin(1);
	ck_assert_uint_eq(engine_rig_carry(WARM, 64), WARM);
	frames = engine_rig_frames();
	for (int i = 0; i < FRAMES; i++)
		engine_rig_press(5, 64);
	ck_assert_uint_ge(engine_rig_frames() - frames, FRAMES);
	calls = 0;
	ck_assert_uint_eq(engine_rig_carry(5, 64), 5 * (FRAMES + 1));
	/* A PING stands between them. */
	ck_assert_uint_le(calls, 2);
	engine_rig_end();
}
END_TEST

/* Not so much that other tunnels wait. */
START_TEST(test_some_calls_for_too_many)
{
	static const struct {
		uint64_t datagrams; /* of a frame */
		size_t bytes;
		unsigned int calls; /* at least */
	} cases[] = { { 100, 10, FRAMES * 100 / 640 },
		{ 15, 600, FRAMES * 15 * 600 / 45000 } };

	engine_rig_begin(1);
	ck_assert_uint_eq(engine_rig_carry(WARM, 64), WARM);
	for (int i = 0; i < FRAMES; i++)
		engine_rig_press(cases[_i].datagrams, cases[_i].bytes);
	calls = 0;
	ck_assert_uint_eq(engine_rig_carry(1, 64),
	    FRAMES * cases[_i].datagrams + 1);
	ck_assert_uint_ge(calls, cases[_i].calls);
	ck_assert_uint_lt(calls, FRAMES);
	engine_rig_end();
}
END_TEST

static Suite *
gather_suite(void)
{
	Suite *suite = suite_create("gather");
	TCase *tcase = tcase_create("gather");

	tcase_add_test(tcase, test_one_frame_for_a_burst);
	tcase_add_test(tcase, test_one_call_for_many_frames);
	tcase_add_loop_test(tcase, test_some_calls_for_too_many, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(gather_suite());
}
