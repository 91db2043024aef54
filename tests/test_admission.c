#include "supervisor/engine/admission.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/suite.h"

#define LUCKY 99
#define UNLUCKY 0

static struct sockaddr_storage
ipv4(unsigned int number)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	struct sockaddr_in *in = (void *)&address;

	in->sin_addr.s_addr = htonl(0x0a000000 + number);
	in->sin_port = htons((uint16_t)(1024 + number));
	return address;
}

static struct sockaddr_storage
ipv6(const char *text)
{
	struct sockaddr_storage address = { .ss_family = AF_INET6 };
	struct sockaddr_in6 *in6 = (void *)&address;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	return address;
}

static enum admission_result
enter(struct admission *admission, struct sockaddr_storage address,
    uint32_t random)
{
	struct admission_source source;

	return admission_enter(admission, &address, random, &source);
}

static void
fill(struct admission *admission, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		ck_assert_int_eq(enter(admission, ipv4(i), LUCKY),
		    ADMISSION_YES);
}

START_TEST(all_slots_and_no_more)
{
	struct admission admission = { 0 };

	fill(&admission, ADMISSION_PENDING_MAX);
	ck_assert_int_eq(enter(&admission, ipv4(999), LUCKY), ADMISSION_FULL);
	ck_assert_uint_eq(admission.pending, ADMISSION_PENDING_MAX);
}
END_TEST

START_TEST(who_leaves_makes_room)
{
	struct admission admission = { 0 };
	struct sockaddr_storage address = ipv4(1000);
	struct admission_source source;

	fill(&admission, ADMISSION_PENDING_MAX - 1);
	ck_assert_int_eq(admission_enter(&admission, &address, LUCKY, &source),
	    ADMISSION_YES);
	for (int turn = 0; turn < 1000; turn++) {
		admission_leave(&admission, &source);
		ck_assert_int_eq(admission_enter(&admission, &address, LUCKY,
				     &source),
		    ADMISSION_YES);
		ck_assert_int_eq(enter(&admission, ipv4(999), LUCKY),
		    ADMISSION_FULL);
	}
}
END_TEST

START_TEST(nobody_is_dropped_early_below_the_start)
{
	struct admission admission = { 0 };

	for (unsigned int i = 0; i < ADMISSION_EARLY_START; i++)
		ck_assert_int_eq(enter(&admission, ipv4(i), UNLUCKY),
		    ADMISSION_YES);
	ck_assert_int_eq(enter(&admission, ipv4(99), UNLUCKY), ADMISSION_EARLY);
}
END_TEST

static unsigned int
drops_in_100(struct admission admission)
{
	unsigned int drops = 0;

	for (uint32_t random = 0; random < 100; random++) {
		struct admission copy = admission;

		drops += enter(&copy, ipv4(999), random) == ADMISSION_EARLY;
	}
	return drops;
}

START_TEST(the_more_there_are_the_likelier_the_drop)
{
	struct admission admission = { 0 };
	unsigned int last = ADMISSION_EARLY_PERCENT, now;

	fill(&admission, ADMISSION_EARLY_START);
	ck_assert_uint_eq(drops_in_100(admission), ADMISSION_EARLY_PERCENT);
	for (unsigned int i = ADMISSION_EARLY_START;
	     i < ADMISSION_PENDING_MAX - 1; i++) {
		ck_assert_int_eq(enter(&admission, ipv4(i), LUCKY),
		    ADMISSION_YES);
		now = drops_in_100(admission);
		ck_assert_uint_ge(now, last);
		ck_assert_uint_lt(now, 100);
		last = now;
	}
	ck_assert_uint_gt(last, 95);
}
END_TEST

