/* A frame holds what waits, however many receives that takes. */
#include <check.h>

#include "supervisor/engine/udp_batch.h"
#include "tests/engine_rig.h"
#include "tests/suite.h"

#define WARM 20000 /* until the rate is known, and frames are as long */
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

static Suite *
gather_suite(void)
{
	Suite *suite = suite_create("gather");
	TCase *tcase = tcase_create("gather");

	tcase_add_test(tcase, test_one_frame_for_a_burst);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(gather_suite());
}
