#include "supervisor/engine/hold.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

static struct hold hold;
static uint8_t datagram[65507];

static void
add(size_t bytes, uint8_t mark)
{
	memset(datagram, mark, bytes);
	ck_assert(hold_add(&hold, datagram, bytes));
}

/* The oldest is of so many bytes, all of them this. */
static void
take(size_t bytes, uint8_t mark)
{
	uint64_t position = hold.tail;
	const uint8_t *got;
	size_t length;

	got = hold_next(&hold, &position, &length);
	ck_assert_ptr_nonnull(got);
	ck_assert_uint_eq(length, bytes);
	memset(datagram, mark, bytes);
	if (bytes > 0)
		ck_assert_mem_eq(got, datagram, bytes);
	hold_release(&hold, position, 1);
}

START_TEST(first_in_is_first_out)
{
	uint64_t position = 0;
	size_t bytes;

	ck_assert_ptr_null(hold_next(&hold, &position, &bytes));
	hold_release(&hold, position, 0);
	add(3, 'a');
	add(0, 'b');
	add(65507, 'c');
	ck_assert_uint_gt(hold_bytes(&hold), 65510);
	take(3, 'a');
	take(0, 'b');
	take(65507, 'c');
	ck_assert_uint_eq(hold_bytes(&hold), 0);
	ck_assert_uint_eq(hold.count, 0);
	hold_free(&hold);
}
END_TEST

/* With sizes that meet the ring's end in every way. */
START_TEST(the_ring_goes_round)
{
	size_t turn, size;

	add(1, 0);
	for (turn = 0; turn < 3 * HOLD_BYTES / 30000; turn++) {
		size = 60000 - turn % 7;
		add(size, (uint8_t)(turn + 1));
		take(turn == 0 ? 1 : 60000 - (turn - 1) % 7, (uint8_t)turn);
	}
	hold_free(&hold);
}
END_TEST

START_TEST(a_full_one_says_so)
{
	size_t count = 0;

	memset(datagram, 1, 10000);
	while (hold_add(&hold, datagram, 10000))
		count++;
	ck_assert_uint_eq(count, HOLD_BYTES / 10004);
	take(10000, 1);
	add(9000, 1);
	for (; count > 1; count--)
		take(10000, 1);
	take(9000, 1);
	ck_assert_uint_eq(hold_bytes(&hold), 0);
	hold_free(&hold);
}
END_TEST

/* Round the ring's end, as another process would find it. */
START_TEST(an_heir_finds_what_waits)
{
	struct hold old;
	size_t i;

	add(100, 0);
	for (i = 0; i < HOLD_BYTES / 60000; i++) {
		add(60000, (uint8_t)(i + 1));
		take(i == 0 ? 100 : 60000, (uint8_t)i);
	}
	add(60000, (uint8_t)(i + 1));
	add(0, 0);
	add(7, 'z');
	old = hold;
	memset(&hold, 0, sizeof(hold));
	ck_assert(!hold_inherit(&hold, dup(old.memory), old.tail,
	    old.head + sizeof(uint32_t), old.count));
	ck_assert(!hold_inherit(&hold, dup(old.memory), old.tail + 1, old.head,
	    old.count));
	ck_assert(!hold_inherit(&hold, dup(old.memory), old.head, old.tail,
	    old.count));
	ck_assert(!hold_inherit(&hold, dup(old.memory), old.tail, old.head,
	    old.count - 1));
	ck_assert_ptr_null(hold.ring);
	ck_assert(hold_inherit(&hold, dup(old.memory), old.tail, old.head,
	    old.count));
	take(60000, (uint8_t)i);
	take(60000, (uint8_t)(i + 1));
	take(0, 0);
	take(7, 'z');
	ck_assert_uint_eq(hold.count, 0);
	hold_free(&hold);
	hold_free(&old);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hold");
	TCase *all = tcase_create("all");

	tcase_add_test(all, first_in_is_first_out);
	tcase_add_test(all, the_ring_goes_round);
	tcase_add_test(all, a_full_one_says_so);
	tcase_add_test(all, an_heir_finds_what_waits);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