START_TEST(one_ipv4_address_has_its_share)
{
	struct admission admission = { 0 };
	struct sockaddr_storage address = ipv4(7);
	struct admission_source source;

	for (int i = 0; i < ADMISSION_SOURCE_MAX; i++)
		ck_assert_int_eq(admission_enter(&admission, &address, LUCKY,
				     &source),
		    ADMISSION_YES);
	ck_assert_int_eq(enter(&admission, address, LUCKY), ADMISSION_SOURCE);
	ck_assert_int_eq(enter(&admission, ipv4(8), LUCKY), ADMISSION_YES);
	admission_leave(&admission, &source);
	ck_assert_int_eq(enter(&admission, address, LUCKY), ADMISSION_YES);
	ck_assert_int_eq(enter(&admission, address, LUCKY), ADMISSION_SOURCE);
}
END_TEST

START_TEST(one_ipv6_network_has_its_share)
{
	struct admission admission = { 0 };
	char text[INET6_ADDRSTRLEN];

	for (int i = 0; i < ADMISSION_SOURCE_MAX; i++) {
		snprintf(text, sizeof(text), "2001:db8:0:1:%x::1", i);
		ck_assert_int_eq(enter(&admission, ipv6(text), LUCKY),
		    ADMISSION_YES);
	}
	ck_assert_int_eq(enter(&admission, ipv6("2001:db8:0:1::9"), LUCKY),
	    ADMISSION_SOURCE);
	ck_assert_int_eq(enter(&admission, ipv6("2001:db8:0:2::9"), LUCKY),
	    ADMISSION_YES);
	/* The same bytes, but another family. */
	ck_assert_int_eq(enter(&admission, ipv6("a00:7::"), LUCKY),
	    ADMISSION_YES);
	ck_assert_int_eq(enter(&admission, ipv4(7), LUCKY), ADMISSION_YES);
}
END_TEST

/* Against a plain count of who is in. */
START_TEST(random_comings_and_goings_add_up)
{
	struct admission admission = { 0 };
	struct admission_source in[ADMISSION_PENDING_MAX];
	unsigned int of[ADMISSION_PENDING_MAX], count[20] = { 0 }, who;
	unsigned int seed = (unsigned int)time(NULL);
	struct sockaddr_storage address;
	size_t pending = 0, leaver;

	printf("seed %u\n", seed);
	srand(seed);
	for (int step = 0; step < 100000; step++) {
		who = (unsigned int)rand() % 20;
		address = ipv4(who);
		if (rand() % 2 == 0 && pending < ADMISSION_PENDING_MAX &&
		    admission_enter(&admission, &address, (uint32_t)rand(),
			&in[pending]) == ADMISSION_YES) {
			ck_assert_uint_le(++count[who], ADMISSION_SOURCE_MAX);
			of[pending++] = who;
		} else if (pending > 0) {
			leaver = (size_t)rand() % pending;
			admission_leave(&admission, &in[leaver]);
			count[of[leaver]]--;
			pending--;
			in[leaver] = in[pending];
			of[leaver] = of[pending];
		}
		ck_assert_uint_eq(admission.pending, pending);
	}
}
END_TEST

START_TEST(hellos_have_a_rate)
{
	struct admission admission = { 0 };
	uint64_t now_us = 77777;
	unsigned int taken = 0;

	for (int i = 0; i < ADMISSION_HELLOS_PER_S; i++)
		ck_assert_int_eq(admission_hello(&admission, now_us),
		    ADMISSION_YES);
	ck_assert_int_eq(admission_hello(&admission, now_us), ADMISSION_RATE);
	/* A flood of ten a millisecond, for ten seconds. */
	for (int i = 0; i < 100000; i++) {
		now_us += 100;
		taken += admission_hello(&admission, now_us) == ADMISSION_YES;
	}
	ck_assert_uint_ge(taken, 10 * ADMISSION_HELLOS_PER_S - 1);
	ck_assert_uint_le(taken, 10 * ADMISSION_HELLOS_PER_S + 1);
	/* After a rest the whole burst is there again, and no more. */
	now_us += 60000000;
	for (int i = 0; i < ADMISSION_HELLOS_PER_S; i++)
		ck_assert_int_eq(admission_hello(&admission, now_us),
		    ADMISSION_YES);
	ck_assert_int_eq(admission_hello(&admission, now_us), ADMISSION_RATE);
}
END_TEST

