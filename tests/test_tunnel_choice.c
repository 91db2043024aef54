#include "supervisor/engine/tunnel_choice.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "tests/suite.h"

#define SECOND UINT64_C(1000000)
#define TICK (SECOND / 100)
#define PATHS_MAX 5
#define FAILOVER_S 3

/* A connector's tunnel, with listeners that refuse at once but for one. */
static struct tunnel tunnel;
static struct config_tunnel config;
static struct config_path direct;
static struct path paths[PATHS_MAX];
static uint64_t now_us;
static unsigned int dials;
static unsigned int dialled[CONFIG_DESTINATIONS_MAX];
static size_t answers; /* which one; beyond the last: none */
static bool denies;    /* a relay rejects our credentials */

uint64_t
clock_now_us(void)
{
	return now_us;
}

/* As path.c does, where that is not at hand. */
static void
down(struct path *path)
{
	uint32_t delay_ms = backoff_next_ms(&path->backoff, 0,
	    (uint32_t)random());

	path->backoff.stands = denies;
	if (denies)
		delay_ms = BACKOFF_DENIED_MS;
	path->state = PATH_WAITING;
	path->limit_us = now_us + (uint64_t)delay_ms * 1000;
}

void
path_finish(struct path *path, const char *words)
{
	(void)words;
	down(path);
}

void
path_fail(struct path *path, const char *format, ...)
{
	(void)path;
	(void)format;
}

bool
path_is_stalled(const struct path *path, uint64_t at_us)
{
	(void)path;
	(void)at_us;
	return false;
}

static void
begin(size_t listeners, size_t count)
{
	memset(&tunnel, 0, sizeof(tunnel));
	memset(paths, 0, sizeof(paths));
	memset(dialled, 0, sizeof(dialled));
	memset(&config, 0, sizeof(config));
	config.failover_s = FAILOVER_S;
	config.destinations_count = listeners;
	direct.direct = true;
	tunnel.config = &config;
	TAILQ_INIT(&tunnel.paths);
	for (size_t i = 0; i < count; i++) {
		paths[i].tunnel = &tunnel;
		paths[i].config = &direct;
		paths[i].state = PATH_WAITING;
		TAILQ_INSERT_TAIL(&tunnel.paths, &paths[i], entry);
	}
	now_us = 1000 * SECOND;
	dials = 0;
	answers = CONFIG_DESTINATIONS_MAX;
	denies = false;
	tunnel_choose_first(&tunnel);
}

static size_t
chosen(void)
{
	uint32_t target;

	return (
	    size_t)(tunnel_destination(&tunnel, &target) - config.destinations);
}

static void
dial(struct path *path)
{
	tunnel_choice_dials(path);
	dials++;
	dialled[chosen()]++;
	if (chosen() == answers)
		path->state = PATH_UP;
	else
		down(path);
}

static void
run(unsigned int seconds)
{
	uint64_t end_us = now_us + seconds * SECOND;
	struct path *path;

	for (; now_us < end_us; now_us += TICK) {
		TAILQ_FOREACH(path, &tunnel.paths, entry)
			if (path->state == PATH_WAITING &&
			    now_us >= path->limit_us)
				dial(path);
		tunnel_choice_tick(&tunnel, now_us);
	}
}

START_TEST(the_next_is_tried_at_once)
{
	begin(3, 2);
	answers = 2;
	run(2 * FAILOVER_S + 1);
	ck_assert_int_eq(paths[0].state, PATH_UP);
	ck_assert_int_eq(paths[1].state, PATH_UP);
}
END_TEST

START_TEST(after_a_day_too)
{
	begin(2, 1);
	answers = 0;
	run(24 * 60 * 60);
	answers = 1;
	down(&paths[0]);
	run(FAILOVER_S + 1);
	ck_assert_int_eq(paths[0].state, PATH_UP);
	answers = 0;
	down(&paths[0]);
	run(FAILOVER_S + 1);
	ck_assert_int_eq(paths[0].state, PATH_UP);
}
END_TEST

/* For each listener a series of its own, then one for all of them. */
START_TEST(what_is_in_vain_becomes_rare)
{
	static const size_t counts[] = { 1, 5 };
	unsigned int alone;

	for (size_t i = 0; i < 2; i++) {
		begin(1, counts[i]);
		run(45);
		alone = dials;
		begin(2, counts[i]);
		run(45);
		ck_assert_uint_le(dials, 2 * alone);
		dials = 0;
		run(300);
		ck_assert_uint_le(dials, 15 * counts[i]);
		ck_assert_uint_ge(dials, 7 * counts[i]);
	}
}
END_TEST

START_TEST(none_is_left_out)
{
	begin(4, 1);
	run(60);
	memset(dialled, 0, sizeof(dialled));
	run(400);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_ge(dialled[i], 1);
}
END_TEST

START_TEST(names_with_records_come_round_too)
{
	begin(1, 1);
	config.destinations[0].kind = HOP_SRV;
	run(45);
	ck_assert_uint_le(dials, 40);
	dials = 0;
	run(300);
	ck_assert_uint_le(dials, 15);
}
END_TEST

START_TEST(rejected_credentials_have_their_time)
{
	begin(2, 1);
	denies = true;
	run(BACKOFF_DENIED_MS / 1000 - 1);
	ck_assert_uint_eq(dials, 1);
	run(2 * BACKOFF_DENIED_MS / 1000);
	ck_assert_uint_eq(dials, 3);
}
END_TEST

/* At the backoff of its only path, one listener after the other. */
START_TEST(one_that_is_back_is_found)
{
	begin(2, 1);
	run(600);
	answers = 0;
	run(120);
	ck_assert_int_eq(paths[0].state, PATH_UP);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tunnel_choice");
	TCase *tests = tcase_create("tunnel_choice");

	tcase_add_test(tests, the_next_is_tried_at_once);
	tcase_add_test(tests, after_a_day_too);
	tcase_add_test(tests, what_is_in_vain_becomes_rare);
	tcase_add_test(tests, none_is_left_out);
	tcase_add_test(tests, names_with_records_come_round_too);
	tcase_add_test(tests, rejected_credentials_have_their_time);
	tcase_add_test(tests, one_that_is_back_is_found);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
