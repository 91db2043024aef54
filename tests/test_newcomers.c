#include "supervisor/engine/newcomers.h"

#include <sys/socket.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/engine.h"
#include "tests/suite.h"

#define NOW_US UINT64_C(1000000)

static struct newcomers newcomers;
static struct engine_peer peers[NEWCOMERS_MAX / NEWCOMERS_KEY_MAX + 2];

/* The far end of the connection, or -1 if it was not taken. */
static int
add(size_t peer, uint16_t path, uint64_t now_us)
{
	struct newcomer one = { .peer = &peers[peer], .hello.path = path };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	one.fd = pair[0];
	if (newcomers_add(&newcomers, &one, now_us))
		return pair[1];
	close(pair[0]);
	close(pair[1]);
	return -1;
}

static void
expect_next(uint16_t path, uint64_t now_us)
{
	struct newcomer *one;

	newcomers_expire(&newcomers, now_us);
	one = TAILQ_FIRST(&newcomers.list);
	ck_assert_ptr_nonnull(one);
	ck_assert(newcomers_is_there(one));
	ck_assert_uint_eq(one->hello.path, path);
	newcomers_remove(&newcomers, one);
	close(one->fd);
	free(one);
}

START_TEST(in_the_order_of_coming)
{
	int far[3];

	newcomers_init(&newcomers);
	for (uint16_t i = 0; i < 3; i++)
		far[i] = add(i, i, NOW_US);
	ck_assert_uint_eq(newcomers.count, 3);
	for (uint16_t i = 0; i < 3; i++)
		expect_next(i, NOW_US);
	ck_assert_uint_eq(newcomers.count, 0);
	for (size_t i = 0; i < 3; i++)
		close(far[i]);
}
END_TEST

START_TEST(who_has_gone_or_said_too_much_is_seen)
{
	int far[3];

	newcomers_init(&newcomers);
	for (uint16_t i = 0; i < 3; i++)
		far[i] = add(0, i, NOW_US);
	close(far[0]);
	ck_assert_int_eq(write(far[1], "x", 1), 1);
	for (int i = 0; i < 2; i++) {
		ck_assert(!newcomers_is_there(TAILQ_FIRST(&newcomers.list)));
		newcomers_drop(&newcomers, TAILQ_FIRST(&newcomers.list));
	}
	expect_next(2, NOW_US);
	ck_assert_uint_eq(newcomers.count, 0);
	close(far[1]);
	close(far[2]);
}
END_TEST

START_TEST(nobody_waits_for_ever)
{
	int early, late;

	newcomers_init(&newcomers);
	early = add(0, 1, NOW_US);
	late = add(0, 2, NOW_US + 1);
	expect_next(2, NOW_US + NEWCOMERS_WAIT_US);
	ck_assert_uint_eq(newcomers.count, 0);
	close(early);
	close(late);
}
END_TEST

START_TEST(keys_take_turns)
{
	static const uint16_t order[] = { 1, 4, 2, 3, 5 };
	int far[5];

	newcomers_init(&newcomers);
	for (uint16_t i = 0; i < 3; i++)
		far[i] = add(0, i + 1, NOW_US);
	far[3] = add(1, 4, NOW_US);
	for (size_t i = 0; i < 3; i++)
		expect_next(order[i], NOW_US);
	/* No earlier turn than the one of its key that waits. */
	far[4] = add(0, 5, NOW_US);
	for (size_t i = 3; i < 5; i++)
		expect_next(order[i], NOW_US);
	for (size_t i = 0; i < 5; i++)
		close(far[i]);
}
END_TEST

START_TEST(one_key_leaves_room_for_others)
{
	int far[NEWCOMERS_MAX];
	size_t taken = 0;

	newcomers_init(&newcomers);
	for (uint16_t i = 0; i < NEWCOMERS_KEY_MAX; i++)
		far[taken++] = add(0, i, NOW_US);
	ck_assert_int_eq(add(0, 1, NOW_US), -1);
	while (taken < NEWCOMERS_MAX) {
		far[taken] = add(taken / NEWCOMERS_KEY_MAX, 0, NOW_US);
		ck_assert_int_ne(far[taken++], -1);
	}
	ck_assert_int_eq(add(NEWCOMERS_MAX / NEWCOMERS_KEY_MAX + 1, 0, NOW_US),
	    -1);
	newcomers_clear(&newcomers);
	ck_assert_uint_eq(newcomers.count, 0);
	while (taken > 0)
		close(far[--taken]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("newcomers");
	TCase *tests = tcase_create("newcomers");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, in_the_order_of_coming);
	tcase_add_test(tests, who_has_gone_or_said_too_much_is_seen);
	tcase_add_test(tests, nobody_waits_for_ever);
	tcase_add_test(tests, keys_take_turns);
	tcase_add_test(tests, one_key_leaves_room_for_others);
	return suite_run(suite);
}