START_TEST(workers_have_a_rate_of_their_own)
{
	struct admission admission = { 0 };
	uint64_t now_us = 77777;
	unsigned int taken = 0;

	for (int i = 0; i < ADMISSION_WORKERS_BURST; i++)
		ck_assert_int_eq(admission_worker(&admission, now_us),
		    ADMISSION_YES);
	ck_assert_int_eq(admission_worker(&admission, now_us), ADMISSION_RATE);
	ck_assert_int_eq(admission_hello(&admission, now_us), ADMISSION_YES);
	for (int i = 0; i < 100000; i++) {
		now_us += 100;
		taken += admission_worker(&admission, now_us) == ADMISSION_YES;
	}
	ck_assert_uint_ge(taken, 10 * ADMISSION_WORKERS_PER_S - 1);
	ck_assert_uint_le(taken, 10 * ADMISSION_WORKERS_PER_S + 1);
}
END_TEST

START_TEST(pressure_is_half_of_either)
{
	struct admission admission = { 0 };
	uint64_t now_us = 77777;

	for (int i = 0; i < ADMISSION_HELLOS_PER_S / 2; i++)
		admission_hello(&admission, now_us);
	ck_assert(!admission_is_pressed(&admission, now_us));
	admission_hello(&admission, now_us);
	ck_assert(admission_is_pressed(&admission, now_us));
	ck_assert(!admission_is_pressed(&admission, now_us + 100000));
	for (int i = 0; i <= ADMISSION_WORKERS_BURST / 2; i++)
		admission_worker(&admission, now_us + 100000);
	ck_assert(admission_is_pressed(&admission, now_us + 100000));
}
END_TEST

START_TEST(the_last_ones_are_remembered)
{
	struct admission admission = { 0 };

	for (uint64_t mark = 1; mark <= ADMISSION_SEEN_MAX + 1; mark++) {
		ck_assert(!admission_repeats(&admission, mark));
		admission_remember(&admission, mark);
		ck_assert(admission_repeats(&admission, mark));
	}
	ck_assert(!admission_repeats(&admission, 1));
	ck_assert(admission_repeats(&admission, 2));
}
END_TEST

START_TEST(one_line_a_second_and_the_rest_counted)
{
	struct admission admission = { 0 };
	uint64_t unsaid = 99, lines = 0, counted = 0, now_us = 5;

	ck_assert(admission_may_log(&admission, now_us, &unsaid));
	ck_assert_uint_eq(unsaid, 0);
	ck_assert(!admission_owes_log(&admission, now_us + 2000000));
	for (int i = 0; i < 100000; i++) {
		now_us += 100;
		if (!admission_may_log(&admission, now_us, &unsaid))
			continue;
		lines++;
		counted += unsaid;
	}
	ck_assert_uint_ge(lines, 9);
	ck_assert_uint_le(lines, 10);
	now_us += 1000000;
	ck_assert(admission_owes_log(&admission, now_us) ||
	    counted + lines == 100000);
	ck_assert(admission_may_log(&admission, now_us, &unsaid));
	ck_assert_uint_eq(counted + unsaid + lines, 100000);
	ck_assert(!admission_owes_log(&admission, now_us + 1000000));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("admission");
	TCase *t = tcase_create("admission");

	tcase_add_test(t, all_slots_and_no_more);
	tcase_add_test(t, who_leaves_makes_room);
	tcase_add_test(t, nobody_is_dropped_early_below_the_start);
	tcase_add_test(t, the_more_there_are_the_likelier_the_drop);
	tcase_add_test(t, one_ipv4_address_has_its_share);
	tcase_add_test(t, one_ipv6_network_has_its_share);
	tcase_add_test(t, random_comings_and_goings_add_up);
	tcase_add_test(t, hellos_have_a_rate);
	tcase_add_test(t, workers_have_a_rate_of_their_own);
	tcase_add_test(t, pressure_is_half_of_either);
	tcase_add_test(t, the_last_ones_are_remembered);
	tcase_add_test(t, one_line_a_second_and_the_rest_counted);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
