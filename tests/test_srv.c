#include "worker/srv.h"

#include <check.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#define ANSWER_MAX 4096
#define SEEDS 2000

static uint8_t answer[ANSWER_MAX];
static size_t answer_bytes;
static struct srv_list list;

static void
put(const void *bytes, size_t count)
{
	ck_assert_uint_le(answer_bytes + count, sizeof(answer));
	memcpy(answer + answer_bytes, bytes, count);
	answer_bytes += count;
}

static void
put16(unsigned int value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(bytes, sizeof(bytes));
}

/* Labels up to the root; "" is the root. */
static void
put_name(const char *name)
{
	while (*name != '\0') {
		size_t length = strcspn(name, ".");
		uint8_t byte = (uint8_t)length;

		put(&byte, 1);
		put(name, length);
		name += length + (name[length] == '.');
	}
	put("", 1);
}

static void
begin(unsigned int records)
{
	answer_bytes = 0;
	put16(1);      /* identity */
	put16(0x8180); /* an answer */
	put16(1);
	put16(records);
	put16(0);
	put16(0);
	put_name("_a._tcp.example");
	put16(33);
	put16(1);
}

static void
add(unsigned int priority, unsigned int weight, unsigned int port,
    const char *host)
{
	put_name("_a._tcp.example");
	put16(33);
	put16(1);
	put16(0);
	put16(60);
	put16(6 + (unsigned int)strlen(host) + (*host == '\0' ? 1 : 2));
	put16(priority);
	put16(weight);
	put16(port);
	put_name(host);
}

START_TEST(targets_are_read)
{
	begin(2);
	add(10, 5, 7000, "one.example");
	add(20, 0, 7001, "two.example");
	ck_assert_int_eq(srv_read(answer, answer_bytes, &list), 0);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(list.item[0].host, "one.example");
	ck_assert_uint_eq(list.item[0].priority, 10);
	ck_assert_uint_eq(list.item[0].weight, 5);
	ck_assert_uint_eq(list.item[0].port, 7000);
	ck_assert_str_eq(list.item[1].host, "two.example");
}
END_TEST

START_TEST(what_is_no_target_is_none)
{
	begin(0);
	ck_assert_int_eq(srv_read(answer, answer_bytes, &list), EAI_NONAME);
	begin(2);
	add(0, 0, 7000, "");
	add(0, 0, 0, "one.example");
	ck_assert_int_eq(srv_read(answer, answer_bytes, &list), EAI_NONAME);
}
END_TEST

START_TEST(more_than_fit_are_left_out)
{
	begin(SRV_TARGETS_MAX + 8);
	for (unsigned int i = 0; i < SRV_TARGETS_MAX + 8; i++)
		add(i, 0, 7000, "one.example");
	ck_assert_int_eq(srv_read(answer, answer_bytes, &list), 0);
	ck_assert_uint_eq(list.count, SRV_TARGETS_MAX);
}
END_TEST

/* Whatever is cut off or changed: an error or targets, nothing worse. */
START_TEST(broken_answers)
{
	size_t whole;

	begin(2);
	add(10, 5, 7000, "one.example");
	add(20, 0, 7001, "two.example");
	whole = answer_bytes;
	for (size_t bytes = 0; bytes < whole; bytes++)
		ck_assert_int_ne(srv_read(answer, bytes, &list), 0);
	srand(1);
	for (int turn = 0; turn < 20000; turn++) {
		size_t at = (size_t)rand() % whole;
		uint8_t kept = answer[at];

		answer[at] = (uint8_t)rand();
		srv_read(answer, whole, &list);
		ck_assert_uint_le(list.count, SRV_TARGETS_MAX);
		answer[at] = kept;
	}
}
END_TEST

static void
offer(uint16_t priority, uint16_t weight, const char *host)
{
	struct srv_target *target = &list.item[list.count++];

	memset(target, 0, sizeof(*target));
	target->priority = priority;
	target->weight = weight;
	target->port = 1;
	strcpy(target->host, host);
}

START_TEST(priority_goes_before_weight)
{
	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		list.count = 0;
		offer(2, 65535, "c");
		offer(1, 0, "a");
		offer(1, 9, "b");
		srv_order(&list, seed);
		ck_assert_str_eq(list.item[2].host, "c");
	}
}
END_TEST

/* Of a and b with these weights: how often, of SEEDS times, host is first. */
static int
count_first(char host, uint16_t a, uint16_t b)
{
	int first = 0;

	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		list.count = 0;
		offer(1, a, "a");
		offer(1, b, "b");
		srv_order(&list, seed * 2654435761u);
		first += list.item[0].host[0] == host;
	}
	return first;
}

START_TEST(weight_is_a_share)
{
	int first = count_first('a', 30, 10);

	ck_assert_int_gt(first, SEEDS * 65 / 100);
	ck_assert_int_lt(first, SEEDS * 85 / 100);
}
END_TEST

START_TEST(no_weight_is_a_small_chance)
{
	int first = count_first('b', 9, 0);

	ck_assert_int_gt(first, SEEDS * 5 / 100);
	ck_assert_int_lt(first, SEEDS * 15 / 100);
}
END_TEST

START_TEST(servers_may_rotate)
{
	struct srv_list other;

	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		list.count = 0;
		offer(1, 1, "a");
		offer(1, 1, "b");
		offer(1, 1, "c");
		srv_order(&list, seed);
		other = list;
		list.count = 0;
		offer(1, 1, "c");
		offer(1, 1, "a");
		offer(1, 1, "b");
		srv_order(&list, seed);
		for (size_t i = 0; i < 3; i++)
			ck_assert_str_eq(list.item[i].host, other.item[i].host);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("srv");
	TCase *tests = tcase_create("srv");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, targets_are_read);
	tcase_add_test(tests, what_is_no_target_is_none);
	tcase_add_test(tests, more_than_fit_are_left_out);
	tcase_add_test(tests, broken_answers);
	tcase_add_test(tests, priority_goes_before_weight);
	tcase_add_test(tests, weight_is_a_share);
	tcase_add_test(tests, no_weight_is_a_small_chance);
	tcase_add_test(tests, servers_may_rotate);
	return suite_run(suite);
}
